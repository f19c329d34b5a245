"""Which subjects have several sessions, and when they took place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from HypothalamusSegLib.reading.study_identity import as_date

if TYPE_CHECKING:
    import pandas as pd

SUBJECT_PREFIX = "sub-"


@dataclass(frozen=True)
class SessionScan:
    """The scan of one session.

    Attributes
    ----------
    session_id, scan : str
        ``ses-1``; stem of its files.
    path : Path
    sha256 : str
        Of the image, as the participant level read it.
    acquired : date or None
    """

    session_id: str
    scan: str
    path: Path
    sha256: str
    acquired: date | None


@dataclass(frozen=True)
class FollowedSubject:
    """A subject with two or more sessions, in the order of their names."""

    participant_id: str
    sessions: tuple[SessionScan, ...]


def find_subjects(
    results: pd.DataFrame, root: Path | None, wanted: Collection[str] = ()
) -> list[FollowedSubject]:
    """List subjects with two or more finished sessions.

    Of several scans in one session the first by name is taken, as at the group level. Dates are
    ``acq_time`` of ``*_scans.tsv`` or of ``sub-X_sessions.tsv``, and only if all sessions of a
    subject have one in the same kind of file: dates may be shifted.

    Parameters
    ----------
    results : DataFrame
        From `Cohort.index.results_table.read_results`.
    root : Path or None
        The data set.
    wanted : collection of str
        Subjects, with or without ``sub-``; empty: all.
    """
    from ..group.joined_table import natural_order

    labels = {SUBJECT_PREFIX + label.removeprefix(SUBJECT_PREFIX) for label in wanted}
    subjects = []
    for participant, rows in results.groupby("participant_id"):
        if labels and participant not in labels:
            continue
        rows = rows.sort_values("scan").drop_duplicates("session_id", keep="first")
        order = sorted(rows.index, key=lambda index: natural_order(rows.at[index, "session_id"]))
        rows = rows.loc[order]
        if len(rows) < 2:
            continue
        dates = _dates(rows, root)
        sessions = tuple(
            SessionScan(row.session_id, row.scan, Path(row.input), row.input_sha256, when)
            for row, when in zip(rows.itertuples(), dates, strict=True)
        )
        subjects.append(FollowedSubject(str(participant), sessions))
    return subjects


def _dates(rows: pd.DataFrame, root: Path | None) -> list[date | None]:
    from ..group.scan_times import ACQUISITION_TIME, read_scan_times
    from ..group.session_times import read_sessions

    unknown: list[date | None] = [None] * len(rows)
    if root is None:
        return unknown
    times = read_scan_times(root, rows)
    if times is None:
        subject = rows["participant_id"].iloc[0]
        path = root / subject / f"{subject}_sessions.tsv"
        times = read_sessions(path, subject) if path.is_file() else None
    if times is None or ACQUISITION_TIME not in times:
        return unknown
    by_session = dict(zip(times["session_id"], times[ACQUISITION_TIME], strict=True))
    dates = [as_date(str(by_session.get(session, ""))) for session in rows["session_id"]]
    return dates if None not in dates else unknown
