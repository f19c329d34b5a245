"""How often the group models find planted effects, and effects where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from Cohort.group.icv_adjustment import ANCOVA, POWER_PROPORTION, PROPORTION, RESIDUALS
from Cohort.group.linear_models import fit_contrast
from Cohort.group.power import power_of
from Testing.simulated_statistics.cross_sectional import CLASSIC, rejections

SIMULATIONS = 500


def near_nominal(count: int, rate: float) -> bool:
    """Within what a binomial of this rate gives in 999 of 1000 such series."""
    low, high = stats.binom.interval(0.999, SIMULATIONS, rate)
    return low <= count <= high


@pytest.fixture(scope="module")
def without_effect() -> dict[str, int]:
    return rejections(SIMULATIONS, methods=(RESIDUALS, POWER_PROPORTION, PROPORTION))


@pytest.fixture(scope="module")
def with_effect() -> dict[str, int]:
    return rejections(SIMULATIONS, effect_mm3=-40.0, methods=(PROPORTION,))


def test_false_positives_are_as_rare_as_they_should_be(without_effect):
    assert near_nominal(without_effect[ANCOVA], 0.05), without_effect


@pytest.mark.parametrize("method", [RESIDUALS, POWER_PROPORTION, PROPORTION])
def test_adjusting_first_does_not_make_false_positives(without_effect, method):
    # Slope and exponent are estimated as well, which the model after it does not know.
    low, high = stats.binom.interval(0.999, SIMULATIONS, 0.05)
    assert without_effect[method] <= high + 0.02 * SIMULATIONS, (low, high, without_effect)


def test_power_is_that_of_the_non_central_t(with_effect):
    expected = power_of(40 / 60 / np.sqrt(1 / 40 + 1 / 30), 66)
    assert 0.6 < expected < 0.9
    assert near_nominal(with_effect[ANCOVA], expected), (expected, with_effect)


def test_taking_out_head_size_wins_power(with_effect):
    assert with_effect[ANCOVA] > with_effect[PROPORTION]


def test_heads_that_differ_fool_the_proportion_but_not_the_covariate():
    methods = (RESIDUALS, POWER_PROPORTION, PROPORTION)
    counts = rejections(SIMULATIONS, icv_shift_mm3=1e5, methods=methods)
    assert near_nominal(counts[ANCOVA], 0.05), counts
    assert counts[PROPORTION] > 0.15 * SIMULATIONS, counts
    # Slope and exponent carry an error of their own that the second model does not know: the
    # report says so. Here it is bounded.
    assert counts[RESIDUALS] < 0.13 * SIMULATIONS, counts
    assert counts[POWER_PROPORTION] < 0.13 * SIMULATIONS, counts


def test_unequal_spread_in_unequal_groups_needs_the_robust_error():
    # A small group that varies more: the classic error is too small, HC2 is not.
    counts = rejections(SIMULATIONS, sd_a=120.0, sd_b=40.0, n_a=15, n_b=60, methods=())
    assert near_nominal(counts[ANCOVA], 0.05), counts
    assert counts[CLASSIC] > stats.binom.ppf(0.999, SIMULATIONS, 0.05), counts


def test_the_confidence_interval_of_g_holds_the_truth():
    generator = np.random.default_rng(7)
    is_a = np.arange(50) < 30
    held = 0
    for _ in range(SIMULATIONS):
        age = generator.normal(size=50)
        outcome = -0.7 * is_a + 0.5 * age + generator.normal(size=50)
        fit = fit_contrast(outcome, is_a, age[:, None])
        held += fit.g_low <= -0.7 <= fit.g_high
    assert near_nominal(held, 0.95)
