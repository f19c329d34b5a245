"""The report's part on several sessions per subject."""

from __future__ import annotations

from markupsafe import Markup

from ..group.analysis import GroupAnalysis
from ..group.contrast import Contrast
from ..group.findings import WARNING
from ..group.longitudinal import (
    CHANGE_Z,
    CHANGE_Z_OF,
    SHORTEST_YEARS,
    Longitudinal,
    outlying_subjects,
)
from ..group.mixed_model import Effect, MixedTerm
from ..group.outliers import FAR_Z
from ..number_format import MISSING, format_count, format_signed, interval, number, p_value
from ..structures import PERCENT, TOTAL, change_column
from .change_plot import change_over_time
from .change_power import change_power_part
from .followed_change import compare_with_single_runs, followed_heading
from .html_parts import bullets, figure, finding_list, heading, notice, paragraph, table, together

FEWEST_COURSES = 2


def change_section(analysis: GroupAnalysis) -> Markup:
    """Annualized change by group and the mixed model, or why there is neither."""
    if not analysis.longitudinal:
        told = [f for f in analysis.times.findings if f.severity == WARNING]
        if told:
            return notice(f"{told[0].text}.", warning=True)
        return paragraph("Every subject has one session: there is no change to estimate.")
    every, *without = analysis.longitudinal
    parts = [_of_a_set(analysis, every), _figure(analysis, every), _outliers(every)]
    parts.append(change_power_part(analysis, every))
    for kept in without:
        parts.append(heading("Without the listed scans"))
        left = sorted(set(every.changes["participant_id"]) - set(kept.changes["participant_id"]))
        parts.append(
            paragraph(
                "Without scans listed for review, and without subjects whose change is an "
                f"outlier. Left without a change: {', '.join(left) or 'nobody'}."
            )
        )
        parts.append(_of_a_set(analysis, kept))
    if analysis.followed is not None:
        parts += [followed_heading(), _of_a_set(analysis, analysis.followed)]
        parts.append(compare_with_single_runs(every, analysis.followed))
    return together(parts)


def _of_a_set(analysis: GroupAnalysis, longitudinal: Longitudinal) -> Markup:
    """Tables of one set of scans, and the subjects left out."""
    changes = longitudinal.changes
    span = f"; first to last session: median {number(changes['years'].median(), 1)} years"
    parts = [
        paragraph(
            f"{format_count(len(changes), 'subject')} with sessions at least "
            f"{number(12 * SHORTEST_YEARS)} months apart (time from the column "
            f"{analysis.times.source}{span if len(changes) else ''})."
        ),
        finding_list(longitudinal.findings),
        bullets(longitudinal.remarks) if longitudinal.remarks else "",
    ]
    if len(changes):
        parts.append(_annual_change(analysis, longitudinal))
    if longitudinal.mixed:
        parts.append(_mixed_model(analysis, longitudinal))
    return together(parts)


def _annual_change(analysis: GroupAnalysis, longitudinal: Longitudinal) -> Markup:
    contrast = analysis.contrast
    caption = (
        "Annualized change in percent of the first session's volume: the slope over a subject's "
        "sessions. ICV should not change in adults; any change is error."
    )
    if contrast is None:
        header = ["Structure", "Mean ± SD (n)"]
    else:
        header = ["Structure", f"{contrast.level_a}\nmean ± SD (n)"]
        header += [f"{contrast.level_b}\nmean ± SD (n)", f"{contrast.title}\n(95 % CI)", "p"]
        header += ["g (95 % CI)"]
        caption += (
            " Group difference by the main analysis's model and errors, with the same covariates, "
            "without ICV."
        )
    return table(caption, header, _change_rows(analysis, longitudinal))


def _mixed_model(analysis: GroupAnalysis, longitudinal: Longitudinal) -> Markup:
    rows = [
        [
            term.structure.title,
            _meaning(term, analysis.contrast),
            f"{format_signed(term.estimate, 1)} ({interval(term.ci_low, term.ci_high, 1)})",
            number(term.df, 1),
            p_value(term.p),
            f"{term.subjects} ({term.repeated}) / {term.sessions}",
        ]
        for term in longitudinal.mixed
    ]
    caption = (
        "Mixed model over all dated sessions: volume ~ time × group + covariates + ICV (mean of "
        "the subject's sessions). Student's t with Satterthwaite's degrees of freedom, at most "
        "those between the subjects with several sessions (number in brackets)."
    )
    header = ["Structure", "Term", "mm³ a year (95 % CI)", "df", "p", "Subjects / sessions"]
    return table(caption, header, rows, words=2)


def _figure(analysis: GroupAnalysis, longitudinal: Longitudinal) -> Markup:
    contrast, changes = analysis.contrast, longitudinal.changes
    column = change_column(TOTAL, PERCENT)
    if column not in changes or changes[column].notna().sum() < FEWEST_COURSES:
        return Markup()
    known = changes[changes[column].notna()]
    if contrast is None:
        groups = [("all subjects", frozenset(known["participant_id"]))]
    else:
        groups = [
            (level, frozenset(known.loc[known[contrast.column] == level, "participant_id"]))
            for level in (contrast.level_a, contrast.level_b)
        ]
    caption = (
        "Total volume over time, in percent of each subject's first session; one line per "
        "subject. Thick line: the group's mean annualized change, with its 95 % limits."
    )
    return figure(change_over_time(longitudinal.dated, known, TOTAL, groups), caption)


def _outliers(longitudinal: Longitudinal) -> Markup:
    changes = longitudinal.changes
    far = changes[changes["participant_id"].isin(outlying_subjects(changes))]
    if far.empty:
        return Markup()
    scans = longitudinal.dated.groupby("participant_id")["scan"].agg(", ".join)
    rows = [
        [row["participant_id"], row[CHANGE_Z_OF], format_signed(row[CHANGE_Z], 1), scans[subject]]
        for subject, row in far.set_index("participant_id", drop=False).iterrows()
    ]
    caption = (
        f"Subjects whose annualized change has a robust z beyond {FAR_Z}, among all subjects of "
        "both groups. One of their scans may have failed: check them in contact_sheet.html."
    )
    return table(caption, ["Subject", "Change of", "Robust z", "Scans"], rows, words=2)


def _meaning(term: MixedTerm, contrast: Contrast | None) -> str:
    if contrast is None:
        return "change a year"
    if term.effect is Effect.CHANGE:
        return f"change a year, {contrast.level_b}"
    return f"difference in change per year, {contrast.title}"


def _change_rows(analysis: GroupAnalysis, longitudinal: Longitudinal) -> list[list[str]]:
    contrast, changes = analysis.contrast, longitudinal.changes
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
            row += [f"{format_signed(fit.estimate, 2)} ({limits})", p_value(fit.p)]
            limits = interval(fit.g_low, fit.g_high, 2)
            row.append(f"{format_signed(fit.hedges_g, 2)} ({limits})")
        rows.append(row)
    return rows


def _spread(values) -> str:
    known = values.dropna()
    return f"{format_signed(known.mean(), 2)} ± {number(known.std(), 2)} ({len(known)})"
