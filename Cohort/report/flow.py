"""The report's table of who was found, failed, excluded and analysed."""

from __future__ import annotations

from markupsafe import Markup

from ..group.analysis import GroupAnalysis
from ..group.flow import ANALYSED, FOUND, UNKNOWN_GROUP
from .html_parts import bullets, paragraph, table, together


def flow_section(analysis: GroupAnalysis) -> Markup:
    """Participants by group and by where their way ends, with the names of those left out."""
    contrast = analysis.contrast
    seen = {group for step in analysis.flow for group in step.counts}
    first = [contrast.level_a, contrast.level_b] if contrast else []
    others = sorted(seen - {*first, UNKNOWN_GROUP})
    groups = [*first, *others, *([UNKNOWN_GROUP] if contrast and UNKNOWN_GROUP in seen else [])]
    rows = [
        [step.what.capitalize(), str(len(step.participants))]
        + [str(step.counts.get(group, 0)) for group in groups]
        for step in analysis.flow
    ]
    caption = (
        "Participants, each once. A participant with several scans counts as failed or rejected if "
        "no scan is left."
    )
    out = [step for step in analysis.flow if step.what not in (FOUND, ANALYSED)]
    names = [f"{step.what}: {', '.join(step.participants)}" for step in out if step.participants]
    parts = [table(caption, ["", "All", *groups], rows, strong=(0, len(rows) - 1))]
    if analysis.options.reviews:
        count = len(analysis.rejected)
        parts.append(paragraph(f"Scans rejected in review: {count}."))
        parts.append(bullets(f"{scan}: by {who}" for scan, who in analysis.rejected.items()))
    return together([*parts, bullets(names) if names else Markup()])
