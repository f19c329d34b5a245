"""The report's part on sessions that were measured in one frame."""

from __future__ import annotations

from markupsafe import Markup

from ..group.longitudinal import Longitudinal
from ..number_format import format_signed, number
from ..structures import PERCENT, TOTAL, change_column
from .html_parts import heading, paragraph, together


def compare_with_single_runs(single: Longitudinal, followed: Longitudinal) -> Markup:
    """Describe how annualized changes of the same subjects differ between the two methods."""
    column = change_column(TOTAL, PERCENT)
    if column not in single.changes or column not in followed.changes:
        return Markup()
    both = single.changes.merge(followed.changes, on="participant_id", suffixes=("", "_followed"))
    both = both[[column, f"{column}_followed"]].dropna()
    if len(both) < 2:
        return Markup()
    one, other = both[column], both[f"{column}_followed"]
    return paragraph(
        f"Of {len(both)} subjects who have both, total volume changes by "
        f"{format_signed(one.mean(), 2)} ± "
        f"{number(one.std(), 2)} % per year by single runs and by {format_signed(other.mean(), 2)} "
        "± "
        f"{number(other.std(), 2)} % a year in one frame."
    )


def followed_heading() -> Markup:
    """Explain the numbers below."""
    return together(
        [
            heading("Measured in one frame"),
            paragraph(
                "All sessions of a subject were registered to their midspace, and the networks saw "
                "them in one canonical frame (the follow level). The tables above are from single "
                "runs."
            ),
        ]
    )
