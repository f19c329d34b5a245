"""When each session took place, in years since the subject's first.

Looked for, in this order: the column that --time-column names (years); acq_time (a date; dates
shifted to hide a birthday keep their distances); years; age. They are read from a participants.tsv
that has a column session_id, from the scans' own ``*_scans.tsv`` (acq_time) and from
``sub-X/sub-X_sessions.tsv``. One column serves all subjects, the one that dates the most sessions,
so that intervals are comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .covariates import as_numbers
from .errors import SessionsFileError
from .findings import NOTE, WARNING, Finding, Topic
from .participants_table import SESSION_PREFIX, Participants, read_tsv
from .scan_times import read_scan_times

DAYS_PER_YEAR, LONGEST_YEARS = 365.25, 80
DATE, YEARS, AGE = "acq_time", "years", "age"


@dataclass(frozen=True)
class SessionTimes:
    """The times of a table of scans.

    Attributes
    ----------
    years : Series of float
        Since the subject's first dated session; NaN where unknown.
    source : str
        The column that was used, or empty if no subject has two dated sessions.
    findings : tuple of Finding
    """

    years: pd.Series
    source: str
    findings: tuple[Finding, ...]


def read_session_times(
    scans: pd.DataFrame, participants: Participants | None, root: Path | None, named: str | None
) -> SessionTimes:
    """Date the sessions of a table with one row per subject and session.

    Parameters
    ----------
    scans : DataFrame
    participants : Participants or None
    root : Path or None
        Folder with the subjects' folders.
    named : str or None
        A column of years that the user named.

    Raises
    ------
    SessionsFileError
        If a sessions file is malformed, or the named column is nowhere.
    """
    nothing = pd.Series(float("nan"), scans.index)
    if not scans["participant_id"].duplicated().any():
        return SessionTimes(nothing, "", ())
    table = _session_table(scans, participants, root)
    if named is not None and named not in table:
        raise SessionsFileError(
            f"No sessions file and no participants.tsv with a column session_id has the column "
            f"{named!r} that --time-column names. Columns found: {', '.join(table) or 'none'}."
        )
    best, source, dated = nothing, "", 0
    for column in [named] if named else [DATE, YEARS, AGE]:
        if column not in table:
            continue
        years = _years(table[column], column == DATE)
        years = years.mask(_too_far_apart(years, scans))
        since_first = years - years.groupby(scans["participant_id"]).transform("min")
        # Count sessions that form an interval, not single ones or several on one day.
        spans = since_first.groupby(scans["participant_id"]).transform("max") > 0
        count = int((since_first.notna() & spans).sum())
        if count > dated:
            best, source, dated = since_first, column, count
    findings = tuple(_findings(scans, best, source))
    if source:
        # A subject's only session is its first, dated or not.
        best = best.mask(~scans["participant_id"].duplicated(keep=False), 0.0)
        findings += _impossible(_years(table[source], source == DATE), scans, source)
    return SessionTimes(best, source, findings)


def _session_table(
    scans: pd.DataFrame, participants: Participants | None, root: Path | None
) -> pd.DataFrame:
    """Text columns of all sessions, aligned with ``scans``."""
    tables = []
    if participants is not None and "session_id" in participants.frame:
        tables.append(participants.frame)
    repeated = scans.loc[scans["participant_id"].duplicated(), "participant_id"].unique()
    for subject in repeated if root is not None else ():
        times = read_scan_times(root, scans[scans["participant_id"] == subject])
        if times is not None:
            tables.append(times)
        path = root / subject / f"{subject}_sessions.tsv"
        if path.is_file():
            tables.append(read_sessions(path, subject))
    keys = scans[["participant_id", "session_id"]]
    if not tables:
        return pd.DataFrame(index=scans.index)
    together = pd.concat(tables, ignore_index=True)
    # If both files have a session, the first value is used, column by column.
    together = together.groupby(["participant_id", "session_id"], as_index=False).first()
    joined = keys.merge(together, on=["participant_id", "session_id"], how="left")
    return joined.set_index(scans.index).drop(columns=["participant_id", "session_id"])


def read_sessions(path: Path, subject: str) -> pd.DataFrame:
    """Read ``sub-X_sessions.tsv`` with full labels of subject and sessions.

    Raises
    ------
    SessionsFileError
        If it is malformed or has no column session_id.
    """
    table = read_tsv(path, SessionsFileError)
    if "session_id" not in table:
        raise SessionsFileError(f"{path} has no column session_id.")
    sessions = table["session_id"].fillna("")
    bare = ~sessions.str.startswith(SESSION_PREFIX) & (sessions != "")
    sessions = sessions.where(~bare, SESSION_PREFIX + sessions)
    return table.assign(participant_id=subject, session_id=sessions)


def _years(values: pd.Series, is_date: bool) -> pd.Series:
    if not is_date:
        return as_numbers(values)
    dates = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
    return (dates - dates.min()).dt.total_seconds() / (DAYS_PER_YEAR * 86400)


def _too_far_apart(years: pd.Series, scans: pd.DataFrame) -> pd.Series:
    """Sessions of subjects whose first and last are further apart than a lifetime."""
    by_subject = years.groupby(scans["participant_id"])
    return by_subject.transform("max") - by_subject.transform("min") > LONGEST_YEARS


def _impossible(years: pd.Series, scans: pd.DataFrame, source: str) -> tuple[Finding, ...]:
    wrong = _too_far_apart(years, scans)
    if not wrong.any():
        return ()
    text = (
        f"Sessions of a subject lie more than {LONGEST_YEARS} years apart by {source}; perhaps "
        "only some of the dates were shifted for anonymity. They count as undated"
    )
    return (Finding(WARNING, Topic.SESSION_TIMES, text, tuple(scans.loc[wrong, "scan"])),)


def _findings(scans: pd.DataFrame, years: pd.Series, source: str) -> list[Finding]:
    if not source:
        return [
            Finding(
                WARNING,
                Topic.SESSION_TIMES,
                "There are subjects with several sessions, but the time between them is unknown: "
                "give acq_time, years or age per session in sub-X/sub-X_sessions.tsv. No "
                "longitudinal analysis was made",
            )
        ]
    findings = []
    several = scans["participant_id"].duplicated(keep=False)
    undated = scans.loc[several & years.isna(), "scan"]
    if len(undated):
        text = f"Sessions without a time in {source} are not in the longitudinal analysis"
        findings.append(Finding(WARNING, Topic.SESSION_TIMES, text, tuple(undated)))
    known = years.dropna()
    if source == AGE and len(known) and (known % 1 == 0).all():
        findings.append(
            Finding(
                NOTE,
                Topic.SESSION_TIMES,
                "Ages are whole years, so an interval may be wrong by almost a year, and "
                "annualized changes are just as uncertain",
            )
        )
    return findings
