"""The report's checks: assumptions, results without the listed scans, sample sizes."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from ..group.analysis import GroupAnalysis
from ..group.icv_adjustment import TITLES
from ..group.linear_models import ALPHA, ContrastFit
from ..group.power import detectable_difference, power_table
from ..group.reliability import Reliability
from ..number_format import MISSING, format_count, format_signed, number, p_value
from ..structures import ICV, TOTAL
from .html_parts import heading, notice, paragraph, table, together
from .results import difference_cells, main_comparison
from .validation_figures import MEASURED

NOTED_INFLATION = 1.2


def assumptions_section(analysis: GroupAnalysis) -> Markup:
    """Tests of the models' assumptions, and the consequences of a small p."""
    statistics = analysis.statistics[0]
    rows, broken = [], []
    for structure in (s for s in analysis.structures if s.kind != ICV):
        comparison = main_comparison(analysis, statistics, structure)
        if comparison is None or comparison.fit is None:
            continue
        checks = comparison.checks
        ps = (checks.normality_p, checks.homoscedasticity_p, checks.equal_slopes_p)
        rows.append([structure.title, *map(p_value, ps), p_value(comparison.fit.p_classic)])
        broken += [(structure, i) for i, p in enumerate(ps) if p < ALPHA]
    consequences = (
        "Residuals are not normal; with few scans the p is approximate. Check the outliers below.",
        "The spread is not the same everywhere. The HC2 errors used here allow for that.",
        "The volume increases differently with ICV in the two groups, so the difference depends "
        "on head size. The difference given is an average over head sizes; see below for its "
        "course.",
    )
    parts = []
    for place, consequence in enumerate(consequences):
        names = [s.title for s, i in broken if i == place]
        if names:
            parts.append(notice(f"{consequence} ({'; '.join(names)})", lead="Check."))
    if not broken:
        parts.append(paragraph(f"No test gives p < {ALPHA}."))
    header = ["Structure", "Normal\nresiduals", "Equal\nspread", "Equal ICV\nslopes", "Classic p"]
    caption = (
        "p of Shapiro–Wilk, Breusch–Pagan (studentized), and group × ICV (HC2, only where ICV is a "
        "covariate). Classic p: p of the difference with the standard error that assumes equal "
        f"spread. With {len(rows)} models, one small p in 20 is expected by chance."
    )
    parts.append(table(caption, header, rows))
    return together(parts)


def both_ways_section(analysis: GroupAnalysis) -> Markup:
    """Results with and without the scans listed for review."""
    if not analysis.options.exclude_flagged:
        return paragraph(
            "All scans are in the results. Add --exclude-flagged to see every result without the "
            "scans listed for review as well."
        )
    if len(analysis.statistics) < 2:
        return notice("Too few scans are left to repeat the analysis; see Data checks.", True)
    every, kept = analysis.statistics
    left_out = every.frame[~every.frame["scan"].isin(kept.frame["scan"])]
    if left_out.empty:
        return paragraph("No scan of these groups is listed: both results are the same.")
    rows, blocks, changed = [], {}, []
    for structure in (s for s in analysis.structures if s.kind != ICV and not s.subunit):
        pair = [main_comparison(analysis, s, structure) for s in (every, kept)]
        blocks[len(rows)] = f"{structure.title}, {structure.shown_unit}"
        for name, comparison in zip(("All scans", "Without listed"), pair, strict=True):
            cells = difference_cells(comparison.fit, structure)
            rows.append([name, *cells])
        fits = [c.fit for c in pair]
        if None not in fits and (fits[0].p < ALPHA) != (fits[1].p < ALPHA):
            changed.append(structure.title)
    verdict = (
        f"Leaving them out moves p across {ALPHA} for: {'; '.join(changed)}."
        if changed
        else f"Leaving them out moves no p across {ALPHA}."
    )
    parts = [
        notice(f"{format_count(len(left_out), 'scan')} left out. {verdict}", warning=bool(changed)),
        table(
            f"{TITLES[analysis.adjustment]}. Scans were selected by flags and outliers.",
            ["Scans", "n", "Difference (95 % CI)", "%", "p", "g (95 % CI)"],
            rows,
            blocks=blocks,
        ),
        paragraph(f"Left out: {', '.join(left_out['scan'])}."),
    ]
    return together(parts)


