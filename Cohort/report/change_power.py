"""The report's sample sizes for a difference in annual change."""

from __future__ import annotations

from markupsafe import Markup

from ..group.analysis import GroupAnalysis
from ..group.linear_models import ContrastFit
from ..group.longitudinal import Longitudinal
from ..group.power import detectable_difference
from ..group.power_of_change import (
    SESSIONS,
    ChangePowerRow,
    ChangeSpread,
    ErrorSource,
    change_power_table,
    change_spread,
)
from ..number_format import format_count, format_signed, number
from ..structures import PERCENT, TOTAL, change_column
from .html_parts import heading, paragraph, table, together
from .validation_figures import MEASURED


def change_power(
    analysis: GroupAnalysis, longitudinal: Longitudinal
) -> tuple[ContrastFit, ChangeSpread, list[ChangePowerRow]] | None:
    """Fit, spread and sample sizes for the total volume; None if change was not compared."""
    fit = next((fit for s, fit in longitudinal.comparisons if s == TOTAL), None)
    if fit is None or analysis.contrast is None:
        return None
    cv = MEASURED.repeat_cv_percent
    spread = change_spread(longitudinal, fit, analysis.contrast, analysis.reliability, cv)
    changes = longitudinal.changes
    is_a = changes[analysis.contrast.column] == analysis.contrast.level_a
    change_a = changes.loc[is_a, change_column(TOTAL, PERCENT)]
    return fit, spread, change_power_table(spread, fit, change_a, analysis.contrast.level_a)


def change_power_part(analysis: GroupAnalysis, longitudinal: Longitudinal) -> Markup:
    """What this cohort can detect, and how many subjects other studies need."""
    found = change_power(analysis, longitudinal)
    if found is None:
        return Markup()
    fit, spread, rows = found
    contrast = analysis.contrast
    caption = (
        "Subjects per group for 80 % power to detect a difference in annual change of the total "
        "volume, by sessions; two-sided test, α = 0.05, the same covariates; percent of the first "
        "session's volume. No drop-out is assumed; for a drop-out share d, divide by 1 − d."
    )
    cells = [
        [
            row.source,
            f"{format_signed(row.difference, 2)} %",
            *(
                number(row.n_per_group[name]) if row.n_per_group[name] > 0 else "> 1 million"
                for name in SESSIONS
            ),
        ]
        for row in rows
    ]
    text = (
        f"With {fit.n_a} and {fit.n_b} subjects, this cohort can detect with 80 % power a "
        f"difference in change of {number(detectable_difference(fit), 2)} % a year. True change "
        "varies between "
        f"subjects by {number(spread.between_a, 2)} % a year ({contrast.level_a}) and "
        f"{number(spread.between_b, 2)} % ({contrast.level_b}); a single volume has an error of "
        f"{number(spread.error, 2)} % ({_source(spread)})."
    )
    header = ["Difference", "Percent\na year", *(name.replace(" in", "\nin") for name in SESSIONS)]
    return together(
        [heading("Sample size for change"), paragraph(text), table(caption, header, cells)]
    )


def _source(spread: ChangeSpread) -> str:
    if spread.source is ErrorSource.REPEAT_SCANS:
        return f"{format_count(spread.error_df, 'pair')} of repeat scans"
    if spread.source is ErrorSource.THESE_SESSIONS:
        return (
            "scatter about the lines of subjects with three sessions or more, "
            f"{spread.error_df} degrees of freedom"
        )
    return (
        "perturbed copies of one scan, Docs/VALIDATION.md; two visits differ by more, so "
        "additional sessions help more than this table says; give your own with --repeat-scans"
    )
