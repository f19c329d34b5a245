"""Marks that people gave to scans: review.tsv of the contact sheet, of Slicer's list, of readers.

A scan that anyone rejects is in no result. Several files may be given, one a reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pandas as pd

from .errors import ReviewFileError
from .findings import WARNING, Finding, Topic
from .outliers import Cause, Reason
from .participants_table import read_tsv

SCAN = "scan"
MARK_COLUMNS, RATER_COLUMNS = ("mark", "status"), ("rater", "reviewer")


class Mark(Enum):
    """What a mark does."""

    KEEP = "ok"
    CHECK = "check"
    REJECT = "reject"


# The contact sheet's words and those of Slicer's module.
WORDS = {
    "ok": Mark.KEEP,
    "accept": Mark.KEEP,
    "accepted": Mark.KEEP,
    "corrected": Mark.KEEP,
    "check": Mark.CHECK,
    "unreviewed": Mark.CHECK,
    "reject": Mark.REJECT,
    "rejected": Mark.REJECT,
}
CORRECTED = "corrected"


@dataclass(frozen=True)
class ReviewMarks:
    """All marks of all files.

    Attributes
    ----------
    rejected : dict
        Scan to who rejected it: the rater's name, else the file's.
    checked : frozenset of str
        Scans that someone wants looked at again and nobody rejected.
    marked : int
        Scans with any mark.
    findings : tuple of Finding
    """

    rejected: dict[str, str]
    checked: frozenset[str]
    marked: int
    findings: tuple[Finding, ...]


def read_review_marks(paths: tuple[Path, ...], scans: pd.Series) -> ReviewMarks:
    """Read marks and compare them with the scans that there are.

    Parameters
    ----------
    paths : tuple of Path
        Tab-separated tables with the columns scan and mark (or status), and perhaps rater (or
        reviewer). ``n/a`` is no mark.
    scans : Series of str
        Names of the finished scans.

    Raises
    ------
    ReviewFileError
        If a file is no such table, or holds a mark with no known meaning.
    """
    marks = [row for path in paths for row in _read(path)]
    by_scan: dict[str, list[tuple[Mark, str]]] = {}
    for scan, word, rater in marks:
        by_scan.setdefault(scan, []).append((WORDS[word], rater))
    rejected = {
        scan: ", ".join(dict.fromkeys(rater for mark, rater in given if mark is Mark.REJECT))
        for scan, given in by_scan.items()
        if any(mark is Mark.REJECT for mark, _ in given)
    }
    checked = {s for s, given in by_scan.items() if any(mark is Mark.CHECK for mark, _ in given)}
    findings = []
    known = set(scans)
    lists = {
        "Scans in the review file that are not among the results": set(by_scan) - known,
        "Raters disagree; a scan that one of them rejects is left out": {
            scan for scan in rejected if any(mark is Mark.KEEP for mark, _ in by_scan[scan])
        },
        "Marked as corrected, but the volumes here are those before the correction": {
            scan for scan, word, _ in marks if word == CORRECTED
        },
    }
    for text, names in lists.items():
        if names:
            findings.append(Finding(WARNING, Topic.REVIEW, text, tuple(sorted(names))))
    return ReviewMarks(
        {scan: who for scan, who in rejected.items() if scan in known},
        frozenset((checked - set(rejected)) & known),
        len(set(by_scan) & known),
        tuple(findings),
    )


def with_checked(reviewed: pd.DataFrame, marks: ReviewMarks) -> pd.DataFrame:
    """List the scans that someone wants looked at again."""
    listed = [
        (*reasons, Reason(Cause.MARKED)) if scan in marks.checked else reasons
        for scan, reasons in zip(reviewed["scan"], reviewed["listed"], strict=True)
    ]
    return reviewed.assign(listed=pd.Series(listed, reviewed.index, dtype=object))


def replaced_firsts(results: pd.DataFrame, rejected: dict[str, str]) -> list[Finding]:
    """Say of whom another session or scan is used, since one was rejected."""
    is_out = results["scan"].isin(rejected)
    others = set(results.loc[~is_out, "participant_id"])
    scans = results.loc[is_out & results["participant_id"].isin(others), "scan"]
    if scans.empty:
        return []
    text = (
        "Rejected in review; other scans of the same participants remain and may take their place"
    )
    return [Finding(WARNING, Topic.REVIEW, text, tuple(scans))]


def _read(path: Path) -> list[tuple[str, str, str]]:
    """Scan, mark in small letters, and rater of each row with a mark."""
    table = read_tsv(path, ReviewFileError)
    mark = next((column for column in MARK_COLUMNS if column in table), None)
    rater = next((column for column in RATER_COLUMNS if column in table), None)
    if SCAN not in table or mark is None:
        raise ReviewFileError(
            f"{path} needs the columns scan and mark; it has {', '.join(table.columns)}."
        )
    rows = []
    for row in table.to_dict("records"):
        if row[SCAN] is None or row[mark] is None:
            continue
        word = row[mark].casefold()
        if word not in WORDS:
            raise ReviewFileError(
                f"{path}: the mark {row[mark]!r} of {row[SCAN]} has no meaning here. Known: "
                f"{', '.join(WORDS)}."
            )
        rows.append((row[SCAN], word, (row[rater] if rater else None) or path.name))
    return rows
