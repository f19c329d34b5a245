"""The report's description of the sample, of problems with the data, and of their quality."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup
from scipy import stats

from ..group.analysis import GroupAnalysis
from ..group.covariates import CATEGORY, NUMBER, as_numbers
from ..group.findings import WARNING, Topic
from ..group.icv_adjustment import RESIDUALS
from ..group.icv_trust import ICV_FLAGS, has_flag
from ..group.outliers import FAR_Z, is_listed, reasons_in_words
from ..number_format import MISSING, format_count, format_signed, number, p_value
from ..structures import (
    INTRACRANIAL,
    LEFT,
    ML_PER_MM3,
    RIGHT,
    TOTAL,
    Structure,
    adjusted_column,
)
from .html_parts import bullets, figure, finding_list, notice, paragraph, table, together
from .plots import Panel, Predictor, Series, volume_against, volumes_by_group

MOST_ROWS = 200
# Age and sex are described wherever participants.tsv has them.
USUAL = ("age", "sex")


def series_of(analysis: GroupAnalysis) -> list[Series]:
    """The scans of the sample by group, group a first, or all as one."""
    contrast, sample = analysis.contrast, analysis.sample
    if contrast is None:
        return [Series("all scans", sample)]
    is_a = contrast.is_a(sample)
    return [Series(contrast.level_a, sample[is_a]), Series(contrast.level_b, sample[~is_a])]


def sample_section(analysis: GroupAnalysis) -> Markup:
    """The analyzed participants: numbers, age, sex, covariates, ICV, volumes as measured."""
    groups = series_of(analysis)
    rows = [["Scans, one a subject", *(number(len(g.frame)) for g in groups), ""]]
    for column in _described_columns(analysis):
        rows += _column_rows(analysis, column, groups)
    rows.append(_measure_row(INTRACRANIAL, "Intracranial volume, mL", ML_PER_MM3, 0, groups))
    for structure in (TOTAL, LEFT, RIGHT):
        rows.append(_measure_row(structure, f"{structure.title}, mm³", 1.0, 0, groups))
    rows = [row for row in rows if row]
    header = ["", *(g.name for g in groups), "p"]
    if len(groups) == 1:
        header, rows = header[:-1], [row[:-1] for row in rows]
    caption = "Mean ± standard deviation (range), or counts; volumes as measured."
    if len(groups) > 1:
        caption += (
            " p: Welch's t test for numbers, χ² test for categories; it describes how similar the "
            "groups are and is not a result."
        )
    return table(caption, header, rows)


def data_section(analysis: GroupAnalysis) -> Markup:
    """Findings from matching and checking participants.tsv and scans."""
    ordered = sorted(analysis.findings, key=lambda finding: finding.severity != WARNING)
    if not ordered:
        return paragraph("Every scan has a row in participants.tsv, and every row has a scan.")
    return finding_list(ordered)


def quality_section(analysis: GroupAnalysis) -> Markup:
    """Scans to review, and why."""
    reviewed = analysis.reviewed
    listed = reviewed[is_listed(reviewed)]
    parts = [
        paragraph(
            f"{format_count(len(listed), 'scan')} of {len(reviewed)} are listed for review: a "
            "quality "
            f"flag, or a measure whose robust z lies beyond {FAR_Z}. Check them in "
            "contact_sheet.html before you leave any out; an outlier may be real."
        )
    ]
    if not len(listed):
        return together(parts)
    titles = pd.Series([reason.title for reasons in listed["listed"] for reason in reasons])
    summary = [f"{title}: {count}" for title, count in titles.value_counts().items()]
    parts.append(bullets(summary))
    order = listed.reindex(listed["robust_z"].abs().sort_values(ascending=False).index)
    contrast = analysis.contrast
    header = ["Scan", "Why"]
    header += [contrast.column.capitalize()] if contrast else []
    header += ["Total,\nmm³", "ICV,\nmL", "Largest\nrobust z", "Fold\nDice"]
    rows = []
    for _, row in order.head(MOST_ROWS).iterrows():
        group = [_or_dash(row[contrast.column])] if contrast else []
        icv_ml = row.get("icv_mm3", np.nan) * ML_PER_MM3
        total = row.get(TOTAL.column, np.nan)
        measures = [number(total), number(icv_ml), format_signed(row["robust_z"], 1)]
        dice = number(row["fold_dice"], 3)
        rows.append([row["scan"], reasons_in_words(row["listed"]), *group, *measures, dice])
    caption = "Fold Dice: agreement of each network with the mean of all."
    if len(order) > MOST_ROWS:
        caption += f" The first {MOST_ROWS} of {len(order)}; all are in group_volumes.tsv."
    parts.append(table(caption, header, rows, words=3 if contrast else 2))
    return together(parts)


def figures_section(analysis: GroupAnalysis) -> Markup:
    """Volumes by group, and against ICV and age."""
    groups = series_of(analysis)
    adjusted = adjusted_column(TOTAL, RESIDUALS)
    columns = ["scan", adjusted]
    if adjusted in analysis.volumes and TOTAL in analysis.structures:
        extra = analysis.volumes[columns]
        groups = [Series(g.name, g.frame.merge(extra, on="scan", how="left")) for g in groups]
    parts = []
    panels = [
        Panel("Total", TOTAL.column, "mm³", "total"),
        Panel("Total at equal ICV", adjusted, "mm³", "total"),
        Panel("Left", LEFT.column, "mm³", "side"),
        Panel("Right", RIGHT.column, "mm³", "side"),
    ]
    shown = [p for p in panels if _has_values(groups, p.column)]
    if shown:
        caption = (
            "Volumes as measured; each point is a scan; boxes span the quartiles, the thick line "
            "is "
            "the median, whiskers reach 1.5 times the box."
        )
        if adjusted in [p.column for p in shown]:
            whom = "the controls" if analysis.contrast else "all scans"
            caption += f" At equal ICV: residual method, fitted on {whom}."
        parts.append(figure(volumes_by_group(groups, shown), caption))
    if not _has_values(groups, TOTAL.column):
        return together(parts)
    along = []
    if _has_values(groups, "icv_mm3"):
        label = "Intracranial volume / mL"
        if has_flag(analysis.sample, ICV_FLAGS[0]).any():
            label += " (brain volume in stripped scans)"
        along.append(Predictor("icv_mm3", label, 1 / ML_PER_MM3))
    if "age" in analysis.sample:
        groups = [Series(g.name, g.frame.assign(age=as_numbers(g.frame["age"]))) for g in groups]
        if _has_values(groups, "age"):
            along.append(Predictor("age", "Age / years"))
    if along:
        caption = (
            "Total volume as measured. Lines: least squares in each group, with the 95 % band of "
            "the mean."
        )
        parts.append(figure(volume_against(groups, TOTAL, along), caption))
    return together(parts)


def icv_notices(analysis: GroupAnalysis) -> Markup:
    """Boxes for the top of the page if ICV is missing or invalid."""
    warned = [f for f in analysis.findings if f.topic is Topic.ICV and f.severity == WARNING]
    parts = []
    for finding in warned:
        parts.append(notice(f"{finding.text}.", warning=True, lead="ICV:"))
    return together(parts)


def _described_columns(analysis: GroupAnalysis) -> list[str]:
    named = [covariate.column for covariate in analysis.covariates]
    usual = [c for c in USUAL if c in analysis.table.described]
    columns = dict.fromkeys([*usual, *named])
    group = analysis.contrast.column if analysis.contrast else None
    return [c for c in columns if c in analysis.sample and c != group]


def _column_rows(analysis: GroupAnalysis, column: str, groups: list[Series]) -> list[list[str]]:
    kinds = {covariate.column: covariate.kind for covariate in analysis.covariates}
    texts = analysis.sample[column].dropna()
    numbers = as_numbers(texts)
    if kinds.get(column, NUMBER) != CATEGORY and len(texts) and numbers.notna().all():
        values = [as_numbers(g.frame[column]).dropna() for g in groups]
        title = f"{column.capitalize()}, years" if column == "age" else column.capitalize()
        return [[title, *(_spread(v, 1) for v in values), _welch_p(values)]]
    levels = sorted(texts.unique())
    if not 1 <= len(levels) <= 12:
        return []
    counts = [[int((g.frame[column] == level).sum()) for level in levels] for g in groups]
    cells = [", ".join(f"{n} {lv}" for n, lv in zip(c, levels, strict=True)) for c in counts]
    p = np.nan
    if len(groups) > 1 and len(levels) > 1 and np.asarray(counts).sum(axis=1).all():
        p = stats.chi2_contingency(np.asarray(counts)).pvalue
    return [[column.capitalize(), *cells, p_value(p)]]


def _measure_row(
    structure: Structure, title: str, factor: float, digits: int, groups: list[Series]
) -> list[str]:
    if not _has_values(groups, structure.column):
        return []
    values = [g.frame[structure.column].dropna() * factor for g in groups]
    return [title, *(_spread(v, digits) for v in values), _welch_p(values)]


def _spread(values: pd.Series, digits: int) -> str:
    if not len(values):
        return MISSING
    whole = 0 if (values % 1 == 0).all() else digits
    low, high = number(values.min(), whole), number(values.max(), whole)
    if len(values) == 1:
        return low
    return f"{number(values.mean(), digits)} ± {number(values.std(), digits)} ({low}–{high})"


def _welch_p(values: list[pd.Series]) -> str:
    if len(values) < 2 or min(map(len, values)) < 2 or not any(v.std() > 0 for v in values):
        return MISSING
    return p_value(float(stats.ttest_ind(*values, equal_var=False).pvalue))


def _has_values(groups: list[Series], column: str) -> bool:
    return any(column in g.frame and g.frame[column].notna().any() for g in groups)


def _or_dash(value: object) -> str:
    return MISSING if pd.isna(value) else str(value)
