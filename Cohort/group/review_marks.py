"""Marks given to scans: review.tsv from the contact sheet, from Slicer's list, from readers.

A scan that anyone rejects is in no result. Several files may be given, one per reader.
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
from .rater_agreement import RaterAgreement, agreement_of_raters
from .review_codes import code_of

SCAN = "scan"
MARK_COLUMNS, RATER_COLUMNS = ("mark", "status"), ("rater", "reviewer")
# The contact sheet's, and that of Slicer's worklist.
COMMENT_COLUMNS = ("comment", "note")


class Mark(Enum):
    """What a mark does."""

    KEEP = "ok"
    CHECK = "check"
    REJECT = "reject"


# The contact sheet's words, those of its earlier version, and those of Slicer's module.
WORDS = {
    "good": Mark.KEEP,
    "unsure": Mark.CHECK,
    "bad": Mark.REJECT,
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
        Scans marked for another check and not rejected by anyone.
    marked : int
        Scans with any mark.
    comments : dict
        Scan to the comments on it, with who made them.
    agreement : list of RaterAgreement
        Of each pair of raters with scans in common.
    findings : tuple of Finding
    """

    rejected: dict[str, str]
    checked: frozenset[str]
    marked: int
    comments: dict[str, str]
    agreement: list[RaterAgreement]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Row:
    """One row of a review file; ``mark`` is None where only a comment was made."""

    scan: str
    word: str
    mark: Mark | None
    rater: str
    comment: str


def read_review_marks(paths: tuple[Path, ...], results: pd.DataFrame) -> ReviewMarks:
    """Read marks and match them with the scans.

    Parameters
    ----------
    paths : tuple of Path
        Tab-separated tables with the columns scan and mark (or status), and perhaps rater (or
        reviewer). ``n/a`` is no mark.
    results : DataFrame
        Finished scans with ``scan`` and perhaps ``input_sha256``: of a blinded review the files
        have codes, which follow from both.

    Raises
    ------
    ReviewFileError
        If a file is no such table, or holds a mark with no known meaning.
    """
    names = {code_of(scan): scan["scan"] for scan in results.to_dict("records")}
    rows = [row for path in paths for row in _read(path, names)]
    marks = [row for row in rows if row.mark is not None]
    by_scan: dict[str, list[_Row]] = {}
    for row in marks:
        by_scan.setdefault(row.scan, []).append(row)

    def who(scan: str, mark: Mark) -> list[str]:
        raters = (row.rater for row in by_scan[scan] if row.mark is mark)
        return list(dict.fromkeys(raters))

    rejected = {
        scan: ", ".join(who(scan, Mark.REJECT)) for scan in by_scan if who(scan, Mark.REJECT)
    }
    checked = {scan for scan in by_scan if who(scan, Mark.CHECK)}
    findings = []
    known = set(results["scan"])
    lists = {
        "Scans in the review file that are not among the results": {r.scan for r in rows} - known,
        "Raters disagree; a scan that one of them rejects is left out": {
            scan for scan in rejected if who(scan, Mark.KEEP)
        },
        "Marked as corrected, but the volumes here are those before the correction": {
            row.scan for row in marks if row.word == CORRECTED
        },
    }
    for text, scans in lists.items():
        if scans:
            findings.append(Finding(WARNING, Topic.REVIEW, text, tuple(sorted(scans))))
    by_rater: dict[str, dict[str, str]] = {}
    for row in marks:
        by_rater.setdefault(row.rater, {})[row.scan] = row.mark.value
    return ReviewMarks(
        {scan: who for scan, who in rejected.items() if scan in known},
        frozenset((checked - set(rejected)) & known),
        len(set(by_scan) & known),
        _comments(rows, known),
        agreement_of_raters(by_rater),
        tuple(findings),
    )


def _comments(rows: list[_Row], known: set[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.comment and row.scan in known:
            found.setdefault(row.scan, []).append(f"{row.rater}: {row.comment}")
    return {scan: "; ".join(comments) for scan, comments in sorted(found.items())}


def with_checked(reviewed: pd.DataFrame, marks: ReviewMarks) -> pd.DataFrame:
    """List the scans marked for another check."""
    listed = [
        (*reasons, Reason(Cause.MARKED)) if scan in marks.checked else reasons
        for scan, reasons in zip(reviewed["scan"], reviewed["listed"], strict=True)
    ]
    return reviewed.assign(listed=pd.Series(listed, reviewed.index, dtype=object))


def find_replaced_firsts(results: pd.DataFrame, rejected: dict[str, str]) -> list[Finding]:
    """Name subjects of whom another session or scan is used because one was rejected."""
    is_out = results["scan"].isin(rejected)
    others = set(results.loc[~is_out, "participant_id"])
    scans = results.loc[is_out & results["participant_id"].isin(others), "scan"]
    if scans.empty:
        return []
    text = "Rejected in review; other scans of the same participants remain and may replace them"
    return [Finding(WARNING, Topic.REVIEW, text, tuple(scans))]


def _read(path: Path, names: dict[str, str]) -> list[_Row]:
    """The rows with a mark or a comment, with the scans' names instead of codes."""
    table = read_tsv(path, ReviewFileError)
    mark = next((column for column in MARK_COLUMNS if column in table), None)
    rater = next((column for column in RATER_COLUMNS if column in table), None)
    if SCAN not in table or mark is None:
        raise ReviewFileError(
            f"{path} needs the columns scan and mark; it has {', '.join(table.columns)}."
        )
    rows = []
    for row in table.to_dict("records"):
        word = (row[mark] or "").casefold()
        comment = next((row[column] for column in COMMENT_COLUMNS if row.get(column)), "")
        if row[SCAN] is None or not (word or comment):
            continue
        if word and word not in WORDS:
            raise ReviewFileError(
                f"{path}: the mark {row[mark]!r} of {row[SCAN]} is unknown. Known marks: "
                f"{', '.join(WORDS)}."
            )
        scan, by = names.get(row[SCAN], row[SCAN]), (row[rater] if rater else None) or path.name
        rows.append(_Row(scan, word, WORDS.get(word), by, comment))
    return rows
