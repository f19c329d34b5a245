"""When each scan was taken, from the data set's ``*_scans.tsv`` (BIDS 1.10, "Scans file")."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .errors import SessionsFileError
from .participants_table import read_tsv

ACQUISITION_TIME = "acq_time"
IMAGE_SUFFIXES = (".nii.gz", ".nii")
T1W = "_T1w"


def read_scan_times(root: Path, scans: pd.DataFrame) -> pd.DataFrame | None:
    """Read the acquisition times of a subject's scans.

    Times of a subject are used only if each of its sessions has one here. Dates may be shifted to
    protect a person, and a shifted date must not be subtracted from one of another file.

    Parameters
    ----------
    root : Path
        The data set.
    scans : DataFrame
        Rows of one subject, one a session: ``participant_id``, ``session_id``, ``scan``.

    Returns
    -------
    DataFrame or None
        ``participant_id``, ``session_id`` and ``acq_time``; None if a session has no time.

    Raises
    ------
    SessionsFileError
        A file is malformed.
    """
    times = []
    for row in scans.itertuples():
        folder = root / row.participant_id / row.session_id
        stem = "_".join(filter(None, (row.participant_id, row.session_id)))
        found = _time_of(folder / f"{stem}_scans.tsv", row.scan)
        if not found:
            return None
        times.append(found)
    return scans[["participant_id", "session_id"]].assign(**{ACQUISITION_TIME: times})


def _time_of(path: Path, scan: str) -> str:
    if not path.is_file():
        return ""
    table = read_tsv(path, SessionsFileError)
    if not {"filename", ACQUISITION_TIME} <= set(table):
        return ""
    names = table["filename"].fillna("").map(_scan_name)
    times = table.loc[names == scan, ACQUISITION_TIME].dropna()
    return "" if times.empty else str(times.iloc[0])


def _scan_name(file: str) -> str:
    name = file.rsplit("/", 1)[-1]
    for suffix in IMAGE_SUFFIXES:
        name = name.removesuffix(suffix)
    return name.removesuffix(T1W)
