"""HC2 errors and Bell–McCaffrey degrees of freedom are those of their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from Cohort.group.linear_models import fit_contrast
from Cohort.group.small_sample_errors import SmallSampleErrors
from Testing.support.reference_df import brute_force_df


def errors_of(design, outcome) -> SmallSampleErrors:
    fit = sm.OLS(outcome, design).fit()
    return SmallSampleErrors(design, fit.params, fit.resid)


@pytest.mark.parametrize(("n_a", "n_b"), [(3, 997), (3, 27), (10, 10), (40, 30)])
def test_two_groups_have_the_published_degrees_of_freedom(n_a, n_b):
    # Imbens & Kolesár 2016, section II.B.
    published = (n_a + n_b) ** 2 * (n_a - 1) * (n_b - 1)
    published /= n_a**2 * (n_a - 1) + n_b**2 * (n_b - 1)
    is_a = np.arange(n_a + n_b) < n_a
    outcome = np.random.default_rng(7).normal(size=n_a + n_b)
    assert fit_contrast(outcome, is_a).df == pytest.approx(published)


def test_two_groups_have_welchs_error():
    generator = np.random.default_rng(1)
    a, b = generator.normal(0, 3, 7), generator.normal(0, 1, 31)
    fit = fit_contrast(np.concatenate([a, b]), np.arange(38) < 7)
    assert fit.t == pytest.approx(stats.ttest_ind(a, b, equal_var=False).statistic)


@pytest.mark.parametrize("seed", range(5))
def test_covariates_that_go_with_the_group_are_in_error_and_freedom(seed):
    generator = np.random.default_rng(seed)
    is_a = np.arange(23) < 5
    design = np.column_stack(
        [np.ones(23), is_a, generator.normal(is_a, 1.0), generator.exponential(1, 23)]
    )
    outcome = generator.normal(size=23)
    errors = errors_of(design, outcome)
    reference = sm.OLS(outcome, design).fit(cov_type="HC2", use_t=True)
    for column in range(4):
        found = errors.estimate(np.eye(4)[column])
        assert found.value == pytest.approx(reference.params[column])
        assert found.standard_error == pytest.approx(reference.bse[column])
        assert found.df == pytest.approx(brute_force_df(design, column))
        assert found.p == pytest.approx(2 * stats.t.sf(abs(found.t), found.df))


def test_a_combination_is_the_coefficient_of_a_design_turned_to_it():
    generator = np.random.default_rng(3)
    design = np.column_stack([np.ones(20), generator.normal(size=(20, 2))])
    outcome = generator.normal(size=20)
    # With x2 − x1 in the place of x2 the first coefficient is the sum of both.
    turned = design.copy()
    turned[:, 1] += 0
    turned[:, 2] -= design[:, 1]
    one = errors_of(design, outcome).estimate(np.array([0.0, 1, 1]))
    other = errors_of(turned, outcome).estimate(np.array([0.0, 1, 0]))
    assert one.value == pytest.approx(other.value)
    assert one.standard_error == pytest.approx(other.standard_error)
    assert one.df == pytest.approx(other.df)


def test_a_scan_fitted_exactly_changes_nothing_where_it_tells_nothing():
    generator = np.random.default_rng(4)
    is_a = np.arange(16) < 6
    outcome = generator.normal(size=16)
    plain = fit_contrast(outcome, is_a)
    alone = np.zeros((17, 1))
    alone[-1] = 1
    with_one = fit_contrast(np.append(outcome, 900.0), np.append(is_a, False), alone)
    assert with_one.estimate == pytest.approx(plain.estimate)
    assert with_one.standard_error == pytest.approx(plain.standard_error)
    assert with_one.df == pytest.approx(plain.df)


def test_what_is_fitted_without_an_error_has_no_result():
    # Else g would be −10¹⁴ and p 0.
    is_a = np.arange(12) < 5
    covariate = np.arange(12.0)[:, None]
    assert fit_contrast(800.0 - 3 * is_a + 2 * covariate[:, 0], is_a, covariate) is None
    exact = errors_of(np.eye(3)[[0, 0, 1, 2]], np.array([1.0, 2, 5, 7]))
    assert exact.estimate(np.array([0.0, 1, 0])) is None
