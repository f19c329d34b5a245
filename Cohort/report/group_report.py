"""group_report.html: one self-contained file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from ..group.adjustment_agreement import agreement_of
from ..group.analysis import GroupAnalysis
from ..group.findings import WARNING, Topic
from ..group.linear_models import ALPHA
from ..group.outliers import is_listed
from ..number_format import format_count, p_phrase
from ..structures import TOTAL
from .change import change_section
from .checks import assumptions_section, both_ways_section, power_section
from .exhibits import number_exhibits
from .flow import flow_section
from .html_parts import Section, notice, page, paragraph, review_count, together
from .methods import methods_section, software_section
from .other_models import (
    all_groups_section,
    association_section,
    dependence,
    dependence_section,
    methods_beside_section,
    sites_section,
)
from .results import (
    adjustments_section,
    differences_section,
    lead_sentence,
    main_comparison,
    subunits_section,
)
from .sample import data_section, figures_section, icv_notices, quality_section, sample_section


def write_report(analysis: GroupAnalysis, path: Path) -> None:
    """Write the report, each of its figures as SVG and each table as TSV.

    Parameters
    ----------
    analysis : GroupAnalysis
    path : Path
        The others are named after it: ``group_report_table-01.tsv``.
    """
    with number_exhibits() as exhibits:
        path.write_text(report_of(analysis), encoding="utf-8")
    exhibits.write(path.parent, path.stem)


def report_of(analysis: GroupAnalysis) -> str:
    """The report as HTML."""
    sections = [Section("short", "In short", _in_short(analysis))]
    sections.append(Section("sample", "Sample", sample_section(analysis)))
    sections.append(Section("flow", "Flow of participants", flow_section(analysis)))
    sections.append(Section("data", "Data checks", data_section(analysis)))
    if analysis.statistics:
        title = f"Differences, {analysis.contrast.title}"
        sections.append(Section("differences", title, differences_section(analysis)))
    sections.append(Section("figures", "Volumes", figures_section(analysis)))
    if analysis.statistics:
        adjusted = adjustments_section(analysis)
        sections += [
            Section("icv", "ICV adjustment, four ways", adjusted),
            Section("subunits", "Subunits", subunits_section(analysis)),
            Section("assumptions", "Assumptions", assumptions_section(analysis)),
            Section("dependence", "Where the difference lies", dependence_section(analysis)),
            Section("methods-beside", "Other methods", methods_beside_section(analysis)),
        ]
        if analysis.supplement.all_groups is not None:
            sections.append(Section("groups", "All groups", all_groups_section(analysis)))
        if analysis.options.site:
            sections.append(Section("sites", "Without each site", sites_section(analysis)))
    if analysis.options.predictors:
        sections.append(Section("association", "Association", association_section(analysis)))
    sections.append(Section("quality", "Scans to review", quality_section(analysis)))
    if analysis.statistics:
        sections += [
            Section("both", "Without the listed scans", both_ways_section(analysis)),
            Section("power", "Sample size", power_section(analysis)),
        ]
    sections += [
        Section("change", "Change over time", change_section(analysis)),
        Section("methods", "Methods", methods_section(analysis)),
        Section("software", "Options, software, references", software_section(analysis)),
    ]
    contrast = analysis.contrast
    title = f"Hypothalamic volume: {contrast.title}" if contrast else "Hypothalamic volume"
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    subtitle = f"Group report of {analysis.options.output.resolve().name}, {now}. "
    return page(title, subtitle + "For research; not a medical device.", sections)


def _in_short(analysis: GroupAnalysis) -> Markup:
    parts = []
    if analysis.statistics:
        statistics = analysis.statistics[0]
        parts.append(paragraph(lead_sentence(analysis, statistics), strong=True))
        parts.append(paragraph(_meaning(analysis)))
        agreement = agreement_of(statistics, TOTAL)
        if agreement is not None:
            parts.append(
                notice(agreement.sentence, warning=not agreement.agree, lead="ICV adjustment:")
            )
        for one in analysis.supplement.interactions.get(TOTAL, ()):
            if one.p < ALPHA:
                parts.append(notice(dependence(analysis, TOTAL, one), lead="Check:"))
        if len(analysis.statistics) == 2 and is_listed(analysis.sample).any():
            sentence = lead_sentence(analysis, analysis.statistics[1])
            changes = _crosses(analysis)
            if changes:
                sentence += f" Leaving out scans moves p across {ALPHA}."
            parts.append(notice(sentence, warning=changes, lead="Without the listed scans:"))
    else:
        count = format_count(len(analysis.sample), "subject")
        parts.append(
            paragraph(
                f"{count} are described. Nothing was compared, because no contrast was given "
                "(--contrast group:als-control)."
            )
        )
    for finding in (f for f in analysis.findings if f.topic is Topic.PLAN):
        parts.append(notice(f"{finding.line}.", warning=finding.severity == WARNING))
    parts.append(icv_notices(analysis))
    listed = int(is_listed(analysis.reviewed).sum())
    parts.append(review_count(listed, len(analysis.reviewed)))
    return together(parts)


def _crosses(analysis: GroupAnalysis) -> bool:
    both = [main_comparison(analysis, statistics, TOTAL) for statistics in analysis.statistics]
    fits = [comparison.fit for comparison in both if comparison is not None]
    return len(fits) == 2 and None not in fits and (fits[0].p < ALPHA) != (fits[1].p < ALPHA)


def _meaning(analysis: GroupAnalysis) -> str:
    """What the p does and does not say."""
    comparison = main_comparison(analysis, analysis.statistics[0], TOTAL)
    if comparison is None or comparison.fit is None:
        return ""
    fit = comparison.fit
    if fit.p < ALPHA:
        return (
            f"The data are hard to reconcile with no difference ({p_phrase(fit.p)}). The "
            "confidence limits, not the p, show how large it may be."
        )
    return (
        f"No difference was shown ({p_phrase(fit.p)}), which does not show that there is none: the "
        "data are compatible with any difference within the confidence limits."
    )
