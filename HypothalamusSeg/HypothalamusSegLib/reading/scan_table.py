"""A table that lists scans: one row per scan, with ``participant_id``, ``path`` and ``session_id``.

Examples
--------
>>> label_scan(Path("a.nii.gz"), "sub-7", "ses-2").name
'sub-7_ses-2'
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from ..bids_labels import bids_label, scan_name
from ..errors import ScanListError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
COLUMNS = ("participant_id", "path")


class ListedScan(NamedTuple):
    """A scan outside BIDS; its labels are what BIDS allows of the words that were given."""

    path: Path
    subject: str
    session: str

    @property
    def name(self) -> str:
        """Beginning of the names of its files: ``sub-7_ses-2``."""
        return scan_name(self.subject, self.session)


def label_scan(path: Path, participant: str, session: str = "") -> ListedScan:
    """Label a scan.

    Parameters
    ----------
    path : Path
    participant, session : str
        In any words, with or without ``sub-`` and ``ses-``; no session: empty.

    Raises
    ------
    ScanListError
        A word has neither a letter nor a digit.
    """
    return ListedScan(path, _label(participant, "sub-", path), _label(session, "ses-", path))


def read_scan_table(table: Path) -> list[ListedScan]:
    """Read the scans that a table lists, in its order.

    Parameters
    ----------
    table : Path
        Ends in ``.csv`` (commas) or ``.tsv`` (tabs); UTF-8. Paths may be relative to it.

    Raises
    ------
    ScanListError
        Another kind of file, a column that is missing, or a row without participant or path.
    """
    separator = SEPARATORS.get(table.suffix.lower())
    if separator is None:
        raise ScanListError(f"{table} is neither a folder nor a table (.csv, .tsv).")
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, delimiter=separator)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScanListError(f"{table} cannot be read ({error}). Save it as UTF-8 text.") from error
    if missing:
        raise ScanListError(
            f"{table} has no column {missing[0]!r}. It needs participant_id and path, and "
            "session_id if a participant has several scans."
        )
    return [_listed_scan(table, number, row) for number, row in enumerate(rows, start=2)]


def _listed_scan(table: Path, number: int, row: dict[str, str]) -> ListedScan:
    participant, path = row["participant_id"], row["path"]
    if not participant or not path:
        raise ScanListError(f"{table}, line {number}: participant_id or path is empty.")
    return label_scan(table.parent / path, participant, row.get("session_id") or "")


def _label(words: str, prefix: str, path: Path) -> str:
    label = bids_label(words.removeprefix(prefix))
    if words and not label:
        raise ScanListError(f"{path}: {words!r} has no letter or digit for a name.")
    return label
