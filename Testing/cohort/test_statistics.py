"""The group models agree with other sources.

Nothing is compared with a stored number of this package: references are statsmodels' formula
interface, published data and formulas.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.meta_analysis import effectsize_smd

from Cohort.group.assumption_checks import check_assumptions
from Cohort.group.comparisons import compare_groups
from Cohort.group.contrast import Contrast
from Cohort.group.icv_adjustment import ADJUSTMENTS
from Cohort.group.linear_models import (
    design_matrix,
    fit_contrast,
    hedges_correction,
    hedges_g_with_limits,
)
from Cohort.group.outliers import robust_z
from Cohort.group.power import PUBLISHED, power_table
from Cohort.group.small_sample_errors import Estimate
from Cohort.group.statistics_table import statistics_table
from Cohort.structures import TOTAL, WHOLE, measured_structures, subunits
from Testing.support.cohort_tables import AGE_SEX, ALS_CONTROL, cohort
from Testing.support.reference_df import brute_force_df

NAN = float("nan")


@pytest.mark.parametrize("method", ["ancova", "none"])
def test_estimates_are_those_of_the_formula_interface(method):
    frame = cohort(effect_mm3=-40)
    found = compare_groups(frame, ALS_CONTROL, AGE_SEX, (TOTAL,)).comparisons[TOTAL.name, method]
    data = frame.assign(
        age=frame["age"].astype(float), icv=(frame["icv_mm3"] - frame["icv_mm3"].mean()) / 1e5
    )
    formula = "hypothalamus_total_mm3 ~ C(group, Treatment('control')) + age + C(sex)"
    if method == "ancova":
        formula += " + icv"
    classic = smf.ols(formula, data).fit()
    robust = smf.ols(formula, data).fit(cov_type="HC2", use_t=True)
    name = "C(group, Treatment('control'))[T.als]"
    fit = found.fit
    assert fit.estimate == pytest.approx(classic.params[name])
    assert fit.standard_error == pytest.approx(robust.bse[name])
    t = robust.tvalues[name]
    assert fit.p == pytest.approx(2 * stats.t.sf(abs(t), fit.df))
    assert fit.p_classic == pytest.approx(classic.pvalues[name])
    half = stats.t.ppf(0.975, fit.df) * robust.bse[name]
    assert (fit.ci_low, fit.ci_high) == pytest.approx((fit.estimate - half, fit.estimate + half))
    squares = anova_lm(classic, typ=3).loc["C(group, Treatment('control'))", "sum_sq"]
    assert fit.partial_eta_squared == pytest.approx(squares / (squares + classic.ssr))
    typical = data.assign(group="control").mean(numeric_only=True)
    mean = sum(
        classic.predict(data.assign(group="control", age=typical["age"], icv=0.0, sex=sex)).iloc[0]
        * (data["sex"] == sex).mean()
        for sex in "fm"
    )
    assert fit.reference_mean == pytest.approx(mean)


def test_assumption_checks_are_those_of_their_libraries():
    frame = cohort(effect_mm3=-40)
    comparison = compare_groups(frame, ALS_CONTROL, AGE_SEX, (TOTAL,)).comparisons[
        TOTAL.name, "ancova"
    ]
    data = frame.assign(age=frame["age"].astype(float), icv=frame["icv_mm3"] / 1e6)
    fit = smf.ols("hypothalamus_total_mm3 ~ group + age + sex + icv", data).fit()
    assert comparison.checks.normality_p == pytest.approx(stats.shapiro(fit.resid).pvalue)
    breusch_pagan = sm.stats.diagnostic.het_breuschpagan(fit.resid, fit.model.exog)
    assert comparison.checks.homoscedasticity_p == pytest.approx(breusch_pagan[1])
    slopes = smf.ols("hypothalamus_total_mm3 ~ group * icv + age + sex", data)
    t = slopes.fit(cov_type="HC2", use_t=True).tvalues["group[T.control]:icv"]
    df = brute_force_df(slopes.exog, slopes.exog_names.index("group[T.control]:icv"))
    assert comparison.checks.equal_slopes_p == pytest.approx(2 * stats.t.sf(abs(t), df))


def test_broken_assumptions_are_noticed():
    generator = np.random.default_rng(3)
    is_a = np.arange(120) < 60
    icv = generator.normal(1.45e6, 1.3e5, 120)
    steep = 800 + is_a * 8e-4 * (icv - 1.45e6) + generator.normal(0, 30, 120)
    fit = fit_contrast(steep, is_a, icv[:, None])
    assert check_assumptions(fit, steep, icv).equal_slopes_p < 0.001
    uneven = generator.normal(0, np.where(is_a, 80, 10))
    assert check_assumptions(fit_contrast(uneven, is_a), uneven).homoscedasticity_p < 0.001
    skewed = generator.exponential(50, 120)
    assert check_assumptions(fit_contrast(skewed, is_a), skewed).normality_p < 0.001


def test_g_without_covariates_is_hedges_g():
    generator = np.random.default_rng(5)
    a, b = generator.normal(820, 80, 23), generator.normal(850, 60, 31)
    fit = fit_contrast(np.concatenate([a, b]), np.arange(54) < 23)
    g, _ = effectsize_smd(a.mean(), a.std(ddof=1), 23, b.mean(), b.std(ddof=1), 31)
    # statsmodels uses the approximate correction 1 − 3 / (4 df − 1).
    assert fit.hedges_g == pytest.approx(g * hedges_correction(52) / (1 - 3 / (4 * 52 - 1)))
    assert fit.p_classic == pytest.approx(stats.ttest_ind(a, b).pvalue)


@pytest.mark.parametrize(("t", "df"), [(-3.1, 40), (0.4, 12), (8.0, 200), (0.0, 30), (4.0, 2.3)])
def test_limits_of_g_are_non_centralities_that_make_the_t_unusual(t, df):
    scale, df_residual = 0.25, 37.0
    difference = Estimate(t * 2.0, 2.0, df, NAN, NAN, NAN)
    g, low, high = hedges_g_with_limits(difference, 2.0 / scale, df_residual)
    unbiased = hedges_correction(df_residual)
    assert g == pytest.approx(unbiased * t * scale)
    for limit, tail in ((low, 0.975), (high, 0.025)):
        assert stats.nct.cdf(t, df, limit / unbiased / scale) == pytest.approx(tail, abs=1e-4)
    assert (low < 0 < high) == (abs(t) < stats.t.ppf(0.975, df))


def test_false_discovery_rate_is_benjamini_and_hochbergs():
    frame = cohort(effect_mm3=-25, with_subunits=True)
    found = compare_groups(frame, ALS_CONTROL, AGE_SEX, measured_structures(frame))
    names = [structure.name for structure in subunits()]
    p = np.array([found.comparisons[name, "ancova"].fit.p for name in names])
    adjusted = stats.false_discovery_control(p)
    assert [found.p_fdr[name, "ancova"] for name in names] == pytest.approx(list(adjusted))
    assert (TOTAL.name, "ancova") not in found.p_fdr


@given(factor=st.floats(0.01, 1000), shift=st.floats(-500, 500), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_units_change_no_p(factor, shift, seed):
    generator = np.random.default_rng(seed)
    is_a = generator.permutation(40) < 17
    nuisance = generator.normal(size=(40, 2))
    outcome = generator.normal(100, 10, 40) + 5 * is_a
    first = fit_contrast(outcome, is_a, nuisance)
    other = fit_contrast(outcome * factor + shift, is_a, nuisance * [1e6, 1e-3] + 7)
    assert other.p == pytest.approx(first.p, rel=1e-6)
    assert other.hedges_g == pytest.approx(first.hedges_g, rel=1e-6)
    assert other.estimate == pytest.approx(first.estimate * factor, rel=1e-6)


@pytest.mark.parametrize("method", ["ancova", "none", "proportion"])
def test_swapping_the_groups_turns_the_sign(method):
    frame = cohort(effect_mm3=-40)
    forth = compare_groups(frame, ALS_CONTROL, AGE_SEX, WHOLE).comparisons
    back = compare_groups(frame, Contrast("group", "control", "als"), AGE_SEX, WHOLE).comparisons
    one, other = forth[TOTAL.name, method].fit, back[TOTAL.name, method].fit
    assert other.p == pytest.approx(one.p)
    assert np.sign(other.estimate) == -np.sign(one.estimate)
    assert other.hedges_g == pytest.approx(-one.hedges_g)
    if method != "proportion":
        assert (other.ci_low, other.ci_high) == pytest.approx((-one.ci_high, -one.ci_low))


def test_no_model_without_enough_data():
    outcome = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    assert fit_contrast(outcome, np.arange(8) < 2) is None
    assert fit_contrast(np.ones(8), np.arange(8) < 4) is None
    is_a = np.arange(8) < 4
    assert fit_contrast(outcome, is_a, is_a[:, None].astype(float)) is None
    assert design_matrix(is_a, None).shape == (8, 2)


def test_the_literature_is_quoted_as_in_facts():
    first, second = PUBLISHED
    assert first.percent == -21.8
    assert np.isnan(first.standard_deviation_percent)
    assert second.percent == pytest.approx(-3.4, abs=0.05)
    frame = cohort(effect_mm3=-40)
    fit = compare_groups(frame, ALS_CONTROL, (), (TOTAL,)).comparisons[TOTAL.name, "ancova"].fit
    rows = power_table(fit)
    assert [row.spread for row in rows[-3:]] == [
        "this cohort, adjusted",
        "as published",
        "this cohort, adjusted",
    ]
    own = 100 * fit.residual_sd / fit.reference_mean
    assert rows[-3].d == pytest.approx(-21.8 / own)
    # Pooled standard deviation of 66 patients and 42 controls.
    assert rows[-2].d == pytest.approx(-29 / np.sqrt((41 * 77**2 + 65 * 84**2) / 106))


def test_robust_z_ignores_the_outlier_itself():
    values = pd.Series([*np.linspace(90, 110, 21), 500.0])
    z = robust_z(values)
    spread = stats.median_abs_deviation(values, scale="normal")
    assert z.iloc[-1] == pytest.approx((500 - np.median(values)) / spread)
    assert z.iloc[:-1].abs().max() < 2
    slope = pd.DataFrame({"age": np.arange(22.0)})
    noise = np.random.default_rng(1).uniform(-10, 10, 22)
    along = robust_z(values + noise + 40 * slope["age"], slope)
    assert along.iloc[:-1].abs().max() < 3.5 < along.iloc[-1]
    assert robust_z(pd.Series([3.0, 3, 3])).isna().all()


def test_the_table_is_tidy():
    frame = cohort(effect_mm3=-40, with_subunits=True)
    found = compare_groups(frame, ALS_CONTROL, AGE_SEX, measured_structures(frame))
    table = statistics_table([found], ALS_CONTROL)
    assert not table.duplicated(["structure", "adjustment", "scans"]).any()
    assert set(table.loc[table["structure"] == TOTAL.name, "adjustment"]) == {*ADJUSTMENTS, "none"}
    asymmetry = table[table["structure"] == "asymmetry_index"]
    assert asymmetry["adjustment"].tolist() == ["none"]
    assert asymmetry["difference_percent"].isna().all()
    subunit_rows = table["structure"].isin([s.name for s in subunits()])
    assert (table["p_fdr"].notna() == subunit_rows).all()
