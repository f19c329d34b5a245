"""The follow level and what the group level makes of it; the engine is replaced by a stub."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from HypothalamusSegLib.options import Options

from Cohort.errors import FollowedVolumesError
from Cohort.follow_up.run import run_follow_level
from Cohort.follow_up.subjects import FollowedSubject, SessionScan, find_subjects
from Cohort.follow_up.worker import FollowOutcome, folder_of, inputs_of, key_name
from Cohort.group.analysis import analyse
from Cohort.index.followed_volumes import TABLE_NAME, read_followed_volumes
from Cohort.report.change import change_section
from Cohort.structures import PERCENT, TOTAL, change_column
from Testing.support.cohort_tables import found, options_in, simulated


class Threads:
    """In the place of processes, which take seconds to start."""

    @contextlib.contextmanager
    def open(self):
        with ThreadPoolExecutor(1) as pool:
            yield pool


def subject(name: str = "sub-1", count: int = 2, acquired=None) -> FollowedSubject:
    sessions = (
        SessionScan(f"ses-{n}", f"{name}_ses-{n}", Path(f"{name}-{n}.nii"), f"{name}{n}", acquired)
        for n in range(1, count + 1)
    )
    return FollowedSubject(name, tuple(sessions))


class Follower:
    """Writes what the engine would, and remembers whom it was asked for."""

    def __init__(self, severe: bool = False, failing: str = "") -> None:
        self.asked: list[str] = []
        self.severe, self.failing = severe, failing

    def __call__(self, task) -> FollowOutcome:
        name = task.subject.participant_id
        self.asked.append(name)
        if name == self.failing:
            return FollowOutcome(name, "The scan is damaged.")
        visits = [
            {
                "date": None,
                "similarity": 0.99,
                "volumes_mm3": {"hypothalamus_total": 800.0 + number},
                "provenance": {"input_sha256": session.sha256},
            }
            for number, session in enumerate(task.subject.sessions)
        ]
        flags = [{"code": "visits_unlike", "is_severe": True}] if self.severe else []
        folder = folder_of(task.output, name)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}_follow.json"
        path.write_text(json.dumps({"visits": visits, "flags": flags}), encoding="utf-8")
        key = {"fingerprint": task.fingerprint, "inputs": inputs_of(task.subject)}
        (folder / key_name(name)).write_text(json.dumps(key), encoding="utf-8")
        return FollowOutcome(name)


def run(subjects, output: Path, follower: Follower):
    return run_follow_level(subjects, output, Options(), Threads(), work=follower)


def results_of(*scans: tuple[str, str, str]) -> pd.DataFrame:
    rows = [
        {
            "participant_id": participant,
            "session_id": session,
            "scan": scan,
            "input": f"/data/{scan}.nii.gz",
            "input_sha256": scan,
        }
        for participant, session, scan in scans
    ]
    return pd.DataFrame(rows)


def test_only_subjects_with_several_sessions_are_followed_in_natural_order():
    results = results_of(
        ("sub-1", "ses-10", "sub-1_ses-10"),
        ("sub-1", "ses-2", "sub-1_ses-2_run-1"),
        ("sub-1", "ses-2", "sub-1_ses-2_run-2"),
        ("sub-2", "ses-1", "sub-2_ses-1"),
        ("sub-3", "", "sub-3_run-1"),
        ("sub-3", "", "sub-3_run-2"),
    )
    subjects = find_subjects(results, None)
    assert [s.participant_id for s in subjects] == ["sub-1"]
    assert [s.scan for s in subjects[0].sessions] == ["sub-1_ses-2_run-1", "sub-1_ses-10"]
    assert find_subjects(results, None, ["2"]) == []
    assert len(find_subjects(results, None, ["sub-1"])) == 1


@pytest.mark.parametrize(
    ("second", "dates"),
    [("2023-05-10", [date(2021, 5, 3), date(2023, 5, 10)]), ("n/a", [None, None])],
)
def test_dates_are_taken_if_all_sessions_have_one(tmp_path, second, dates):
    folder = tmp_path / "sub-1"
    folder.mkdir()
    text = f"session_id\tacq_time\nses-1\t2021-05-03T10:00:00\nses-2\t{second}\n"
    (folder / "sub-1_sessions.tsv").write_text(text, encoding="utf-8")
    results = results_of(("sub-1", "ses-1", "a"), ("sub-1", "ses-2", "b"))
    (found_subject,) = find_subjects(results, tmp_path)
    assert [session.acquired for session in found_subject.sessions] == dates


def test_a_second_run_follows_only_what_has_changed(tmp_path):
    follower = Follower()
    subjects = [subject("sub-1"), subject("sub-2")]
    assert len(run(subjects, tmp_path, follower)) == 2
    assert run(subjects, tmp_path, follower) == []
    moved = [subjects[0], subject("sub-2", acquired=date(2020, 1, 1))]
    run(moved, tmp_path, follower)
    assert follower.asked == ["sub-1", "sub-2", "sub-2"]


def test_a_subject_that_fails_does_not_stop_the_others_and_is_tried_again(tmp_path):
    subjects = [subject("sub-1"), subject("sub-2")]
    outcomes = run(subjects, tmp_path, Follower(failing="sub-1"))
    assert [outcome.reason for outcome in outcomes] == ["The scan is damaged.", ""]
    assert set(read_followed_volumes(tmp_path)["participant_id"]) == {"sub-2"}
    again = Follower()
    run(subjects, tmp_path, again)
    assert again.asked == ["sub-1"]
    assert len(read_followed_volumes(tmp_path)) == 4


def test_volumes_of_other_images_than_those_that_are_there_are_not_in_the_table(tmp_path):
    run([subject("sub-1"), subject("sub-2")], tmp_path, Follower())
    other = subject("sub-1")
    replaced = replace(other.sessions[1], sha256="another image")
    changed = FollowedSubject("sub-1", (other.sessions[0], replaced))
    run([changed, subject("sub-2")], tmp_path, Follower(failing="sub-1"))
    assert set(read_followed_volumes(tmp_path)["participant_id"]) == {"sub-2"}


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(FollowedVolumesError, match="follow"):
        read_followed_volumes(tmp_path)


def followed_table(results: pd.DataFrame, folder: Path, severe: str = "") -> None:
    """Volumes of the follow level: exactly 1 % a year less, from what the first session has."""
    first = results.groupby("participant_id")["hypothalamus_total_mm3"].transform("first")
    session = results["session_id"].str.removeprefix("ses-").astype(int) - 1
    total = first * (1 - 0.01 * session)
    table = results[["participant_id", "session_id", "scan"]].assign(
        severe=results["participant_id"] == severe,
        hypothalamus_total_mm3=total,
        hypothalamus_left_mm3=total / 2,
        hypothalamus_right_mm3=total / 2,
    )
    table.to_csv(folder / TABLE_NAME, sep="\t", index=False)


def analysed(folder: Path, results: pd.DataFrame, people: pd.DataFrame):
    rows = [
        {**person, "session_id": f"ses-{number + 1}", "years": str(number)}
        for person in people.to_dict("records")
        for number in range(2)
    ]
    options = options_in(folder, people, covariates=(), followed=True)
    table = folder / "sessions.tsv"
    pd.DataFrame(rows).to_csv(table, sep="\t", index=False)
    return analyse(replace(options, participants=table), results)


def test_the_group_level_models_followed_volumes_beside_those_of_single_runs(tmp_path):
    results, people = simulated(n_a=8, n_b=8, sessions=2)
    followed_table(results, tmp_path, severe="sub-003")
    analysis = analysed(tmp_path, results, people)
    column = change_column(TOTAL, PERCENT)
    changes = analysis.followed.changes
    assert np.allclose(changes[column], -1.0)
    assert "sub-003" not in set(changes["participant_id"])
    assert found(analysis.findings, "cannot be compared").items == ("sub-003",)
    assert analysis.longitudinal[0].changes[column].std() > 0.1
    assert "sub-003" in set(analysis.longitudinal[0].changes["participant_id"])
    page = str(change_section(analysis))
    assert "Measured in one frame" in page
    assert "Of 15 subjects who have both" in page


def test_followed_volumes_that_were_not_made_end_the_group_level(tmp_path):
    results, people = simulated(n_a=8, n_b=8, sessions=2)
    with pytest.raises(FollowedVolumesError):
        analysed(tmp_path, results, people)
