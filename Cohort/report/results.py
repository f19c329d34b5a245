"""The report's results: differences between the groups, ICV adjustments, subunits."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from ..group.adjustment_agreement import agreement_of
from ..group.analysis import GroupAnalysis
from ..group.comparisons import Comparison, Statistics
from ..group.icv_adjustment import ADJUSTMENTS, ANCOVA, RESIDUALS, TITLES, UNADJUSTED
from ..group.linear_models import ALPHA, ContrastFit
from ..number_format import MISSING, format_signed, interval, number, p_phrase, p_value
from ..structures import ASYMMETRY, ICV, ML_PER_MM3, TOTAL, VOLUME, WHOLE, Structure
from .html_parts import figure, notice, paragraph, table, together
from .other_models import means_table
from .plots import ForestRow, forest
from .validation_figures import share_in_words

DIGITS = {ASYMMETRY: 1}


def main_comparison(
    analysis: GroupAnalysis, statistics: Statistics, structure: Structure
) -> Comparison | None:
    """The comparison by the adjustment that the report leads with; None if there is none."""
    method = analysis.adjustment if structure.kind == VOLUME else UNADJUSTED
    return statistics.comparisons.get((structure.name, method))


def lead_sentence(analysis: GroupAnalysis, statistics: Statistics) -> str:
    """The main result in one sentence of numbers."""
    comparison = main_comparison(analysis, statistics, TOTAL)
    contrast = analysis.contrast
    if comparison is None or comparison.fit is None:
        return f"{contrast.title}: the model of the total volume could not be fitted."
    fit = comparison.fit
    names = [covariate.column for covariate in analysis.covariates]
    held = f", {' and '.join(names)} held equal" if names else ""
    return (
        f"Difference {contrast.title} in total hypothalamic volume, "
        f"{TITLES[analysis.adjustment]}{held}: "
        f"{format_signed(fit.estimate)} mm³ (95 % CI {interval(fit.ci_low, fit.ci_high)}), "
        f"{format_signed(fit.percent, 1)} %, Hedges' g {format_signed(fit.hedges_g, 2)} "
        f"({interval(fit.g_low, fit.g_high, 2)}), {p_phrase(fit.p)}; {contrast.level_a} n = "
        f"{fit.n_a}, {contrast.level_b} n = {fit.n_b}."
    )


def differences_section(analysis: GroupAnalysis) -> Markup:
    """The main adjustment's results for the whole, the sides, asymmetry and ICV; forest plot."""
    statistics = analysis.statistics[0]
    contrast = analysis.contrast
    whole = [s for s in analysis.structures if not s.subunit]
    comparisons = [main_comparison(analysis, statistics, s) for s in whole]
    heads, counted_apart = _group_heads(analysis, comparisons)
    rows = [_result_row(comparison, counted_apart) for comparison in comparisons]
    header = [
        "Structure",
        *heads,
        "Difference\n(95 % CI)",
        "%",
        "p",
        "Hedges' g\n(95 % CI)",
        "Partial\nη²",
    ]
    caption = (
        f"{TITLES[analysis.adjustment]}; the asymmetry index, (left − right) / mean of both, and "
        "ICV itself are not adjusted for ICV. Means and SD are as measured, differences are at "
        "equal covariates. Volumes in mm³, ICV in mL. The total is the main outcome; the p of the "
        "others are not corrected for multiple tests."
    )
    strong = [i for i, s in enumerate(whole) if s == TOTAL]
    parts = [table(caption, header, rows, strong=strong), means_table(analysis)]
    parts.append(paragraph(share_in_words()))
    lines = []
    for structure in (s for s in analysis.structures if s.kind != ICV):
        comparison = main_comparison(analysis, statistics, structure)
        if comparison is None or comparison.fit is None:
            continue
        fit = comparison.fit
        key = (structure.name, comparison.adjustment.method)
        p_fdr = statistics.p_fdr.get(key, np.nan)
        g = (fit.hedges_g, fit.g_low, fit.g_high)
        lines.append(ForestRow(structure.title, *g, fit.p, p_fdr, structure == TOTAL))
    if lines:
        caption = "Squares and dots: Hedges' g; lines: 95 % confidence limits, each on its own."
        parts.append(figure(forest(lines, contrast.title), caption))
    return together(parts)


def adjustments_section(analysis: GroupAnalysis) -> Markup:
    """The four ways to adjust for ICV side by side."""
    statistics = analysis.statistics[0]
    parts = [
        paragraph(
            "No adjustment for head size is right for all data. ICV as covariate and residuals "
            "remove a linear effect of ICV, the power-corrected proportion removes a power law, "
            "and the plain proportion over-corrects if volume does not grow in proportion to ICV "
            "(Pintzka 2015, Sanchis-Segura 2020). Agreement of all four is not additional "
            "evidence, because they share the same data (O'Brien 2011)."
        )
    ]
    rows, blocks = [], {}
    for structure in WHOLE:
        agreement = agreement_of(statistics, structure)
        if agreement is not None:
            parts.append(
                notice(agreement.sentence, warning=not agreement.agree, lead="Adjustments.")
            )
        blocks[len(rows)] = structure.title
        for method in (*ADJUSTMENTS, UNADJUSTED):
            comparison = statistics.comparisons.get((structure.name, method))
            if comparison is None:
                continue
            fit, adjustment = comparison.fit, comparison.adjustment
            rows.append(
                [
                    TITLES[method],
                    *difference_cells(fit, structure),
                    _coefficient(method, adjustment.coefficient),
                    number(comparison.icv_correlation, 2),
                ]
            )
    header = ["Adjustment", "n", "Difference, mm³\n(95 % CI)", "%", "p", "g (95 % CI)"]
    header += ["Slope or\nexponent", "r with\nICV left"]
    caption = (
        "Slope (residuals): mm³ of volume per mL of ICV among the controls; exponent "
        "(power-corrected proportion): of ICV among the controls. r left: correlation of the "
        "adjusted volume with ICV within the groups; 0 if the adjustment is complete. The "
        "uncertainty of "
        "slope and exponent is not in the confidence limits, so with residuals and the "
        "power-corrected proportion p is slightly too small if the groups differ in ICV; with ICV "
        "as covariate it is not."
    )
    parts.append(table(caption, header, rows, blocks=blocks))
    return together(parts)


