"""The report's table of participants found, failed, excluded and analyzed."""

from __future__ import annotations

from markupsafe import Markup

from ..group.analysis import GroupAnalysis
from ..group.flow import ANALYSED, FOUND, UNKNOWN_GROUP
from ..group.review_marks import ReviewMarks
from ..number_format import MISSING, interval, number
from .html_parts import bullets, paragraph, table, together

MOST_ROWS = 50


def flow_section(analysis: GroupAnalysis) -> Markup:
    """Participants by group and by where their flow ends, with the names of those left out."""
    contrast = analysis.contrast
    seen = {group for step in analysis.flow for group in step.counts}
    first = [contrast.level_a, contrast.level_b] if contrast else []
    others = sorted(seen - {*first, UNKNOWN_GROUP})
    groups = [*first, *others, *([UNKNOWN_GROUP] if contrast and UNKNOWN_GROUP in seen else [])]
    rows = [
        [step.what[:1].upper() + step.what[1:], str(len(step.participants))]
        + [str(step.counts.get(group, 0)) for group in groups]
        for step in analysis.flow
    ]
    caption = (
        "Each participant is counted once. A participant with several scans counts as failed or "
        "rejected if "
        "no scan is left."
    )
    out = [step for step in analysis.flow if step.what not in (FOUND, ANALYSED)]
    names = [f"{step.what}: {', '.join(step.participants)}" for step in out if step.participants]
    parts = [table(caption, ["", "All", *groups], rows, strong=(0, len(rows) - 1))]
    if analysis.options.reviews:
        parts.append(_review(analysis.marks))
    return together([*parts, bullets(names) if names else Markup()])


def _review(marks: ReviewMarks) -> Markup:
    """Who rejected what and why, and the agreement of the raters."""
    parts = [paragraph(f"Scans marked in review: {marks.marked}; rejected: {len(marks.rejected)}.")]
    named = sorted({*marks.rejected, *marks.comments})
    if named:
        caption = "Scans that were rejected or commented on."
        if len(named) > MOST_ROWS:
            caption += f" The first {MOST_ROWS} of {len(named)}; all are in group_record.json."
        rows = [
            [scan, marks.rejected.get(scan, MISSING), marks.comments.get(scan, "")]
            for scan in named[:MOST_ROWS]
        ]
        parts.append(table(caption, ["Scan", "Rejected by", "Comment"], rows, words=3))
    if marks.agreement:
        rows = [
            [
                f"{pair.rater_a} and {pair.rater_b}",
                str(pair.scans),
                f"{pair.equal} ({number(100 * pair.equal / pair.scans)} %)",
                f"{number(pair.kappa, 2)} ({interval(pair.kappa_low, pair.kappa_high, 2)})",
            ]
            for pair in marks.agreement
        ]
        caption = (
            "Agreement of raters on the scans that both marked (good, unsure, bad). Kappa is "
            "Cohen's, unweighted, with its 95 % limits."
        )
        header = ["Raters", "Scans", "Equal marks", "Kappa (95 % CI)"]
        parts.append(table(caption, header, rows))
    return together(parts)
