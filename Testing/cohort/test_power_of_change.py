"""Sample sizes for a difference of change: a published example, and what the spread comes from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from Cohort.group.analysis import analyse
from Cohort.group.longitudinal import Longitudinal, analyse_change
from Cohort.group.power_of_change import (
    SESSIONS,
    ChangeSpread,
    ErrorSource,
    change_power_table,
    change_spread,
)
from Cohort.group.reliability import Reliability
from Cohort.report.change import change_section
from Cohort.report.record import analysis_record
from Cohort.structures import PERCENT, TOTAL, change_column
from Testing.simulated_statistics import longitudinal as simulated_change
from Testing.simulated_statistics.change_power import TRUE_SPREAD, sample_sizes
from Testing.support.cohort_tables import options_in, sessions_of, simulated

EIGHTEEN_MONTHS = tuple(np.arange(0, 1.51, 0.25))


def analysed(seed: int, patients: int, controls: int, times) -> Longitudinal:
    generator = np.random.default_rng(seed)
    groups = simulated_change.groups(patients, controls)
    scans = simulated_change.cohort(generator, groups, times)
    return analyse_change(scans, simulated_change.CONTRAST, ())


def spread_of(found: Longitudinal, reliability: Reliability | None = None) -> ChangeSpread:
    fit = found.comparisons[0][1]
    return change_spread(found, fit, simulated_change.CONTRAST, reliability, 0.25)


def test_the_number_of_subjects_is_that_of_the_r_package_longpower():
    # Its example (ADAS-Cog, seven visits in 18 months): variances 24 of the slope and 10 of the
    # error, a difference of 1.5 a year, 207.310093300903 a group by normal quantiles.
    spread = ChangeSpread(math.sqrt(24), math.sqrt(24), math.sqrt(10))
    design = spread.design(EIGHTEEN_MONTHS)
    normal = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert 2 * (normal * design.sd_a / 1.5) ** 2 == pytest.approx(207.310093300903, rel=1e-5)
    # Student's t asks for one more.
    assert design.n_per_group(1.5) == 209


def test_the_variance_of_a_slope_is_that_of_a_published_table():
    # Diggle, Liang & Zeger 1994, page 29: subjects a group, one-sided, who are seen at 0, 2 and 5
    # years and differ in level alone; by correlation (0.2, 0.5, 0.8) and variance (100, 200, 300).
    table = ((313, 625, 938), (196, 391, 586), (79, 157, 235))
    quantiles = stats.norm.ppf(0.95) + stats.norm.ppf(0.8)
    for correlation, row in zip((0.2, 0.5, 0.8), table, strict=True):
        for variance, expected in zip((100, 200, 300), row, strict=True):
            error = math.sqrt(variance * (1 - correlation))
            sd = ChangeSpread(0, 0, error).design((0, 2, 5)).sd_a
            assert math.ceil(2 * (quantiles * sd / 0.5) ** 2) == expected


def test_the_spread_of_slopes_is_taken_apart():
    found = analysed(1, 400, 400, simulated_change.yearly(4))
    spread = spread_of(found)
    assert spread.source is ErrorSource.THESE_SESSIONS
    assert spread.error_df == 800 * 2
    assert spread.error == pytest.approx(TRUE_SPREAD.error, rel=0.05)
    assert spread.between_a == pytest.approx(TRUE_SPREAD.between_a, rel=0.12)
    assert spread.between_b == pytest.approx(TRUE_SPREAD.between_b, rel=0.12)


def test_two_sessions_take_the_error_from_repeat_scans_or_the_validation():
    found = analysed(2, 400, 400, simulated_change.at_differing_intervals)
    validated = spread_of(found)
    assert (validated.source, validated.error) == (ErrorSource.VALIDATION, 0.25)
    repeated = spread_of(found, Reliability(TRUE_SPREAD.error, 30, "compare_agreement.tsv"))
    assert (repeated.source, repeated.error_df) == (ErrorSource.REPEAT_SCANS, 30)
    assert repeated.between_a == pytest.approx(TRUE_SPREAD.between_a, rel=0.15)
    # What the validation's error does not explain counts as true change.
    assert validated.between_a > 1.1 * repeated.between_a
    # An error larger than all that is seen leaves nothing between subjects.
    assert spread_of(found, Reliability(50.0, 3, "bad")).between_a == 0


def test_longer_and_more_sessions_need_fewer_subjects():
    found = analysed(3, 60, 60, simulated_change.yearly(3))
    fit = found.comparisons[0][1]
    rows = change_power_table(
        spread_of(found), fit, found.changes[change_column(TOTAL, PERCENT)], "als"
    )
    for row in rows:
        n = list(row.n_per_group.values())
        if np.isfinite(n).all():
            assert n[0] >= n[1] > n[2] >= n[3] >= n[4]
    chosen = {row.difference: row for row in rows if row.source == "Chosen"}
    for name in SESSIONS:
        assert chosen[0.5].n_per_group[name] > 3 * chosen[1.0].n_per_group[name]


def test_studies_of_that_size_find_the_difference():
    for rate in sample_sizes(40):
        assert 62 <= rate.percent <= 95, rate


def test_report_and_record_hold_the_sample_sizes(tmp_path):
    results, people = simulated(n_a=15, n_b=14, sessions=3, change_a=-0.03, change_b=-0.01)
    options = options_in(tmp_path, people, covariates=("age",))
    table = sessions_of(people, 3, tmp_path)
    analysis = analyse(type(options)(**{**vars(options), "participants": table}), results)
    page = str(change_section(analysis))
    assert "With 15 and 14 subjects, this cohort can detect with 80 % power a difference in" in page
    assert "29 degrees of freedom" in page
    assert "50 % less change than in als" in page
    kept = analysis_record(analysis)["power_of_change"]
    assert kept["spread"]["error_df"] == 29
    assert {row["source"] for row in kept["subjects_per_group"]} > {"Observed here", "Chosen"}
    # Without groups there is nothing to plan.
    alone = options_in(tmp_path, people, contrast=None, covariates=())
    alone = type(alone)(**{**vars(alone), "participants": table})
    record = analysis_record(analyse(alone, results))
    assert record["power_of_change"] is None
