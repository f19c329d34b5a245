"""What the panel says about a review."""

from __future__ import annotations

from collections.abc import Sequence

from slicer.i18n import tr as _

from ..scene.result_nodes import ResultNodes
from ..scene.review import Review


def status_titles() -> dict[str, str]:
    """`STATUSES`, repeated as literals for Slicer's translation tools."""
    return {
        "unreviewed": _("unreviewed"),
        "accepted": _("accepted"),
        "corrected": _("corrected"),
        "rejected": _("rejected"),
    }


def review_text(review: Review, changed: Sequence[str]) -> str:
    """When the review was made, and what was edited since; ``changed`` are roles."""
    if not review.time:
        return ""
    text = _("Last changed {time}").format(time=review.time)
    if not changed:
        return text
    warning = _("▲ Changed since the verdict “{status}”: {names}").format(
        status=status_titles()[review.status], names=", ".join(changed)
    )
    return f"{text}\n{warning}"


def what_a_run_replaces(nodes: ResultNodes, has_edits: bool) -> str:
    """Why the user is asked before a second run, or an empty string."""
    record = nodes.record
    review = record.review if record is not None else Review()
    reasons = []
    if has_edits:
        reasons.append(_("The segmentation of this volume was edited by hand."))
    if review.is_judged:
        reasons.append(
            _("It was reviewed as “{status}” by {reviewer}, {time}.").format(
                status=status_titles()[review.status],
                reviewer=review.reviewer or _("an unnamed reviewer"),
                time=review.time,
            )
        )
    elif review.note:
        reasons.append(_("The review has a note."))
    return "\n".join(reasons)
