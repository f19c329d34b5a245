"""The report's part on several sessions a subject."""

from __future__ import annotations

from markupsafe import Markup

from ..group.analysis import GroupAnalysis
from ..group.contrast import Contrast
from ..group.findings import WARNING
from ..group.mixed_model import Effect, MixedTerm
from ..number_format import MISSING, interval, number, p_value, signed
from ..structures import PERCENT, change_column
from .html_parts import bullets, notice, paragraph, table, together


def change_section(analysis: GroupAnalysis) -> Markup:
    """Annualised change by group and the mixed model, or why there is neither."""
    longitudinal = analysis.longitudinal
    if longitudinal is None:
        told = [f for f in analysis.times.findings if f.severity == WARNING]
        if told:
            return notice(f"{told[0].text}.", warning=True)
        return paragraph("Every subject has one session: there is no change to estimate.")
    changes = longitudinal.changes
    parts = [
        paragraph(
            f"{len(changes)} subjects have sessions far enough apart (time from the column "
            f"{analysis.times.source}; first to last session: median "
            f"{number(changes['years'].median(), 1)} years)."
        ),
        bullets(longitudinal.remarks) if longitudinal.remarks else "",
    ]
    rows = _change_rows(analysis)
    if rows:
        contrast = analysis.contrast
        if contrast is None:
            header = ["Structure", "Mean ± SD (n)"]
        else:
            header = ["Structure", f"{contrast.level_a}\nmean ± SD (n)"]
            header += [f"{contrast.level_b}\nmean ± SD (n)", f"{contrast.title}\n(95 % CI)", "p"]
            header += ["g (95 % CI)"]
        caption = (
            "Annualised change in percent of the first session's volume: the slope over a "
            "subject's sessions. ICV should not change in adults; what it does is error. "
            "Group difference as in the main analysis (HC2, the same covariates), without ICV."
        )
        parts.append(table(caption, header, rows))
    if longitudinal.mixed:
        rows = [
            [
                term.structure.title,
                _meaning(term, analysis.contrast),
                f"{signed(term.estimate, 1)} ({interval(term.ci_low, term.ci_high, 1)})",
                p_value(term.p),
                f"{term.subjects} / {term.sessions}",
            ]
            for term in longitudinal.mixed
        ]
        caption = (
            "Mixed model over all dated sessions: volume ~ time × group + covariates + ICV (mean "
            "of the subject's sessions). Student's t with Satterthwaite's degrees of "
            "freedom, at most those between the subjects with several sessions."
        )
        header = ["Structure", "Term", "mm³ a year (95 % CI)", "p", "Subjects / sessions"]
        parts.append(table(caption, header, rows, words=2))
    return together(parts)


def _meaning(term: MixedTerm, contrast: Contrast | None) -> str:
    if contrast is None:
        return "change a year"
    if term.effect is Effect.CHANGE:
        return f"change a year, {contrast.level_b}"
    return f"difference of change a year, {contrast.title}"


def _change_rows(analysis: GroupAnalysis) -> list[list[str]]:
    longitudinal, contrast = analysis.longitudinal, analysis.contrast
    changes = longitudinal.changes
    if contrast is None:
        names = [s for s in analysis.structures if change_column(s, PERCENT) in changes]
        return [[s.title, _spread(changes[change_column(s, PERCENT)])] for s in names]
    rows = []
    is_a, is_b = (changes[contrast.column] == v for v in (contrast.level_a, contrast.level_b))
    for structure, fit in longitudinal.comparisons:
        values = changes[change_column(structure, PERCENT)]
        row = [structure.title, _spread(values[is_a]), _spread(values[is_b])]
        if fit is None:
            row += [MISSING] * 3
        else:
            limits = interval(fit.ci_low, fit.ci_high, 2)
            row += [f"{signed(fit.estimate, 2)} ({limits})", p_value(fit.p)]
            limits = interval(fit.g_low, fit.g_high, 2)
            row.append(f"{signed(fit.hedges_g, 2)} ({limits})")
        rows.append(row)
    return rows


def _spread(values) -> str:
    known = values.dropna()
    return f"{signed(known.mean(), 2)} ± {number(known.std(), 2)} ({len(known)})"
