"""Cohorts on which the model of a difference was wrong, and the models that are beside it now.

Each scenario counts by the rule that the program had before as well, written out here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from Cohort.group.all_groups import compare_all_groups
from Cohort.group.contrast import Contrast
from Cohort.group.covariates import CATEGORY, NUMBER, SPLINE, Covariate, design_columns
from Cohort.group.equivalence import equivalence_p
from Cohort.group.icv_adjustment import ANCOVA, UNADJUSTED, IcvAdjustment
from Cohort.group.interactions import number_interaction
from Cohort.group.linear_models import ALPHA, ContrastFit, design_matrix, fit_contrast
from Cohort.group.model_data import ModelData
from Cohort.group.outliers import FAR_Z, robust_z
from Cohort.group.permutation import permutation_p
from Cohort.group.power import detectable_difference
from Cohort.group.robust_regression import fit_robust
from Cohort.structures import INTRACRANIAL, TOTAL

from .scenario import NOMINAL_PERCENT, POWER_TOLERANCE_PERCENT, Rate, Scenario

SEED = 20261128
ALS_CONTROL = Contrast("group", "als", "control")
SD_MM3, MEAN_MM3, MEAN_AGE, AGE_SD = 60.0, 850.0, 58.0, 10.0
# Tests that hold their level on average are conservative where a group has three scans.
CONSERVATIVE_PERCENT = (2.0, 7.0)
PROMISED_PERCENT = (80 - POWER_TOLERANCE_PERCENT, 80 + POWER_TOLERANCE_PERCENT)
PERMUTATIONS = 199


class _Counter:
    """Counts now and before, over cohorts."""

    def __init__(self) -> None:
        self.now = self.before = self.cohorts = 0

    def add(self, now: bool, before: bool) -> None:
        self.now, self.before = self.now + bool(now), self.before + bool(before)
        self.cohorts += 1

    def rate(self, what: str, bounds: tuple[float, float] = NOMINAL_PERCENT) -> Rate:
        before = 100 * self.before / self.cohorts
        return Rate(what, self.now, self.cohorts, before, bounds)


def tiny_groups(cohorts: int) -> Iterator[Rate]:
    """False positives; before: HC3 with n − k degrees of freedom."""
    generator = np.random.default_rng(SEED)
    for n_a, n_b in ((3, 30), (3, 100), (5, 100), (6, 4), (10, 10), (40, 30)):
        is_a, counter = np.arange(n_a + n_b) < n_a, _Counter()
        for _ in range(cohorts):
            nuisance = generator.normal(size=(n_a + n_b, 2))
            outcome = generator.normal(size=n_a + n_b)
            fit = fit_contrast(outcome, is_a, nuisance)
            counter.add(fit.p < ALPHA, _hc3_p(fit, outcome) < ALPHA)
        bounds = NOMINAL_PERCENT if min(n_a, n_b) >= 10 else CONSERVATIVE_PERCENT
        yield counter.rate(f"{n_a} and {n_b} scans, no effect", bounds)


def promised_power(cohorts: int) -> Iterator[Rate]:
    """How often a difference said to be found with 80 % power is; before: from n alone."""
    generator = np.random.default_rng(SEED + 1)
    for n_a, n_b, older in ((40, 30, 0), (40, 30, 20), (6, 4, 0)):
        is_a, counter = np.arange(n_a + n_b) < n_a, _Counter()
        d = TTestIndPower().solve_power(None, n_a, ALPHA, 0.8, ratio=n_b / n_a)
        for _ in range(cohorts):
            age = generator.normal(MEAN_AGE + older * is_a, AGE_SD)
            nuisance = np.column_stack([age, generator.normal(size=len(age))])
            first, second = generator.normal(0, SD_MM3, (2, len(age)))
            planned = fit_contrast(first, is_a, nuisance)
            now = fit_contrast(second + is_a * detectable_difference(planned), is_a, nuisance)
            old_outcome = second + is_a * d * planned.residual_sd
            old = fit_contrast(old_outcome, is_a, nuisance)
            counter.add(now.p < ALPHA, _hc3_p(old, old_outcome) < ALPHA)
        name = f"{n_a} and {n_b} scans" + (f", patients {older} years older" if older else "")
        yield counter.rate(name, PROMISED_PERCENT)


def outliers_left_out(cohorts: int) -> Iterator[Rate]:
    """False positives without outliers, of skewed errors; before: judged within each group."""
    generator = np.random.default_rng(SEED + 2)
    is_a = np.arange(70) < 40
    skewed, normal = _Counter(), _Counter()
    for _ in range(cohorts):
        age = pd.DataFrame({"age": generator.normal(size=70)})
        for counter, outcome in (
            (skewed, generator.lognormal(0, 0.6, 70)),
            (normal, generator.normal(size=70)),
        ):
            now = np.abs(robust_z(pd.Series(outcome), age)) <= FAR_Z
            old = np.concatenate(
                [np.abs(robust_z(pd.Series(outcome[g]))) <= FAR_Z for g in (is_a, ~is_a)]
            )
            ps = [_p_of(outcome[k], is_a[k], age.to_numpy()[k]) for k in (now, old)]
            counter.add(*(p < ALPHA for p in ps))
    yield skewed.rate("40 and 30 scans, lognormal errors")
    yield normal.rate("40 and 30 scans, normal errors")


def head_size(cohorts: int) -> Iterator[Rate]:
    """How often the limits miss the difference at the controls' ICV; before: "at the mean ICV"."""
    generator = np.random.default_rng(SEED + 3)
    is_a, counter, products = np.arange(70) < 40, _Counter(), _Counter()
    for _ in range(cohorts):
        icv_ml = generator.normal(np.where(is_a, 1550, 1450), 120)
        noise = generator.normal(0, SD_MM3, 70)
        # −50 mm³ at 1450 mL, and 0.8 mm³ less for each mL more.
        outcome = 0.4 * icv_ml + is_a * (-50 + 0.8 * (icv_ml - 1450)) + noise
        data = _data(outcome, is_a, icv_ml[:, None], icv_ml)
        place = number_interaction(data, ALS_CONTROL, "icv", icv_ml).places[0]
        truth = -50 + 0.8 * (place.value - 1450)
        old = fit_contrast(outcome, is_a, icv_ml[:, None])
        told = (place.difference, old.difference)
        counter.add(*(not limits.ci_low <= truth <= limits.ci_high for limits in told))
        equal = _data(0.4 * icv_ml + noise, is_a, icv_ml[:, None], icv_ml)
        found = number_interaction(equal, ALS_CONTROL, "icv", icv_ml)
        # Before, the test of the product had HC3 errors.
        products.add(found.p < ALPHA, _product_hc3_p(equal, icv_ml) < ALPHA)
    yield counter.rate("unequal slopes on ICV: limits at the controls' mean miss the truth")
    yield products.rate("equal slopes on ICV: p of the product")


