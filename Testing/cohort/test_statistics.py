"""The group models find planted effects as often as they should, and agree with other sources.

Nothing is compared with a stored number of this package: references are statsmodels' formula
interface, published data and formulas, or the nominal rate of a test.
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

from Cohort.group.assumption_checks import check_assumptions, icv_correlation_left
from Cohort.group.comparisons import compare_groups
from Cohort.group.contrast import Contrast
from Cohort.group.covariates import Covariate
from Cohort.group.icv_adjustment import (
    ADJUSTMENTS,
    ANCOVA,
    POWER_PROPORTION,
    PROPORTION,
    RESIDUALS,
    fit_adjustment,
)
from Cohort.group.linear_models import (
    design_matrix,
    fit_contrast,
    hedges_correction,
    hedges_g_with_limits,
)
from Cohort.group.longitudinal import analyse_change
from Cohort.group.mixed_model import Effect
from Cohort.group.outliers import robust_z
from Cohort.group.power import PUBLISHED, power_of, power_table
from Cohort.group.small_sample_errors import Estimate
from Cohort.group.statistics_table import statistics_table
from Cohort.structures import TOTAL, WHOLE, measured_structures, subunits
from Testing.cohort.test_small_sample_errors import brute_force_df
from Testing.simulated_statistics.cross_sectional import CLASSIC, rejections
from Testing.support.cohort_tables import simulated

SIMULATIONS = 500
NAN = float("nan")
ALS_CONTROL = Contrast("group", "als", "control")
AGE_SEX = (Covariate("age", "number"), Covariate("sex", "category"))


def near_nominal(count: int, rate: float) -> bool:
    """Within what a binomial of this rate gives in 999 of 1000 such series."""
    low, high = stats.binom.interval(0.999, SIMULATIONS, rate)
    return low <= count <= high


def cohort(seed: int = 1, **options) -> pd.DataFrame:
    results, people = simulated(seed=seed, **options)
    return results.merge(people, on="participant_id")


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


def test_a_planted_change_over_time_is_found_and_none_is_not():
    frame = cohort(effect_mm3=0, sessions=3, change_a=-0.03, change_b=-0.004, n_a=20, n_b=20)
    frame["years"] = frame["session_id"].str[4:].astype(float) - 1
    found = analyse_change(frame, ALS_CONTROL, AGE_SEX)
    total = {term.effect: term for term in found.mixed if term.structure == TOTAL}
    rate = total[Effect.CHANGE]
    difference = total[Effect.DIFFERENCE]
    assert rate.ci_low <= -0.004 * 850 <= rate.ci_high
    assert difference.ci_low <= -0.026 * 850 <= difference.ci_high
    assert difference.p < 0.001
    compared = dict(found.comparisons)
    assert compared[TOTAL].p < 0.001
    assert compared[TOTAL].ci_low <= -2.6 <= compared[TOTAL].ci_high
    changes = found.changes.set_index("participant_id")
    own = frame[frame["participant_id"] == "sub-001"]
    slope = stats.linregress(own["years"], own["hypothalamus_total_mm3"]).slope
    assert changes.loc["sub-001", "hypothalamus_total_mm3_per_year"] == pytest.approx(slope)


def test_mixed_model_of_balanced_sessions_is_the_t_test_of_slopes():
    # With the same times for all, generalised least squares has this closed form.
    frame = cohort(sessions=3, change_a=-0.02, n_a=16, n_b=14)
    frame["years"] = frame["session_id"].str[4:].astype(float) - 1
    # Subjects differ in their slopes; without that REML stops at a variance of 0.
    own = np.random.default_rng(6).normal(0, 15, 30)
    frame[TOTAL.column] += frame["years"] * own[frame["participant_id"].str[4:].astype(int) - 1]
    found = analyse_change(frame, ALS_CONTROL, ())
    terms = {t.effect: t for t in found.mixed if t.structure == TOTAL}
    term = terms[Effect.DIFFERENCE]
    slopes = found.changes["hypothalamus_total_mm3_per_year"]
    is_a = found.changes["group"] == "als"
    reference = sm.stats.CompareMeans.from_data(slopes[is_a], slopes[~is_a])
    difference = slopes[is_a].mean() - slopes[~is_a].mean()
    half = (term.ci_high - term.ci_low) / 2 / stats.t.ppf(0.975, 28)
    assert term.estimate == pytest.approx(difference, rel=1e-4)
    assert half == pytest.approx(reference.std_meandiff_pooledvar, rel=0.02)


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
