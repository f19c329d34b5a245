"""Scans that the group level lists for review, and results with and without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom

from Cohort.group.analysis import analyse
from Cohort.group.contrast import Contrast
from Cohort.group.findings import Topic
from Cohort.group.linear_models import fit_contrast
from Cohort.group.outliers import (
    Cause,
    Reason,
    find_one_sided_outliers,
    reasons_in_words,
    review,
    robust_z,
)
from Cohort.number_format import format_signed
from Cohort.report.group_report import report_of
from Cohort.report.sample import icv_notices
from Cohort.structures import LEFT, TOTAL, measured_structures
from Testing.support.cohort_tables import AGE_SEX, found, options_in, simulated
from Testing.support.html_page import WellFormed


def test_scans_are_listed_for_flags_and_outliers(folder):
    results, table = simulated()
    results.loc[2, "flags"] = "low_fold_agreement"
    results.at[2, "flag_messages"] = ("They differ.",)
    results.loc[3, "flags"] = "anisotropic"
    results.loc[7, LEFT.column] *= 3
    reviewed = review(results.merge(table, on="participant_id"), AGE_SEX, ("anisotropic",))
    reasons = reviewed.set_index("scan")["listed"]
    assert reasons["sub-003"] == (Reason(Cause.FLAG, flag="low_fold_agreement"),)
    assert reasons["sub-004"] == ()
    far = {reason.measure: reason.z for reason in reasons["sub-008"]}
    assert far[LEFT.title] > 3.5
    assert f"outlier: {LEFT.title} (z {format_signed(far[LEFT.title], 1)})" in reasons_in_words(
        reasons["sub-008"]
    )
    assert reviewed.loc[7, "robust_z"] > 3.5


def test_a_true_difference_of_groups_makes_hardly_any_outliers():
    # As large as published for ALS, −3.4 %, and three times that.
    for effect in (-29.0, -87.0):
        results, table = simulated(effect_mm3=effect, n_a=15, n_b=40)
        frame = results.merge(table, on="participant_id")
        reviewed = review(frame, AGE_SEX)
        assert (reviewed["robust_z_total"].abs() > 3.5).sum() <= 1
        assert not find_one_sided_outliers(reviewed, Contrast("group", "als", "control"))


def test_a_difference_so_large_that_its_group_is_listed_is_told():
    results, table = simulated(effect_mm3=-500, n_a=15, n_b=40)
    reviewed = review(results.merge(table, on="participant_id"), AGE_SEX)
    told = find_one_sided_outliers(reviewed, Contrast("group", "als", "control"))
    assert "als: 15 of 15, control: " in told[0].text


def test_age_and_head_size_make_no_outliers():
    results, table = simulated(n_a=20, n_b=20)
    frame = results.merge(table, on="participant_id")
    frame.loc[3, "age"], frame.loc[5, "icv_mm3"] = "95", 2.2e6
    frame[TOTAL.column] = np.random.default_rng(1).uniform(750, 950, 40)
    frame[TOTAL.column] += 12 * (frame["age"].astype(float) - 58) + frame["icv_mm3"] * 1e-3
    assert review(frame)["robust_z_total"].abs()[3] > 3.5
    assert review(frame, AGE_SEX)["robust_z_total"].abs()[[3, 5]].max() < 3.5


def test_leaving_outliers_out_makes_no_differences():
    # Judged within each group, about 11 of 100 such cohorts had p < 0.05.
    generator = np.random.default_rng(5)
    is_a, cohorts, found = np.arange(70) < 40, 500, 0
    for _ in range(cohorts):
        values = generator.lognormal(0, 0.6, 70)
        kept = (robust_z(pd.Series(values)).abs() <= 3.5).to_numpy()
        found += fit_contrast(values[kept], is_a[kept]).p < 0.05
    assert found <= binom.ppf(0.999, cohorts, 0.05)


def test_results_are_given_both_ways(folder, no_drawing):
    results, table = simulated(effect_mm3=0, seed=3)
    # Twelve patients whose segmentations failed make a difference that is not there.
    results.loc[:11, "flags"] = "low_confidence"
    results.loc[:11, [TOTAL.column, LEFT.column]] *= 0.6
    every, kept = analyse(options_in(folder, table, exclude_flagged=True), results).statistics
    key = (TOTAL.name, "ancova")
    assert every.comparisons[key].fit.p < 0.05 < kept.comparisons[key].fit.p
    assert kept.comparisons[key].fit.n_a <= 18
    page = WellFormed(report_of(analyse(options_in(folder, table, exclude_flagged=True), results)))
    assert "Leaving out scans moves p across 0.05" in page.text
    assert "sub-001, sub-002" in page.text


def test_when_all_are_flagged_the_report_says_so(folder, no_drawing):
    results, table = simulated()
    results["flags"] = "skull_stripped"
    analysis = analyse(options_in(folder, table, exclude_flagged=True), results)
    assert len(analysis.statistics) == 1
    assert "--ignore-flags" in found(analysis.findings, "No result without").text
    page = WellFormed(report_of(analysis)).text
    assert "ICV cannot be trusted in 55 of 55 scans (als: 30, control: 25)" in page
    assert page.index("ICV cannot be trusted") < page.index("Data checks Warning")
    kept = analyse(
        options_in(folder, table, exclude_flagged=True, ignored_flags=("skull_stripped",)), results
    )
    assert len(kept.statistics) == 2


def test_without_icv_nothing_is_adjusted_and_the_report_leads_with_it(folder):
    results, table = simulated(effect_mm3=-40)
    results["icv_mm3"] = np.nan
    analysis = analyse(options_in(folder, table), results)
    assert analysis.adjustment == "none"
    assert list(analysis.statistics[0].comparisons) == [
        (s.name, "none") for s in measured_structures(results)
    ]
    page = WellFormed(report_of(analysis)).text
    assert "No scan has an ICV" in page
    assert "Not adjusted for ICV" in page
    del results["icv_mm3"]
    assert analyse(options_in(folder, table), results).adjustment == "none"


def test_a_finding_about_a_column_named_after_icv_is_no_doubt_about_icv(folder):
    results, table = simulated()
    table["ICV_site"] = ["alone", *["north", "south"] * 27]
    options = options_in(folder, table, covariates=("age", "ICV_site"))
    analysis = analyse(options, results)
    assert found(analysis.findings, "category of ICV_site").topic is Topic.COVARIATES
    assert not icv_notices(analysis)


def test_a_measure_named_with_a_separator_is_counted_as_one_reason(folder, no_drawing):
    results, table = simulated()
    analysis = analyse(options_in(folder, table), results)
    odd = (Reason(Cause.OUTLIER, measure="left; right (z of both)", z=4.0),)
    analysis.reviewed.at[0, "listed"] = odd
    page = WellFormed(report_of(analysis)).text
    assert "outlier: left; right (z of both): 1" in page
