"""Sample sizes and detectable differences keep their promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from Cohort.group.linear_models import fit_contrast
from Cohort.group.power import (
    TwoGroupDesign,
    design_of,
    detectable_difference,
    detectable_multiple,
    power_of,
)

PLAIN = TwoGroupDesign(1.0, 1.0)


@pytest.mark.parametrize(("d", "n"), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_sample_sizes_are_cohens(d, n):
    # Cohen J. A power primer. Psychol Bull 1992: 393, 64 and 26 (393.4 before rounding up).
    assert PLAIN.n_per_group(d) == n
    assert PLAIN.n_per_group(-d) == n


@pytest.mark.parametrize("d", [0.15, 0.36, 0.61, 1.3, 2.2])
def test_sample_size_is_the_smallest_that_reaches_80_percent(d):
    n = int(PLAIN.n_per_group(d))
    assert PLAIN.power(d, n) >= 0.8 > PLAIN.power(d, n - 1)


def test_no_difference_and_too_small_a_one_have_no_sample_size():
    assert np.isnan(PLAIN.n_per_group(0.0))
    assert np.isnan(PLAIN.n_per_group(1e-4))
    assert power_of(40.0, 30) == pytest.approx(1.0)


def test_no_sample_size_is_smaller_than_the_model_needs():
    # "n = 2 a group" for a model with four covariates cannot be fitted.
    design = TwoGroupDesign(1.0, 1.0, other_columns=4)
    n = int(design.n_per_group(9.0))
    assert n == design.fewest_per_group == 5
    generator = np.random.default_rng(1)
    outcome, nuisance = generator.normal(size=2 * n), generator.normal(size=(2 * n, 4))
    assert fit_contrast(outcome, np.arange(2 * n) < n, nuisance) is not None


def test_scans_that_leave_no_degrees_of_freedom_are_not_enough():
    # One group varies far more, so that Welch's degrees of freedom hardly grow with both.
    design = TwoGroupDesign(7.6, 35.1, variance_inflation=1.86, other_columns=5)
    n = int(design.n_per_group(320.0))
    assert np.isnan(design.power(320.0, design.fewest_per_group))
    assert design.power(320.0, n) >= 0.8 > design.power(320.0, n - 1)


def test_covariates_in_which_the_groups_differ_cost_scans():
    doubled = TwoGroupDesign(1.0, 1.0, variance_inflation=2.0)
    assert doubled.n_per_group(0.5) == pytest.approx(2 * PLAIN.n_per_group(0.5), abs=1)
    generator = np.random.default_rng(2)
    is_a = np.arange(200) < 120
    age = generator.normal(58 + 20 * is_a, 10)
    fit = fit_contrast(generator.normal(size=200), is_a, age[:, None])
    explained = np.corrcoef(age, is_a)[0, 1] ** 2
    assert fit.variance_inflation == pytest.approx(1 / (1 - explained))
    assert design_of(fit).variance_inflation == fit.variance_inflation


def test_each_group_has_its_own_spread():
    generator = np.random.default_rng(5)
    is_a = np.arange(600) < 300
    design = design_of(fit_contrast(generator.normal(0, np.where(is_a, 120, 40)), is_a))
    assert design.sd_a == pytest.approx(120, rel=0.1)
    assert design.sd_b == pytest.approx(40, rel=0.1)


def test_the_multiple_is_that_of_known_spread_in_large_groups_and_larger_in_small_ones():
    known = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert detectable_multiple(2000.0) == pytest.approx(known, rel=0.002)
    few = stats.t.ppf(0.975, 4) + stats.t.ppf(0.8, 4)
    assert detectable_multiple(4.0) > 1.1 * few


@pytest.mark.parametrize(
    ("n_a", "n_b", "older", "within"), [(40, 30, 20.0, 0.06), (6, 4, 0.0, 0.1)]
)
def test_a_difference_said_to_be_found_with_80_percent_is(n_a, n_b, older, within):
    # The old promise, from the counts of scans alone, came to 51 and 30 %.
    generator = np.random.default_rng(3)
    is_a = np.arange(n_a + n_b) < n_a
    found, cohorts = 0, 300
    for _ in range(cohorts):
        nuisance = np.column_stack(
            [generator.normal(58 + older * is_a, 10), generator.normal(size=n_a + n_b)]
        )
        promised, again = generator.normal(0, 60, (2, n_a + n_b))
        difference = detectable_difference(fit_contrast(promised, is_a, nuisance))
        found += fit_contrast(again - difference * is_a, is_a, nuisance).p < 0.05
    assert found / cohorts == pytest.approx(0.8, abs=within)