def site_codes(cohorts: int) -> Iterator[Rate]:
    """False positives with four sites in numbers; before: as a line."""
    generator = np.random.default_rng(SEED + 4)
    is_a, counter = np.arange(80) < 40, _Counter()
    effects = np.array([0.0, 70.0, -40.0, 10.0])
    for _ in range(cohorts):
        # Patients come from other sites than controls.
        shares = [(0.1, 0.5, 0.2, 0.2), (0.3, 0.1, 0.4, 0.2)]
        site = np.concatenate([generator.choice(4, 40, p=p) for p in shares])
        outcome = effects[site] + generator.normal(0, SD_MM3, 80)
        frame = pd.DataFrame({"site": (site + 1).astype(str)})
        kinds = (Covariate("site", CATEGORY), Covariate("site", NUMBER))
        designs = [design_columns(frame, (kind,)).to_numpy() for kind in kinds]
        counter.add(*(_p_of(outcome, is_a, design) < ALPHA for design in designs))
    yield counter.rate("40 and 40 scans of four sites")


def curved_age(cohorts: int) -> Iterator[Rate]:
    """False positives where age acts in a curve; before: age as a line."""
    generator = np.random.default_rng(SEED + 5)
    kinds = (Covariate("age", SPLINE), Covariate("age", NUMBER))
    is_a = np.arange(200) < 100
    for name, older_and_alike in (
        ("patients of 60 years, controls of all ages", True),
        ("both of all ages", False),
    ):
        counter = _Counter()
        for _ in range(cohorts):
            age = generator.uniform(20, 80, 200)
            if older_and_alike:
                age[is_a] = generator.normal(60, 8, 100)
            outcome = -0.08 * (age - 45) ** 2 + generator.normal(0, SD_MM3, 200)
            frame = pd.DataFrame({"age": age})
            designs = [design_columns(frame, (kind,)).to_numpy() for kind in kinds]
            counter.add(*(_p_of(outcome, is_a, design) < ALPHA for design in designs))
        yield counter.rate(f"100 and 100 scans, {name}, --spline age")


