"""The report's parts on additional models."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from ..group.analysis import GroupAnalysis
from ..group.association import Association
from ..group.interactions import Interaction
from ..group.linear_models import ALPHA
from ..group.small_sample_errors import Estimate
from ..group.supplement import OtherMethods
from ..number_format import MISSING, format_signed, interval, number, p_phrase, p_value
from ..structures import ASYMMETRY, ICV, TOTAL, Structure
from .html_parts import notice, paragraph, table, together

# Below a third and beyond three Bayes factors are called moderate evidence (Jeffreys 1961).
MODERATE = 3.0


def dependence_section(analysis: GroupAnalysis) -> Markup:
    """Whether the difference depends on head size or a covariate, and at which values it exists."""
    found = analysis.supplement.interactions
    if not any(found.values()):
        return paragraph("There is no covariate on which the difference could depend.")
    rows, blocks, parts = [], {}, []
    for structure, several in found.items():
        blocks[len(rows)] = structure.title
        for one in several:
            if one.p < ALPHA:
                parts.append(notice(dependence(analysis, structure, one), lead="Check."))
            for place_number, place in enumerate(one.places):
                where = place.name if np.isnan(place.value) else f"{place.name}: {_at(one, place)}"
                rows.append(
                    [
                        one.covariate if place_number == 0 else "",
                        where,
                        _limits(place.difference),
                        p_value(place.difference.p),
                        p_value(one.p) if place_number == 0 else "",
                    ]
                )
    caption = (
        "Difference from a model with the product of group and covariate, one covariate at a time. "
        "The main result is an average over the covariate, which says little where the last column "
        f"is below {ALPHA}. With {sum(map(len, found.values()))} tests, one in 20 is below this by "
        "chance."
    )
    header = ["Covariate", "Where", "Difference, mm³\n(95 % CI)", "p", "p of the\nproduct"]
    return together([*parts, table(caption, header, rows, words=2, blocks=blocks)])


def dependence(analysis: GroupAnalysis, structure: Structure, one: Interaction) -> str:
    """The meaning of an interaction with a small p, in a sentence or two."""
    lead = (
        f"{structure.title}: the difference depends on {_in_text(one)} ({p_phrase(one.p)}), so no "
        "single number holds for everyone."
    )
    if np.isnan(one.places[0].value):
        told = [f"{p.name}: {_limits(p.difference)} mm³" for p in one.places]
        return f"{lead} {'; '.join(told)}."
    # The controls' mean, to which adjusted volumes refer, and the mean of both groups.
    told = [f"{_limits(p.difference)} mm³ at the {p.name} ({_at(one, p)})" for p in one.places[:2]]
    sentences = f"{lead} It is {' and '.join(told)}."
    if one.regions:
        within = [f"{_number(one, a)} to {_number(one, b)}" for a, b in one.regions]
        return f"{sentences} It differs from 0 (p < {ALPHA}) from {' and from '.join(within)}."
    return f"{sentences} It does not differ from 0 at any value found in both groups (p < {ALPHA})."


def methods_beside_section(analysis: GroupAnalysis) -> Markup:
    """The main result by other methods, and what can be said if no difference was shown."""
    several = analysis.supplement.methods
    if not several:
        return paragraph("The model of the total volume could not be fitted.")
    parts = [paragraph(_no_difference(one)) for one in several if one.structure == TOTAL]
    rows, blocks = [], {}
    for one in several:
        fit = one.main
        blocks[len(rows)] = one.structure.title
        rows.append(["Main model", _limits(fit.difference), p_value(fit.p)])
        if one.robust is not None:
            rows.append(["Robust regression", _limits(one.robust), p_value(one.robust.p)])
        rows.append(["Permutation", format_signed(fit.estimate), p_value(one.permutation_p)])
        if one.margin > 0:
            margin = f"within ± {number(one.margin)}"
            rows.append(["Equivalence", margin, p_value(one.equivalence_p)])
        rows.append(["Bayes factor", f"BF₁₀ = {_factor(one.bayes_factor)}", MISSING])
    caption = (
        "Robust regression (Tukey's biweight): outliers have little weight. Permutation (Freedman "
        "& "
        "Lane): p from 9,999 shuffles, which assumes no distribution; use this one if a group is "
        "tiny. Bayes factor (JZS, scale √2 / 2): how many times more likely the data are with a "
        "difference than without."
    )
    header = ["Method", "Difference, mm³\n(95 % CI)", "p"]
    return together([*parts, table(caption, header, rows, blocks=blocks)])


def means_table(analysis: GroupAnalysis) -> Markup:
    """Adjusted means, and effect sizes by both standard deviations."""
    contrast = analysis.contrast
    rows = []
    for one in analysis.supplement.methods:
        fit = one.main
        cells = [f"{number(m.value)} ({_span(m)})" for m in (fit.mean_a, fit.mean_b)]
        rows.append(
            [
                one.structure.title,
                *cells,
                format_signed(fit.hedges_g, 2),
                format_signed(fit.g_raw, 2),
            ]
        )
    if not rows:
        return Markup()
    caption = (
        "Adjusted means in mm³ (95 % CI), at the average of all covariates. g: the difference "
        "divided by the standard deviation after the covariates, and by that within the groups "
        "before the covariates. Studies without covariates report the second; compare like with "
        "like."
    )
    header = ["Structure", f"{contrast.level_a}\nmean", f"{contrast.level_b}\nmean"]
    return table(caption, [*header, "g, residual\nSD", "g, raw\nSD"], rows)


def sites_section(analysis: GroupAnalysis) -> Markup:
    """The difference without each site."""
    site, rows = analysis.options.site, []
    for one in analysis.supplement.sites:
        cells = [MISSING] * 3
        if one.fit is not None:
            n = f"{one.fit.n_a} + {one.fit.n_b}"
            cells = [n, _limits(one.fit.difference), p_value(one.fit.p)]
        rows.append([one.site, number(one.scans), *cells])
    crosses = {
        row[0]
        for row, one in zip(rows, analysis.supplement.sites, strict=True)
        if one.fit is not None and _other_side(analysis, one.fit.p)
    }
    verdict = (
        f"Leaving out {', '.join(sorted(crosses))} moves p across {ALPHA}: the result depends on a "
        "single site."
        if crosses
        else f"Leaving out a single site never moves p across {ALPHA} nowhere."
    )
    header = ["Without", "Its scans", "n", "Difference, mm³\n(95 % CI)", "p"]
    caption = f"Total hypothalamus; {site} is a covariate of the model."
    return together([notice(verdict, bool(crosses)), table(caption, header, rows)])


def all_groups_section(analysis: GroupAnalysis) -> Markup:
    """One model of all groups, every pair with Holm's correction."""
    found = analysis.supplement.all_groups
    rows = [
        [
            f"{p.level_a} − {p.level_b}",
            _limits(p.difference),
            p_value(p.difference.p),
            p_value(p.p_holm),
        ]
        for p in found.pairs
    ]
    means = [
        [level, number(found.counts[level]), f"{number(mean.value)} ({_span(mean)})"]
        for level, mean in found.means.items()
    ]
    return together(
        [
            paragraph(
                f"Total hypothalamus in one model of all groups: {p_phrase(found.p)} for no "
                "difference between any groups (F test). The differences below estimate the "
                "covariates' effects from all groups, so they may differ slightly from the main "
                "result."
            ),
            table("Adjusted means, mm³ (95 % CI).", ["Group", "n", "Mean"], means),
            table(
                f"All {len(rows)} pairs; p Holm is corrected for their number.",
                ["Pair", "Difference, mm³\n(95 % CI)", "p", "p Holm"],
                rows,
            ),
        ]
    )


