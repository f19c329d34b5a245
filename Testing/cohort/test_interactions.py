"""Differences that depend on a covariate are given where they are stated, and noticed at all."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

from Cohort.group.covariates import Covariate
from Cohort.group.icv_adjustment import ANCOVA, UNADJUSTED
from Cohort.group.interactions import interactions
from Cohort.group.linear_models import fit_contrast
from Cohort.group.model_data import model_data
from Cohort.group.overlap import find_missing_overlap
from Cohort.structures import TOTAL
from Testing.support.cohort_tables import ALS_CONTROL, cohort

AGE = (Covariate("age", "number"),)


@pytest.fixture(scope="module")
def unequal_slopes():
    """The difference is −100 mm³ at 1400 mL, and less by 1 mm³ for each mL more."""
    generator = np.random.default_rng(3)
    frame = cohort(n_a=60, n_b=60)
    is_a = ALS_CONTROL.is_a(frame)
    icv_ml = generator.normal(np.where(is_a, 1550, 1400), 90)
    frame["icv_mm3"] = 1000 * icv_ml
    frame[TOTAL.column] = 850 + 0.3 * (icv_ml - 1450) + generator.normal(0, 30, 120)
    frame[TOTAL.column] += is_a * (icv_ml - 1500)
    return frame


def by_name(frame, covariates=(), method=ANCOVA):
    data = model_data(frame, ALS_CONTROL, covariates, TOTAL, method)
    return data, {i.covariate: i for i in interactions(data, ALS_CONTROL, covariates)}


def test_the_difference_is_given_at_the_head_size_that_is_stated(unequal_slopes):
    data, found = by_name(unequal_slopes, AGE)
    icv = found["Intracranial volume"]
    assert icv.p < 1e-6
    for place in icv.places:
        # The same model with ICV centred on the place: its group term is the difference there.
        centred = unequal_slopes.assign(
            age=unequal_slopes["age"].astype(float),
            a=data.is_a.astype(float),
            v=unequal_slopes["icv_mm3"] / 1000 - place.value,
        )
        reference = smf.ols(f"{TOTAL.column} ~ a * v + age", centred).fit(cov_type="HC2")
        assert place.difference.value == pytest.approx(reference.params["a"])
        assert place.difference.standard_error == pytest.approx(reference.bse["a"])
        assert place.difference.value == pytest.approx(place.value - 1500, abs=30)
    named = {place.name: place.value for place in icv.places}
    assert named["mean of control"] == pytest.approx(data.icv_mm3[~data.is_a].mean() / 1000)
    # One difference for all head sizes lies far from that at the controls'.
    common = fit_contrast(data.outcome, data.is_a, data.nuisance).estimate
    assert common > icv.places[0].difference.value + 40


def test_the_region_ends_where_p_is_005(unequal_slopes):
    data, found = by_name(unequal_slopes)
    icv = found["Intracranial volume"]
    assert len(icv.regions) == 2
    assert icv.regions[0][0] == icv.low
    assert icv.regions[1][1] == icv.high
    for edge in (icv.regions[0][1], icv.regions[1][0]):
        there = data.nuisance - 1000 * edge
        product = (data.is_a * there[:, 0])[:, None]
        # fit_contrast centres its covariates, which moves the group term: fitted without it.
        design = np.column_stack([np.ones(len(there)), data.is_a, there, product])
        reference = sm.OLS(data.outcome, design).fit(cov_type="HC2")
        t = reference.params[1] / reference.bse[1]
        assert abs(t) == pytest.approx(stats.t.ppf(0.975, 100), rel=0.02)


def test_without_dependence_there_is_no_small_p():
    ps = [
        interaction.p
        for seed in range(20)
        for interaction in by_name(cohort(seed=seed, exponent=0.0), AGE)[1].values()
    ]
    assert stats.kstest(ps, "uniform").pvalue > 0.001


def test_a_difference_in_one_sex_is_found():
    frame = cohort(n_a=60, n_b=60)
    men = ALS_CONTROL.is_a(frame) & (frame["sex"] == "m")
    frame[TOTAL.column] -= 150 * men
    _, found = by_name(frame, (Covariate("sex", "category"),), UNADJUSTED)
    assert found["sex"].p < 0.001
    by_level = {place.name: place.difference for place in found["sex"].places}
    assert by_level["m"].ci_low <= -150 <= by_level["m"].ci_high
    assert by_level["f"].p > 0.01
    data = frame.assign(total=frame[TOTAL.column], a=ALS_CONTROL.is_a(frame).astype(float))
    reference = smf.ols("total ~ a * C(sex)", data).fit(cov_type="HC2")
    assert by_level["f"].value == pytest.approx(reference.params["a"])
    assert by_level["m"].value == pytest.approx(reference.params[["a", "a:C(sex)[T.m]"]].sum())


def test_three_levels_are_one_test():
    frame = cohort(n_a=60, n_b=60)
    frame["stage"] = ["i", "ii", "iii"] * 40
    _, found = by_name(frame, (Covariate("stage", "category"),), UNADJUSTED)
    data = frame.assign(total=frame[TOTAL.column], a=ALS_CONTROL.is_a(frame).astype(float))
    reference = smf.ols("total ~ a * C(stage)", data).fit(cov_type="HC2", use_t=True)
    p = reference.f_test("a:C(stage)[T.ii] = 0, a:C(stage)[T.iii] = 0").pvalue
    assert found["stage"].p == pytest.approx(float(p))


def test_groups_of_different_ages_are_noticed():
    frame = cohort()
    assert find_missing_overlap(frame, ALS_CONTROL, AGE) == []
    ages = frame["age"].astype(float) + 25 * ALS_CONTROL.is_a(frame)
    told = find_missing_overlap(frame.assign(age=ages.astype(str)), ALS_CONTROL, AGE)
    assert "hardly overlap in age" in told[0].text


def test_a_level_of_one_group_alone_is_noticed():
    frame = cohort()
    frame["site"] = np.where(frame.index < 5, "c", np.where(frame.index % 2, "a", "b"))
    told = find_missing_overlap(frame, ALS_CONTROL, (Covariate("site", "category"),))
    assert told[0].items == ("c",)
