"""Several sessions a subject: who is in the results, who is not, and what the report says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from Cohort.group.analysis import GroupAnalysis, analyse
from Cohort.group.errors import SameImageError
from Cohort.group.joined_table import first_sessions, refuse_same_images
from Cohort.group.longitudinal import analyse_change, outlying_subjects
from Cohort.report.change import change_section
from Cohort.report.methods import methods_section
from Cohort.structures import PERCENT, TOTAL, change_column
from Testing.simulated_statistics import longitudinal as simulated_change
from Testing.simulated_statistics.scenario import Rate
from Testing.support.cohort_tables import (
    ALS_CONTROL,
    cohort,
    found,
    options_in,
    sessions_of,
    simulated,
)


def analysed(
    folder: Path, results: pd.DataFrame, people: pd.DataFrame, undated: str = "", **options
) -> GroupAnalysis:
    options = {"covariates": (), **options}
    chosen = options_in(folder, people, **options)
    table = sessions_of(people, results["session_id"].nunique(), folder, undated)
    return analyse(type(chosen)(**{**vars(chosen), "participants": table}), results)


def spoiled(results: pd.DataFrame, scan: str, factor: float, flags: str = "") -> pd.DataFrame:
    """The results with one scan's volumes wrong, as a failed segmentation's are."""
    row = results["scan"] == scan
    volumes = [c for c in results if c.startswith("hypothalamus_")]
    results = results.copy()
    results.loc[row, volumes] *= factor
    results.loc[row, "flags"] = flags
    return results


def test_a_listed_scan_is_not_in_the_change_without_listed_scans(tmp_path):
    results, people = simulated(n_a=12, n_b=12, sessions=3)
    bad = spoiled(results, "sub-003_ses-2", 4.0, "low_confidence")
    bad = spoiled(bad, "sub-003_ses-3", 5.0, "low_confidence")
    analysis = analysed(tmp_path, bad, people, exclude_flagged=True)
    every, kept = analysis.longitudinal
    with_bad, without = (dict(part.comparisons)[TOTAL] for part in (every, kept))
    assert with_bad.ci_high - with_bad.ci_low > 20
    assert without.ci_high - without.ci_low < 2
    assert "sub-003" not in set(kept.changes["participant_id"])
    assert max(term.ci_high - term.ci_low for term in kept.mixed) < 20
    assert "Left without a change: sub-003." in str(change_section(analysis))


def test_a_change_that_is_an_outlier_is_listed_though_no_scan_is(tmp_path):
    # Both scans are usual for the group; that one person has both is not.
    results, people = simulated(n_a=15, n_b=15, sessions=2)
    ordinary = results.set_index("scan")[TOTAL.column]
    low = ordinary[ordinary.index.str.endswith("ses-1")].sort_values()
    subject = low.index[8][:7]
    factor = 1.13 if ordinary[f"{subject}_ses-2"] < ordinary.median() else 0.87
    results = spoiled(results, f"{subject}_ses-2", factor)
    analysis = analysed(tmp_path, results, people, exclude_flagged=True)
    listed = analysis.reviewed.loc[analysis.reviewed["listed"].map(bool), "participant_id"]
    assert subject not in set(listed)
    every, kept = analysis.longitudinal
    assert subject in set(outlying_subjects(every.changes))
    assert subject not in set(kept.changes["participant_id"])
    assert f"{subject}_ses-1, {subject}_ses-2" in str(change_section(analysis))


def test_an_undated_first_session_stays_the_first(tmp_path):
    results, people = simulated(n_a=8, n_b=8, sessions=2, change_a=-0.1, change_b=-0.1)
    analysis = analysed(tmp_path, results, people, undated="sub-002_ses-1")
    sample = analysis.sample.set_index("participant_id")["scan"]
    assert sample["sub-002"] == "sub-002_ses-1"
    told = found(analysis.findings, "has no time although a later one has")
    assert told.items == ("sub-002_ses-1",)
    assert "sub-002" not in set(analysis.longitudinal[0].changes["participant_id"])


def test_an_earlier_date_still_makes_the_first_session():
    scans = pd.DataFrame(
        {
            "participant_id": ["sub-1", "sub-1", "sub-2", "sub-2"],
            "scan": ["sub-1_ses-a", "sub-1_ses-b", "sub-2_ses-a", "sub-2_ses-b"],
            "years": [1.0, 0.0, np.nan, np.nan],
        }
    )
    first, findings = first_sessions(scans)
    assert first["scan"].tolist() == ["sub-1_ses-b", "sub-2_ses-a"]
    assert [f for f in findings if "no time" in f.text] == []


def test_one_image_for_two_subjects_is_refused(tmp_path):
    results, people = simulated(n_a=5, n_b=5)
    results["input_sha256"] = [f"{number:064x}" for number in range(len(results))]
    refuse_same_images(results)
    analyse(options_in(tmp_path, people), results)
    results.loc[3, "input_sha256"] = results.loc[7, "input_sha256"]
    with pytest.raises(SameImageError, match="sub-004 = sub-008"):
        analyse(options_in(tmp_path, people), results)
    # Where no checksum is known, nothing is the same.
    refuse_same_images(results.assign(input_sha256=None))


def test_subjects_with_one_session_enter_the_mixed_model(tmp_path):
    results, people = simulated(n_a=12, n_b=12, sessions=3)
    once = ["sub-001", "sub-002", "sub-020"]
    kept = ~(results["participant_id"].isin(once) & (results["session_id"] != "ses-1"))
    longitudinal = analysed(tmp_path, results[kept], people).longitudinal[0]
    assert {(t.subjects, t.repeated, t.sessions) for t in longitudinal.mixed} == {(24, 21, 66)}
    assert found(longitudinal.findings, "one session").items == tuple(once)


def test_methods_do_not_name_a_mixed_model_that_was_not_fitted(tmp_path):
    results, people = simulated(n_a=12, n_b=12, sessions=2)
    assert "linear mixed model" in str(methods_section(analysed(tmp_path, results, people)))
    controls = people.loc[people["group"] == "control", "participant_id"].tolist()
    kept = ~(results["participant_id"].isin(controls[4:]) & (results["session_id"] != "ses-1"))
    analysis = analysed(tmp_path, results[kept], people)
    page = str(methods_section(analysis)) + str(change_section(analysis))
    assert "linear mixed model" not in page
    assert "it needs 5 subjects with several dated sessions in each group (als 12, control 4)" in (
        page
    )


def test_who_has_no_change_is_told_with_the_reason():
    frame = cohort(n_a=8, n_b=8, sessions=2)
    frame["years"] = (frame["session_id"] == "ses-2").astype(float)

    def late(subject: str) -> pd.Series:
        return (frame["participant_id"] == subject) & (frame["session_id"] == "ses-2")

    frame.loc[late("sub-001"), "years"] = 0.1
    frame.loc[late("sub-002"), "years"] = np.nan
    frame = frame[~late("sub-003")]
    frame.loc[late("sub-004"), [c for c in frame if c.startswith("hypothalamus_")]] = np.nan
    findings = analyse_change(frame, ALS_CONTROL, ()).findings
    reasons = {"months apart": "sub-001", "have a time": "sub-002", "one session": "sub-003"}
    for words, subject in {**reasons, "hypothalamic volume": "sub-004"}.items():
        assert found(findings, words).items == (subject,)


def test_a_comparison_that_fails_for_its_covariate_does_not_blame_the_number_of_subjects():
    from Cohort.group.covariates import Covariate

    frame = cohort(n_a=8, n_b=8, sessions=2)
    frame["years"] = (frame["session_id"] == "ses-2").astype(float)
    frame["site"] = np.where(frame["group"] == "als", "north", "south")
    longitudinal = analyse_change(frame, ALS_CONTROL, (Covariate("site", "category"),))
    assert any("cannot be separated" in remark for remark in longitudinal.remarks)
    assert not any("it needs" in remark for remark in longitudinal.remarks)
    without = analyse_change(frame, ALS_CONTROL, ()).remarks
    assert "Annualized change of Intracranial volume was not compared: it is the same in " in (
        " ".join(without)
    )
    assert not any("cannot be separated" in remark for remark in without)


def test_a_change_in_percent_refers_to_the_first_session_that_has_a_volume():
    frame = pd.DataFrame(
        {
            "participant_id": "sub-1",
            "years": [0.0, 1.0, 2.0],
            TOTAL.column: [np.nan, 800.0, 792.0],
        }
    )
    frame["icv_mm3"] = 1.5e6
    changes = analyse_change(frame, None, ()).changes
    assert changes[change_column(TOTAL, PERCENT)].tolist() == pytest.approx([-1.0])


@pytest.mark.parametrize(
    ("scenario", "cohorts", "most_percent"),
    [
        (simulated_change.one_control, 12, 0),
        (simulated_change.fewest_subjects, 40, 15),
    ],
)
def test_groups_that_change_alike_seldom_seem_to_differ(scenario, cohorts, most_percent):
    mixed, *_ = scenario(cohorts)
    assert mixed.percent <= most_percent, mixed


def test_the_former_rule_made_a_difference_out_of_nothing_in_few_subjects():
    mixed, *_ = simulated_change.few_subjects(20)
    assert mixed.percent == 0
    assert mixed.before_percent >= 20
    # In as many processes as one likes the cohorts are the same.
    again, *_ = simulated_change.few_subjects(20, processes=2)
    assert again == mixed


def test_the_figure_has_a_course_a_subject_and_the_mean_slope_of_its_group(tmp_path, monkeypatch):
    results, people = simulated(n_a=6, n_b=5, sessions=3, change_a=-0.05, change_b=0.0)
    analysis = analysed(tmp_path, results, people)
    drawn = []
    plot = Axes.plot
    monkeypatch.setattr(Axes, "plot", lambda *a, **k: drawn.append(a[1:3]) or plot(*a, **k))
    page = str(change_section(analysis))
    assert "<svg" in page
    assert "Total hypothalamus over time in percent of the first session: als, control" in page
    changes = analysis.longitudinal[0].changes
    means = changes.groupby("group")[change_column(TOTAL, PERCENT)].mean()
    ends = [float(values[-1]) for _, values in drawn]
    assert len(drawn) == 11 + 2
    assert ends[6] == pytest.approx(2 * means["als"])
    assert ends[12] == pytest.approx(2 * means["control"])
    assert means["als"] < -4


def test_without_icv_or_without_a_second_session_nothing_is_made_up():
    generator = np.random.default_rng(1)
    twelve = simulated_change.groups(6, 6)
    frame = simulated_change.cohort(generator, twelve, simulated_change.yearly(2))
    without_icv = analyse_change(frame.assign(icv_mm3=np.nan), ALS_CONTROL, ())
    assert [structure for structure, _ in without_icv.comparisons] == [TOTAL]
    assert not any("not compared" in remark for remark in without_icv.remarks)
    once = analyse_change(frame[frame["years"] == 0], ALS_CONTROL, ())
    assert once.changes.empty
    assert [finding.text for finding in once.findings] == [
        "Subjects with one session have no measured change"
    ]


def test_a_simulated_rate_is_held_against_its_bounds_with_its_own_error():
    assert Rate("few cohorts, 8 %", 8, 100).is_kept
    assert not Rate("many cohorts, 10 %", 200, 2000).is_kept
    assert not Rate("a third", 33, 100).is_kept
    assert not Rate("must not happen", 1, 1000, bounds_percent=(0.0, 0.0)).is_kept
    assert not Rate("nothing was fitted", 0, 0).is_kept