def association_section(analysis: GroupAnalysis) -> Markup:
    """Volumes along numbers such as a score."""
    parts = []
    for predictor in analysis.options.predictors:
        found = [a for a in analysis.supplement.associations if a.predictor == predictor]
        if not found:
            parts.append(paragraph(f"{predictor}: too few scans have a value."))
            continue
        rows = [_association_row(one) for one in found]
        groups = found[0].groups
        whose = f" Scans of {' and '.join(groups)}" if groups else " All scans"
        whose += ", with the group held constant." if len(groups) > 1 else "."
        caption = (
            f"{predictor} (SD {number(found[0].predictor_sd, 1)}): slopes with covariates and, for "
            f"volumes, ICV held constant.{whose} Not corrected for the number of structures."
        )
        header = ["Structure", "n", f"Slope for 1 {predictor}\n(95 % CI)", "Slope for\n1 SD", "p"]
        parts.append(table(caption, [*header, "Partial r"], rows))
    return together(parts)


def _association_row(one: Association) -> list[str]:
    factor = one.structure.shown_factor
    digits = 1 if one.structure.kind != ICV and one.structure.kind != ASYMMETRY else 2
    slope = one.slope
    limits = interval(slope.ci_low * factor, slope.ci_high * factor, digits + 1)
    unit = one.structure.shown_unit
    return [
        f"{one.structure.title}, {unit}" if unit else one.structure.title,
        number(one.n),
        f"{format_signed(slope.value * factor, digits + 1)} ({limits})",
        format_signed(slope.value * factor * one.predictor_sd, digits),
        p_value(slope.p),
        format_signed(one.partial_r, 2),
    ]


def _no_difference(one: OtherMethods) -> str:
    mean = abs(one.main.reference_mean)
    percent = 100 * one.excluded_beyond / mean
    text = (
        f"Differences beyond ± {number(one.excluded_beyond)} mm³ ({number(percent, 1)} % of the "
        "controls' mean) are excluded by two one-sided tests at 5 %."
    )
    if one.margin > 0:
        shown = "were" if one.equivalence_p < ALPHA else "were not"
        text += (
            f" Within the chosen margin, ± {number(100 * one.margin / mean, 1)} %, the "
            f"groups {shown} shown to be equal ({p_phrase(one.equivalence_p)})."
        )
    factor = one.bayes_factor
    if factor >= MODERATE:
        return f"{text} The Bayes factor favors a difference ({_factor(factor)})."
    if factor <= 1 / MODERATE:
        return f"{text} The Bayes factor favors no difference (1 / {_factor(1 / factor)})."
    return f"{text} The Bayes factor favors neither clearly ({_factor(factor)})."


def _other_side(analysis: GroupAnalysis, p: float) -> bool:
    main = next((m.main.p for m in analysis.supplement.methods if m.structure == TOTAL), None)
    return main is not None and (main < ALPHA) != (p < ALPHA)


def _in_text(one: Interaction) -> str:
    return "head size" if one.unit == "mL" else one.covariate


def _at(one: Interaction, place) -> str:
    return f"{_number(one, place.value)}{f' {one.unit}' if one.unit else ''}"


def _number(one: Interaction, value: float) -> str:
    return number(value, 0 if one.unit == "mL" else 1)


def _limits(difference: Estimate) -> str:
    return f"{format_signed(difference.value)} ({_span(difference)})"


def _span(estimate: Estimate) -> str:
    return interval(estimate.ci_low, estimate.ci_high)


def _factor(value: float) -> str:
    return number(value, 2 if value < 10 else 0) if value < 1000 else "> 1000"