def subunits_section(analysis: GroupAnalysis) -> Markup:
    """Subunits with the false discovery rate, by the main adjustment and by all."""
    statistics = analysis.statistics[0]
    units = [s for s in analysis.structures if s.subunit]
    if not units:
        return paragraph(
            "Subunits were not segmented. Run the participant level with --subunits for them."
        )
    rows = []
    comparisons = [main_comparison(analysis, statistics, s) for s in units]
    heads, counted_apart = _group_heads(analysis, comparisons)
    for comparison in comparisons:
        cells = _result_row(comparison, counted_apart)[:-1]
        key = (comparison.structure.name, analysis.adjustment)
        rows.append([*cells[:6], p_value(statistics.p_fdr.get(key, np.nan)), *cells[6:]])
    header = ["Subunit", *heads, "Difference\n(95 % CI)", "%", "p", "FDR p", "g (95 % CI)"]
    caption = (
        f"{TITLES[analysis.adjustment]}; volumes in mm³. FDR p: Benjamini–Hochberg over the "
        f"{len(units)} subunits; below {ALPHA} the expected share of false findings is at most 5 %."
    )
    parts = [table(caption, header, rows)]
    methods = [m for m in ADJUSTMENTS if (units[0].name, m) in statistics.comparisons]
    if methods:
        rows = []
        for structure in units:
            cells = []
            for method in methods:
                fit = statistics.comparisons[structure.name, method].fit
                p = statistics.p_fdr.get((structure.name, method), np.nan)
                shown = (
                    MISSING if fit is None else f"{format_signed(fit.hedges_g, 2)} ({p_value(p)})"
                )
                cells.append(shown)
            rows.append([structure.title, *cells])
        caption = "Hedges' g (FDR p) by each adjustment."
        parts.append(table(caption, ["Subunit", *(_broken(TITLES[m]) for m in methods)], rows))
    return together(parts)


def _group_heads(analysis: GroupAnalysis, comparisons: list[Comparison]) -> tuple[list[str], bool]:
    """Column heads of the two groups, with n if it is the same in all rows."""
    levels = (analysis.contrast.level_a, analysis.contrast.level_b)
    counts = {(c.group_a.n, c.group_b.n) for c in comparisons}
    if len(counts) > 1:
        return [f"{level}\nmean ± SD (n)" for level in levels], True
    numbers = counts.pop() if counts else (0, 0)
    return [f"{lv}, n = {n}\nmean ± SD" for lv, n in zip(levels, numbers, strict=True)], False


def _result_row(comparison: Comparison, counted_apart: bool) -> list[str]:
    structure, factor = comparison.structure, comparison.structure.shown_factor
    digits = DIGITS.get(structure.kind, 1 if structure.subunit else 0)
    groups = []
    for group in (comparison.group_a, comparison.group_b):
        mean, sd = group.mean * factor, group.sd * factor
        n = f" ({group.n})" if counted_apart else ""
        groups.append(f"{number(mean, digits)} ± {number(sd, digits)}{n}")
    title = structure.title
    if structure.kind != VOLUME:
        title += f", {structure.shown_unit}"
    fit = comparison.fit
    if fit is None:
        return [title, *groups, *[MISSING] * 5]
    difference = f"{format_signed(fit.estimate * factor, digits)} ({_limits(fit, factor, digits)})"
    percent = MISSING if structure.kind == ASYMMETRY else format_signed(fit.percent, 1)
    g = f"{format_signed(fit.hedges_g, 2)} ({interval(fit.g_low, fit.g_high, 2)})"
    return [title, *groups, difference, percent, p_value(fit.p), g, _eta(fit)]


def _broken(title: str) -> str:
    """A long heading on two lines."""
    half = title.find(" ", len(title) // 3)
    return title if half < 0 else f"{title[:half]}\n{title[half + 1 :]}"


def _eta(fit: ContrastFit) -> str:
    return number(fit.partial_eta_squared, 3)


def difference_cells(fit: ContrastFit | None, structure: Structure) -> list[str]:
    """n, difference with limits, percent, p and g, as a table's cells."""
    if fit is None:
        return [MISSING] * 5
    factor, digits = structure.shown_factor, DIGITS.get(structure.kind, 0)
    percent = MISSING if structure.kind == ASYMMETRY else format_signed(fit.percent, 1)
    return [
        f"{fit.n_a} + {fit.n_b}",
        f"{format_signed(fit.estimate * factor, digits)} ({_limits(fit, factor, digits)})",
        percent,
        p_value(fit.p),
        f"{format_signed(fit.hedges_g, 2)} ({interval(fit.g_low, fit.g_high, 2)})",
    ]


def _limits(fit: ContrastFit, factor: float, digits: int) -> str:
    return interval(fit.ci_low * factor, fit.ci_high * factor, digits)


def _coefficient(method: str, coefficient: float) -> str:
    if method == RESIDUALS:
        return f"{number(coefficient / ML_PER_MM3, 3)}"
    return MISSING if method in (ANCOVA, UNADJUSTED) else number(coefficient, 2)