def power_section(analysis: GroupAnalysis) -> Markup:
    """Sample sizes for the observed and the published differences."""
    comparison = main_comparison(analysis, analysis.statistics[0], TOTAL)
    if comparison is None or comparison.fit is None:
        return paragraph("Without a model of the total volume there is no estimate of its spread.")
    fit = comparison.fit
    rows = []
    for row in power_table(fit):
        n = number(row.n_per_group) if np.isfinite(row.n_per_group) else "> 1 million"
        here = f"{number(100 * row.power_here)} %" if np.isfinite(row.power_here) else MISSING
        spread = f"{row.spread} ({number(row.spread_percent, 1)} %)"
        rows.append(
            [
                row.source,
                spread,
                f"{format_signed(row.percent, 1)} %",
                format_signed(row.d, 2),
                n,
                here,
            ]
        )
    difference = detectable_difference(fit)
    percent = 100 * difference / abs(fit.reference_mean)
    header = ["Difference", "Standard deviation"]
    header += ["Difference,\n%", "d", "n per group\nfor 80 %", "Power\nhere"]
    return (
        paragraph(
            f"With {fit.n_a} and {fit.n_b} scans, this cohort can detect with 80 % power a "
            f"difference of {number(difference)} mm³, {number(percent, 1)} % of the controls' mean "
            "(its "
            f"standard error is {number(fit.standard_error, 1)} mm³ on {number(fit.df, 1)} degrees "
            f"of freedom{_inflation(fit)})."
        )
        + table(
            "Total hypothalamic volume; two-sided test, α = 0.05, two equal groups with the same "
            "covariates; percent of the controls' mean. Because the observed difference is "
            "uncertain, its limits are given as well. The published figures come from other "
            "protocols and "
            "scanners.",
            header,
            rows,
            words=2,
            blocks={0: "From this cohort", 3: "From the literature"},
        )
        + paragraph(_measurement_error(analysis, fit))
        + heading("How to read it")
        + paragraph(
            "If the limits of the observed difference include 0, these data do not determine a "
            "number of scans. The power of this cohort for its own observed difference is not "
            "given, since it only restates the p."
        )
    )


def _inflation(fit: ContrastFit) -> str:
    """The cost of groups that differ in their covariates."""
    if fit.variance_inflation < NOTED_INFLATION:
        return ""
    return (
        f"; because the groups differ in their covariates, its variance is "
        f"{number(fit.variance_inflation, 1)} times as large as it would otherwise be"
    )


def _measurement_error(analysis: GroupAnalysis, fit: ContrastFit) -> str:
    """The cost of measurement error, from repeat scans or, at least, from the validation."""
    measured = analysis.reliability or Reliability(MEASURED.repeat_cv_percent, 0, "")
    share = measured.error_share(abs(fit.reference_mean), fit.residual_sd)
    source = (
        f"{format_count(measured.pairs, 'pair')} of repeat scans"
        if measured.pairs
        else "perturbed copies of one scan, Docs/VALIDATION.md; give --repeat-scans for your own"
    )
    d = measured.true_d(fit.estimate / fit.residual_sd, abs(fit.reference_mean), fit.residual_sd)
    text = (
        f"Measurement error (CV {number(measured.cv_percent, 2)} %, {source}) makes up "
        f"{number(100 * share, 1)} % of the variance left by the covariates: reliability "
        f"{number(1 - share, 3)}."
    )
    if not np.isfinite(d):
        return f"{text} An error of this size hides all differences."
    return (
        f"{text} Without this error, the observed difference would be d = {format_signed(d, 2)}; "
        "using "
        f"the mean of two scans per person would save {number(100 * share / 2, 1)} % of the "
        "subjects."
    )
