"""Times of sessions: from the scans, dates or ages, and never across files."""

from __future__ import annotations

from pathlib import Path

import pytest

from Cohort.group.analysis import analyse
from Cohort.group.errors import SessionsFileError
from Cohort.group.joined_table import join
from Cohort.group.participants_table import read_participants
from Cohort.group.session_times import read_session_times
from Cohort.report.group_report import report_of
from Testing.support.cohort_tables import as_read, found, options_in, simulated, table_in
from Testing.support.html_page import WellFormed


def write_sessions(folder: Path, subject: str, text: str) -> None:
    (folder / subject).mkdir(exist_ok=True)
    (folder / subject / f"{subject}_sessions.tsv").write_text(text, encoding="utf-8")


def write_scan_time(folder: Path, subject: str, session: str, time: str) -> None:
    where = folder / subject / session
    where.mkdir(parents=True, exist_ok=True)
    name = f"{subject}_{session}"
    text = (
        f"filename\tacq_time\nfunc/{name}_bold.nii.gz\t1999-01-01\nanat/{name}_T1w.nii.gz\t{time}\n"
    )
    (where / f"{name}_scans.tsv").write_text(text, encoding="utf-8")


def test_the_times_of_the_scans_themselves_are_used(folder):
    results, table = simulated(n_a=1, n_b=1, sessions=2)
    write_scan_time(folder, "sub-001", "ses-1", "1850-03-01T10:00:00")
    write_scan_time(folder, "sub-001", "ses-2", "1852-03-01T10:00:00")
    scans = join(results, as_read(table, folder), folder).scans
    times = read_session_times(scans, None, folder, None)
    assert times.source == "acq_time"
    assert times.years.iloc[:2].round(2).tolist() == [0, 2]


def test_a_shifted_date_is_never_subtracted_from_one_of_another_file(folder):
    results, table = simulated(n_a=1, n_b=1, sessions=2)
    write_sessions(
        folder, "sub-001", "session_id\tacq_time\nses-1\t2020-01-01\nses-2\t2021-01-01\n"
    )
    write_scan_time(folder, "sub-001", "ses-1", "1850-03-01T10:00:00")
    scans = join(results, as_read(table, folder), folder).scans
    times = read_session_times(scans, None, folder, None)
    assert times.years.iloc[:2].round(2).tolist() == [0, 1]


def test_dates_of_sessions_become_years(folder):
    results, table = simulated(n_a=2, n_b=1, sessions=2)
    write_sessions(
        folder,
        "sub-001",
        "session_id\tacq_time\tage\nses-1\t2020-01-01T09:00:00\t60\nses-2\t2021-01-01\t61\n",
    )
    write_sessions(folder, "sub-002", "session_id\tacq_time\n1\t2020-06-01\n2\t2020-12-01\n")
    scans = join(results, as_read(table, folder), folder).scans
    times = read_session_times(scans, None, folder, None)
    assert times.source == "acq_time"
    assert times.years.tolist()[:4] == pytest.approx([0, 1.0, 0, 0.501], abs=0.003)
    assert times.years.isna().tolist()[4:] == [True, True]
    assert found(times.findings, "without a time").items == ("sub-003_ses-1", "sub-003_ses-2")


def test_ages_serve_where_there_are_no_dates(folder):
    results, _ = simulated(n_a=1, n_b=0, sessions=2)
    write_sessions(folder, "sub-001", "session_id\tage\nses-1\t60\nses-2\t63\n")
    scans = join(results, None, folder).scans
    times = read_session_times(scans, None, folder, None)
    assert (times.source, times.years.tolist()) == ("age", [0, 3])
    assert found(times.findings, "whole years")
    with pytest.raises(SessionsFileError, match="'months'"):
        read_session_times(scans, None, folder, "months")
    rows = ["participant_id\tsession_id\twait", "sub-001\tses-1\t0.5", "sub-001\tses-2\t2.0"]
    participants = read_participants(table_in(folder, "\n".join(rows)))
    named = read_session_times(scans, participants, folder, "wait")
    assert (named.source, named.years.tolist()) == ("wait", [0, 1.5])


def test_dates_of_two_centuries_make_no_interval(folder):
    results, table = simulated(n_a=2, n_b=0, sessions=2)
    write_sessions(folder, "sub-001", "session_id\tacq_time\n1\t1800-01-01\n2\t2021-01-01\n")
    # Both dates shifted by the same time keep their distance.
    write_sessions(folder, "sub-002", "session_id\tacq_time\n1\t1801-01-01\n2\t1803-01-01\n")
    scans = join(results, as_read(table, folder), folder).scans
    times = read_session_times(scans, None, folder, None)
    assert times.years.isna().tolist() == [True, True, False, False]
    assert times.years.iloc[3] == pytest.approx(2, abs=0.01)
    assert found(times.findings, "80 years apart").items == ("sub-001_ses-1", "sub-001_ses-2")


def test_sessions_without_times_are_told(folder, no_drawing):
    results, table = simulated(n_a=5, n_b=5, sessions=2)
    analysis = analyse(options_in(folder, table, covariates=()), results)
    assert analysis.longitudinal == []
    assert len(analysis.sample) == 10
    assert "the time between them is unknown" in WellFormed(report_of(analysis)).text


def test_the_first_session_in_time_is_compared(folder, no_drawing):
    results, table = simulated(n_a=8, n_b=8, sessions=2, change_a=-0.05)
    for subject in table["participant_id"]:
        # Numbered against the order of time.
        text = "session_id\tacq_time\nses-1\t2022-03-01\nses-2\t2020-03-01\n"
        write_sessions(folder, subject, text)
    analysis = analyse(options_in(folder, table, covariates=()), results)
    assert set(analysis.sample["session_id"]) == {"ses-2"}
    changes = analysis.longitudinal[0].changes
    assert changes["years"].tolist() == pytest.approx([2.0] * 16, abs=0.01)
    page = WellFormed(report_of(analysis)).text
    assert "difference in change per year, als − control" in page
