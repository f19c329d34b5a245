"""What the panel says about a list of cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from HypothalamusSegLib.flags import SEVERITIES, severity_of
from slicer.i18n import tr as _

from ..worklist.agreement import (
    ScanAgreement,
    by_protocol,
    compare_readers,
    readers_in,
    write_agreement,
)
from ..worklist.case import Case
from ..worklist.review_table import ReviewRow, ReviewTable
from ..worklist.worklist import Order, Progress, Worklist
from .quality_text import SYMBOLS
from .review_text import status_titles

SIGNS = {"accepted": "✓", "corrected": "✎", "rejected": "✗", "": "·"}


def order_titles() -> dict[Order, str]:
    """The orders that a reader may choose."""
    return {
        Order.AS_LISTED: _("as listed"),
        Order.FLAGGED_FIRST: _("flagged first"),
        Order.UNDONE_FIRST: _("undone first"),
    }


def case_title(cases: Worklist, case: Case, is_blinded: bool) -> str:
    """The name of a case; blinded, a number, because names may tell the group."""
    if is_blinded:
        return _("Case {number}").format(number=cases.index(case) + 1)
    return case.name


def case_line(cases: Worklist, case: Case, is_blinded: bool) -> str:
    """One line of the list: verdict, name, worst flag."""
    row = cases.row(case)
    sign = SIGNS.get(row.mark, "?")
    flags = () if is_blinded else sorted(map(severity_of, cases.flags(case)), key=SEVERITIES.index)
    worst = f"  {SYMBOLS[flags[0]]}" if flags else ""
    title = case_title(cases, case, is_blinded)
    return f"{sign}  {title}{worst}{_verdict(row)}"


def _verdict(row: ReviewRow) -> str:
    if row.mark:
        return "  – " + status_titles().get(row.mark, row.mark)
    return "  – " + _("begun") if row.labels or row.note else ""


def compare_the_readers(table: ReviewTable) -> str:
    """Write how two readers agree, and say what was written, or why nothing was.

    Raises
    ------
    WorklistError
        If the table cannot be read.
    NoSpaceLeftError, PermissionDeniedError
    """
    readers = readers_in(table)
    if len(readers) != 2:
        return _("Agreement needs two readers; here are: {names}").format(
            names=", ".join(readers) or _("none")
        )
    found = compare_readers(table, *readers)
    return agreement_text(found, write_agreement(table, found, tuple(readers)))


def agreement_text(found: Sequence[ScanAgreement], path: Path) -> str:
    """How many scans of two readers were compared, and what their protocols have to do with it."""
    text = _("{count} scans of two readers compared in {path}").format(count=len(found), path=path)
    unlike = sum(not each.is_of_one_protocol for each in found)
    if unlike:
        text += "\n" + _(
            "▲ {count} of them were drawn by different protocols, so they are in no mean."
        ).format(count=unlike)
    protocols = by_protocol(found)
    if len(protocols) > 1:
        text += "\n" + _(
            "▲ The scans are of {count} protocols ({names}); each has its own mean and ICC."
        ).format(count=len(protocols), names=", ".join(protocols))
    return text


def progress_text(progress: Progress) -> str:
    """“12 of 40, 3 rejected”."""
    text = _("{done} of {total}").format(done=progress.done, total=progress.total)
    if progress.rejected:
        text += ", " + _("{count} rejected").format(count=progress.rejected)
    return text