def failed_scan(cohorts: int) -> Iterator[Rate]:
    """Robust regression with and without a failed scan; before: least squares alone."""
    generator = np.random.default_rng(SEED + 6)
    is_a = np.arange(70) < 40
    for name, effect, failed, bounds in (
        ("power for −40 mm³, one failed scan", -40.0, True, (68.0, 80.0)),
        ("no effect, one failed scan", 0.0, True, NOMINAL_PERCENT),
        ("no effect", 0.0, False, NOMINAL_PERCENT),
    ):
        counter = _Counter()
        for _ in range(cohorts):
            nuisance = generator.normal(size=(70, 2))
            outcome = MEAN_MM3 + effect * is_a + generator.normal(0, SD_MM3, 70)
            if failed:
                outcome[generator.integers(0, 40)] += 1500
            robust = fit_robust(_data(outcome, is_a, nuisance))
            counter.add(robust.p < ALPHA, fit_contrast(outcome, is_a, nuisance).p < ALPHA)
        yield counter.rate(f"40 and 30 scans, {name}", bounds)


def permutations(cohorts: int) -> Iterator[Rate]:
    """False positives of the permutation test in tiny groups; before: HC3."""
    generator = np.random.default_rng(SEED + 7)
    for n_a, n_b in ((4, 5), (3, 12)):
        is_a, counter = np.arange(n_a + n_b) < n_a, _Counter()
        for _ in range(cohorts):
            outcome, age = generator.exponential(size=(2, n_a + n_b))
            p = permutation_p(_data(outcome, is_a, age[:, None]), PERMUTATIONS)
            old = fit_contrast(outcome, is_a, age[:, None])
            counter.add(p <= ALPHA, _hc3_p(old, outcome) < ALPHA)
        yield counter.rate(f"{n_a} and {n_b} scans, skewed errors", CONSERVATIVE_PERCENT)


def several_groups(cohorts: int) -> Iterator[Rate]:
    """Any false positive among the pairs of four groups; before: each p by itself."""
    generator = np.random.default_rng(SEED + 8)
    counter = _Counter()
    frame = pd.DataFrame({"group": np.repeat(["control", "als", "pls", "sbma"], (40, 30, 15, 15))})
    frame["participant_id"] = frame.index.astype(str)
    frame[INTRACRANIAL.column] = np.nan
    for _ in range(cohorts):
        frame[TOTAL.column] = generator.normal(MEAN_MM3, SD_MM3, 100)
        pairs = compare_all_groups(frame, ALS_CONTROL, (), TOTAL, UNADJUSTED).pairs
        least = [min(ps) for ps in zip(*((p.p_holm, p.difference.p) for p in pairs), strict=True)]
        counter.add(*(p < ALPHA for p in least))
    yield counter.rate("40, 30, 15 and 15 scans, no effect")


def equivalence(cohorts: int) -> Iterator[Rate]:
    """How often groups that differ by the margin are called equal; before: p ≥ 0.05."""
    generator = np.random.default_rng(SEED + 9)
    is_a, counter = np.arange(70) < 40, _Counter()
    for _ in range(cohorts):
        outcome = generator.normal(MEAN_MM3 + 45 * is_a, SD_MM3)
        fit = fit_contrast(outcome, is_a)
        counter.add(equivalence_p(fit.difference, 45.0) < ALPHA, fit.p >= ALPHA)
    yield counter.rate("40 and 30 scans, a difference of the margin")


SCENARIOS = (
    Scenario("tiny groups", tiny_groups),
    Scenario("promised power", promised_power),
    Scenario("without outliers", outliers_left_out),
    Scenario("dependence on ICV", head_size),
    Scenario("sites in numbers", site_codes),
    Scenario("age in a curve", curved_age),
    Scenario("robust regression", failed_scan),
    Scenario("permutation", permutations),
    Scenario("four groups", several_groups),
    Scenario("equivalence", equivalence),
)


def _data(
    outcome: np.ndarray, is_a: np.ndarray, nuisance: np.ndarray, icv_ml: np.ndarray | None = None
) -> ModelData:
    method = UNADJUSTED if icv_ml is None else ANCOVA
    icv = np.full(len(outcome), np.nan) if icv_ml is None else 1000 * icv_ml
    nothing = pd.DataFrame()
    return ModelData(nothing, is_a, outcome, outcome, icv, nuisance, IcvAdjustment(method))


def _p_of(outcome: np.ndarray, is_a: np.ndarray, nuisance: np.ndarray) -> float:
    fit = fit_contrast(outcome, is_a, nuisance)
    return 1.0 if fit is None else fit.p


def _hc3_p(fit: ContrastFit, outcome: np.ndarray) -> float:
    robust = sm.OLS(outcome, fit.design).fit(cov_type="HC3", use_t=True)
    return float(robust.pvalues[1])


def _product_hc3_p(data: ModelData, values: np.ndarray) -> float:
    product = data.is_a * (values - values.mean())
    wider = np.column_stack([design_matrix(data.is_a, data.nuisance), product / product.std()])
    t = sm.OLS(data.outcome, wider).fit(cov_type="HC3").tvalues[-1]
    return float(2 * stats.t.sf(abs(t), len(values) - wider.shape[1]))
