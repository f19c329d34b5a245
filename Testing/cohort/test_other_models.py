"""Models beside the main one agree with other sources and do what they are there for."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import integrate, stats
from statsmodels.stats.weightstats import ttost_ind

from Cohort.group.all_groups import compare_all_groups
from Cohort.group.association import associate, check_predictors
from Cohort.group.covariates import Covariate
from Cohort.group.equivalence import bayes_factor, equivalence_p, smallest_equivalence_margin
from Cohort.group.errors import CovariateError
from Cohort.group.icv_adjustment import ANCOVA, UNADJUSTED, IcvAdjustment
from Cohort.group.linear_models import fit_contrast
from Cohort.group.model_data import ModelData, model_data
from Cohort.group.permutation import permutation_p
from Cohort.group.robust_regression import fit_robust
from Cohort.group.sites import leave_one_site_out
from Cohort.group.small_sample_errors import Estimate
from Cohort.structures import TOTAL, WHOLE
from Testing.support.cohort_tables import AGE_SEX, ALS_CONTROL, as_read, cohort, simulated

NAN = float("nan")


def data_of(outcome, is_a, nuisance=None) -> ModelData:
    nuisance = np.empty((len(outcome), 0)) if nuisance is None else nuisance
    nothing = np.full(len(outcome), NAN)
    unadjusted = IcvAdjustment(UNADJUSTED)
    return ModelData(pd.DataFrame(), is_a, outcome, outcome, nothing, nuisance, unadjusted)


# Robust regression


def test_one_failed_scan_hides_a_difference_from_least_squares_alone():
    frame = cohort(effect_mm3=-60, seed=4)
    clean = fit_robust(model_data(frame, ALS_CONTROL, AGE_SEX, TOTAL, ANCOVA))
    frame.loc[2, TOTAL.column] += 2500
    data = model_data(frame, ALS_CONTROL, AGE_SEX, TOTAL, ANCOVA)
    assert fit_contrast(data.outcome, data.is_a, data.nuisance).p > 0.15
    robust = fit_robust(data)
    assert robust.p < 0.01
    assert robust.value == pytest.approx(clean.value, abs=0.25 * clean.standard_error)


def test_robust_regression_is_least_squares_without_outliers():
    frame = cohort(n_a=200, n_b=200, effect_mm3=-40)
    data = model_data(frame, ALS_CONTROL, AGE_SEX, TOTAL, ANCOVA)
    plain, robust = fit_contrast(data.outcome, data.is_a, data.nuisance), fit_robust(data)
    assert robust.value == pytest.approx(plain.estimate, abs=0.6 * plain.standard_error)
    assert robust.standard_error == pytest.approx(plain.standard_error, rel=0.15)


# Permutation


def test_permutation_without_covariates_is_exact():
    generator = np.random.default_rng(2)
    outcome, is_a = generator.normal(size=8), np.arange(8) < 3
    outcome[is_a] += 1.5
    ts = []
    for chosen in combinations(range(8), 3):
        a = np.isin(np.arange(8), chosen)
        ts.append(abs(stats.ttest_ind(outcome[a], outcome[~a], equal_var=False).statistic))
    observed = abs(stats.ttest_ind(outcome[is_a], outcome[~is_a], equal_var=False).statistic)
    exact = np.mean(np.array(ts) >= observed * (1 - 1e-9))
    assert permutation_p(data_of(outcome, is_a), 9999) == pytest.approx(exact, abs=0.02)


def test_permutation_is_that_of_freedman_and_lane():
    # Against the definition: fitted without the group, plus shuffled residuals, fitted again.
    generator = np.random.default_rng(5)
    is_a, x = np.arange(14) < 5, generator.normal(size=(14, 1))
    outcome = generator.normal(size=14) + 3 * x[:, 0] + 0.8 * is_a
    reduced = np.column_stack([np.ones(14), x])
    fitted = reduced @ np.linalg.lstsq(reduced, outcome, rcond=None)[0]
    observed = abs(fit_contrast(outcome, is_a, x).t)
    count, shuffles = 0, 600
    for _ in range(shuffles):
        again = fitted + generator.permutation(outcome - fitted)
        count += abs(fit_contrast(again, is_a, x).t) >= observed
    p = permutation_p(data_of(outcome, is_a, x))
    assert p == pytest.approx(count / shuffles, abs=4 * np.sqrt(p * (1 - p) / shuffles))


def test_permutation_holds_its_level_in_tiny_groups():
    generator = np.random.default_rng(8)
    is_a, cohorts = np.arange(9) < 4, 300
    found = sum(
        permutation_p(
            data_of(generator.exponential(size=9), is_a, generator.normal(size=(9, 1))), 199
        )
        <= 0.05
        for _ in range(cohorts)
    )
    assert found <= stats.binom.ppf(0.999, cohorts, 0.06)


# No difference


def test_equivalence_is_two_one_sided_tests():
    generator = np.random.default_rng(1)
    a, b = generator.normal(0.1, 1, 40), generator.normal(0, 1.3, 35)
    welch = stats.ttest_ind(a, b, equal_var=False)
    value = a.mean() - b.mean()
    difference = Estimate(value, value / welch.statistic, welch.df, NAN, NAN, NAN)
    p = ttost_ind(a, b, -0.6, 0.6, usevar="unequal")[0]
    assert equivalence_p(difference, 0.6) == pytest.approx(p)
    least = smallest_equivalence_margin(difference)
    assert equivalence_p(difference, least) == pytest.approx(0.05)
    assert equivalence_p(difference, least * 1.1) < 0.05 < equivalence_p(difference, least * 0.9)
    with pytest.raises(ValueError, match="larger than 0"):
        equivalence_p(difference, 0.0)


@pytest.mark.parametrize(
    ("t", "df", "effective_n", "published"),
    # The documentation of pingouin.bayesfactor_ttest, checked there against R's BayesFactor:
    # two samples of 20, and one of 20.
    [(3.5, 38, 10.0, 26.743), (3.5, 19, 20.0, 17.185)],
)
def test_the_bayes_factor_is_the_published_one(t, df, effective_n, published):
    assert bayes_factor(t, df, effective_n) == pytest.approx(published, abs=1e-3)


@pytest.mark.parametrize(("t", "n"), [(0.0, 15.0), (-1.2, 25.0), (2.0, 9.0), (6.0, 30.0)])
def test_the_bayes_factor_weighs_a_cauchy_prior(t, n):
    # By its other definition: the non-central t, averaged over effects with a Cauchy distribution.
    df = 2 * n
    marginal = integrate.quad(
        lambda d: stats.nct.pdf(t, df, d * np.sqrt(n)) * stats.cauchy.pdf(d, scale=np.sqrt(0.5)),
        -4, 4, points=[0.0, t / np.sqrt(n)], limit=200,
    )[0]  # fmt: skip
    assert bayes_factor(t, df, n) == pytest.approx(marginal / stats.t.pdf(t, df), rel=0.03)


# Sites


def test_the_difference_without_each_site():
    frame = cohort(n_a=30, n_b=30, effect_mm3=-10)
    frame["site"] = ["north", "south", "west"] * 20
    # One site makes the difference.
    frame.loc[(frame["site"] == "west") & ALS_CONTROL.is_a(frame), TOTAL.column] -= 200
    covariates = (*AGE_SEX, Covariate("site", "category"))
    found = {
        w.site: w for w in leave_one_site_out(frame, ALS_CONTROL, covariates, TOTAL, ANCOVA, "site")
    }
    assert set(found) == {"north", "south", "west"}
    assert found["west"].scans == 20
    assert found["west"].fit.n_a == found["west"].fit.n_b == 20
    assert found["west"].fit.p > 0.05 > found["north"].fit.p
    only_two = frame[frame["site"] != "west"]
    found = leave_one_site_out(only_two, ALS_CONTROL, covariates, TOTAL, ANCOVA, "site")
    assert all(w.fit is not None for w in found)


# More than two groups


def test_all_groups_are_compared_with_holms_p():
    frame = cohort(n_a=40, n_b=40, effect_mm3=-60)
    frame.loc[:14, "group"] = "pls"
    frame.loc[78:, "group"] = "rare"
    found = compare_all_groups(frame, ALS_CONTROL, AGE_SEX, TOTAL, ANCOVA)
    assert found.counts == {"control": 38, "als": 25, "pls": 15}
    pairs = {(p.level_a, p.level_b): p for p in found.pairs}
    assert set(pairs) == {("als", "control"), ("pls", "control"), ("pls", "als")}
    data = frame[frame["group"] != "rare"].assign(age=lambda f: f["age"].astype(float))
    data = data.assign(icv=data["icv_mm3"] / 1e6, total=data[TOTAL.column])
    fit = smf.ols("total ~ C(group, Treatment('control')) + age + sex + icv", data)
    reference = fit.fit(cov_type="HC2", use_t=True)
    term = "C(group, Treatment('control'))[T.als]"
    assert pairs["als", "control"].difference.value == pytest.approx(reference.params[term])
    assert pairs["als", "control"].difference.standard_error == pytest.approx(reference.bse[term])
    ps = sorted(pair.difference.p for pair in found.pairs)
    by_hand = [3 * ps[0], max(3 * ps[0], 2 * ps[1]), max(3 * ps[0], 2 * ps[1], ps[2])]
    assert sorted(p.p_holm for p in found.pairs) == pytest.approx(np.minimum(by_hand, 1))
    terms = [f"{term.replace('als', level)} = 0" for level in ("als", "pls")]
    assert found.p == pytest.approx(float(reference.f_test(", ".join(terms)).pvalue))
    assert (
        compare_all_groups(frame[frame["group"] != "pls"], ALS_CONTROL, (), TOTAL, ANCOVA) is None
    )


# A number as predictor


def test_volumes_go_with_a_score():
    frame = cohort(n_a=60, n_b=20)
    generator = np.random.default_rng(10)
    is_a = ALS_CONTROL.is_a(frame)
    score = np.where(is_a, generator.integers(20, 48, 80), 0)
    frame["alsfrs"] = pd.Series(score.astype(str)).where(is_a, None)
    frame[TOTAL.column] += np.where(is_a, 5.0 * (score - 35), 0)
    found = {a.structure: a for a in associate(frame, "alsfrs", WHOLE, ALS_CONTROL, AGE_SEX)}
    total = found[TOTAL]
    assert (total.n, total.groups) == (60, ("als",))
    assert total.slope.ci_low <= 5 <= total.slope.ci_high
    data = frame[is_a].assign(
        age=lambda f: f["age"].astype(float), x=score[is_a], total=frame[TOTAL.column]
    )
    data["icv"] = data["icv_mm3"] / 1e6
    fit = smf.ols("total ~ x + age + sex + icv", data).fit()
    robust = fit.get_robustcov_results("HC2")
    place = fit.model.exog_names.index("x")
    assert total.slope.value == pytest.approx(fit.params["x"])
    assert total.slope.standard_error == pytest.approx(robust.bse[place])
    t = fit.tvalues["x"]
    assert total.partial_r == pytest.approx(t / np.sqrt(t**2 + fit.df_resid))


def test_a_predictor_that_both_groups_have_is_not_the_group_in_disguise():
    frame = cohort(n_a=50, n_b=50, effect_mm3=-200)
    generator = np.random.default_rng(2)
    frame["bmi"] = (25 - 4 * ALS_CONTROL.is_a(frame) + generator.normal(0, 2, 100)).astype(str)
    total = associate(frame, "bmi", (TOTAL,), ALS_CONTROL, AGE_SEX)[0]
    assert total.groups == ("als", "control")
    assert total.slope.p > 0.01
    assert associate(frame, "bmi", (TOTAL,), None, AGE_SEX)[0].slope.p < 0.001


def test_a_wrong_predictor_is_refused(tmp_path):
    _, people = simulated()
    participants = as_read(people, tmp_path)
    check_predictors(("age",), participants)
    for name, words in (("sex", "must contain numbers"), ("bmi", "no column 'bmi'")):
        with pytest.raises(CovariateError, match=words):
            check_predictors((name,), participants)
