"""Taking head size out of volumes: coefficients, and whose heads they are fitted on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from Cohort.group.assumption_checks import icv_correlation_left
from Cohort.group.comparisons import compare_groups
from Cohort.group.icv_adjustment import POWER_PROPORTION, PROPORTION, RESIDUALS, fit_adjustment
from Cohort.structures import TOTAL
from Testing.support.cohort_tables import ALS_CONTROL, cohort


def test_the_power_of_the_correlation_is_found_again():
    generator = np.random.default_rng(2)
    icv = generator.normal(1.45e6, 1.3e5, 4000)
    volume = 850 * (icv / 1.45e6) ** 0.55 * np.exp(generator.normal(0, 0.05, 4000))
    everyone = np.ones(4000, bool)
    found = fit_adjustment(POWER_PROPORTION, volume, icv, everyone)
    assert found.coefficient == pytest.approx(0.55, abs=0.03)
    left = icv_correlation_left(found.apply(volume, icv), icv, np.arange(4000) < 2000)
    assert abs(left) < 0.03
    proportion = fit_adjustment(PROPORTION, volume, icv, everyone).apply(volume, icv)
    # Dividing by ICV turns the dependence round, as the literature says.
    assert icv_correlation_left(proportion, icv, np.arange(4000) < 2000) < -0.3


def test_residuals_are_fitted_on_the_controls_alone():
    generator = np.random.default_rng(4)
    icv = generator.normal(1.45e6, 1.3e5, 60)
    is_control = np.arange(60) < 25
    volume = np.where(is_control, 5e-4 * icv, 1e-4 * icv) + generator.normal(0, 5, 60)
    found = fit_adjustment(RESIDUALS, volume, icv, is_control)
    slope = stats.linregress(icv[is_control], volume[is_control]).slope
    assert found.coefficient == pytest.approx(slope)
    assert found.reference_icv_mm3 == pytest.approx(icv[is_control].mean())
    adjusted = found.apply(volume, icv)
    assert adjusted[is_control].mean() == pytest.approx(volume[is_control].mean())
    assert stats.pearsonr(adjusted[is_control], icv[is_control]).statistic == pytest.approx(
        0, abs=1e-9
    )


def test_equal_heads_need_no_adjustment():
    frame = cohort(effect_mm3=-40)
    frame["icv_mm3"] = 1.45e6
    found = compare_groups(frame, ALS_CONTROL, (), (TOTAL,)).comparisons
    plain, proportion = (found[TOTAL.name, method].fit for method in ("none", PROPORTION))
    assert proportion.estimate == pytest.approx(plain.estimate)
    assert proportion.p == pytest.approx(plain.p)
    # A head size that is the same for all cannot be told from the constant.
    assert found[TOTAL.name, "ancova"].fit is None
