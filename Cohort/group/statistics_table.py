"""All comparisons as a table: group_statistics.tsv, one row per comparison."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from ..structures import ASYMMETRY
from ..tables import describe_columns, write_table
from .comparisons import Comparison, Statistics
from .contrast import Contrast
from .icv_adjustment import ADJUSTMENTS, UNADJUSTED
from .power import design_of
from .small_sample_errors import Estimate

NAN = float("nan")


def statistics_table(sets: list[Statistics], contrast: Contrast) -> pd.DataFrame:
    """Make one row per comparison, in tidy columns; see ``COLUMNS`` for their meaning."""
    rows = []
    for statistics in sets:
        for key, comparison in statistics.comparisons.items():
            rows.append(
                {
                    "structure": comparison.structure.name,
                    "adjustment": comparison.adjustment.method,
                    "scans": statistics.set_name,
                    "contrast": f"{contrast.column}:{contrast.level_a}-{contrast.level_b}",
                    "unit": comparison.structure.table_unit,
                    **_description_columns(comparison),
                    **_fit_columns(comparison),
                    "p_fdr": statistics.p_fdr.get(key, NAN),
                    **asdict(comparison.checks),
                    "reference_icv_mm3": comparison.adjustment.reference_icv_mm3,
                    "icv_coefficient": comparison.adjustment.coefficient,
                    "icv_correlation_left": comparison.icv_correlation,
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_statistics(table: pd.DataFrame, path: Path) -> list[Path]:
    """Write the table and a JSON file that explains its columns."""
    return write_table(table, path, describe_columns(COLUMNS), float_format="%.6g")


def _description_columns(comparison: Comparison) -> dict[str, float]:
    groups = {"a": comparison.group_a, "b": comparison.group_b}
    return {
        f"{name}_{group}": value
        for group, description in groups.items()
        for name, value in asdict(description).items()
    }


def _fit_columns(comparison: Comparison) -> dict[str, float]:
    fit = comparison.fit
    if fit is None:
        return {}
    is_ratio = comparison.structure.kind == ASYMMETRY
    return {
        "difference": fit.estimate,
        "standard_error": fit.standard_error,
        "ci_low": fit.ci_low,
        "ci_high": fit.ci_high,
        "difference_percent": NAN if is_ratio else fit.percent,
        "t": fit.t,
        "df": fit.df,
        "p": fit.p,
        "p_classic": fit.p_classic,
        "df_residual": fit.df_residual,
        "hedges_g": fit.hedges_g,
        "g_low": fit.g_low,
        "g_high": fit.g_high,
        "hedges_g_raw_sd": fit.g_raw,
        "partial_eta_squared": fit.partial_eta_squared,
        **_mean_with_limits("adjusted_mean_a", fit.mean_a),
        **_mean_with_limits("adjusted_mean_b", fit.mean_b),
        "reference_mean": fit.reference_mean,
        "residual_sd": fit.residual_sd,
        "variance_inflation": fit.variance_inflation,
        "n_per_group_80": design_of(fit).n_per_group(fit.estimate),
    }


def _mean_with_limits(name: str, mean: Estimate) -> dict[str, float]:
    return {name: mean.value, f"{name}_low": mean.ci_low, f"{name}_high": mean.ci_high}


METHOD_LIST = ", ".join((*ADJUSTMENTS, UNADJUSTED))
COLUMNS = {
    "structure": "Outcome, named as in the volume tables",
    "adjustment": f"How the volumes were adjusted for head size: {METHOD_LIST}",
    "scans": "all, or without_listed: without the scans listed for review (--exclude-flagged)",
    "contrast": "column:a-b; differences are a minus b, b are the controls",
    "unit": "Unit of means, differences and standard deviations",
    "n_a": "Scans in group a, one a subject",
    "n_b": "Scans in group b",
    "mean_a": "Mean of group a as measured, not adjusted for anything",
    "sd_a": "Standard deviation of group a as measured",
    "mean_b": "Mean of group b as measured",
    "sd_b": "Standard deviation of group b as measured",
    "difference": "a minus b, at equal covariates",
    "standard_error": "HC2 standard error of the difference",
    "ci_low": "Lower 95 % confidence limit of the difference",
    "ci_high": "Upper 95 % confidence limit of the difference",
    "difference_percent": "Difference in percent of reference_mean (n/a for the asymmetry index)",
    "t": "difference / standard_error",
    "df": "Bell-McCaffrey degrees of freedom of standard_error",
    "df_residual": "Residual degrees of freedom of the model",
    "p": "Two-sided p (HC2, Student's t with df)",
    "p_classic": "Two-sided p with the classic standard error, for comparison",
    "p_fdr": "Benjamini-Hochberg p over the subunits, within one adjustment and set of scans",
    "hedges_g": "difference / residual_sd with Hedges' small-sample correction",
    "g_low": "Lower 95 % confidence limit of hedges_g (non-central t)",
    "g_high": "Upper 95 % confidence limit of hedges_g",
    "hedges_g_raw_sd": "difference / standard deviation within the groups before covariates, with "
    "Hedges' correction: as reported by studies without covariates",
    "partial_eta_squared": "Share of the variance not explained by the covariates that the group "
    "explains",
    "adjusted_mean_a": "Model's mean of group a at average covariates",
    "adjusted_mean_a_low": "Lower 95 % confidence limit of adjusted_mean_a",
    "adjusted_mean_a_high": "Upper 95 % confidence limit of adjusted_mean_a",
    "adjusted_mean_b": "Model's mean of group b at average covariates",
    "adjusted_mean_b_low": "Lower 95 % confidence limit of adjusted_mean_b",
    "adjusted_mean_b_high": "Upper 95 % confidence limit of adjusted_mean_b",
    "reference_mean": "Model's mean of group b at average covariates",
    "residual_sd": "Residual standard deviation of the model",
    "variance_inflation": "Variance of the difference, relative to groups with equal covariates",
    "n_per_group_80": "Scans per group for 80 % power at the observed difference, with the model's "
    "spread, covariates and variance_inflation (two-sided, alpha 0.05)",
    "normality_p": "Shapiro-Wilk test of the residuals",
    "homoscedasticity_p": "Breusch-Pagan test (studentized)",
    "equal_slopes_p": "Test of group x ICV (ancova only)",
    "reference_icv_mm3": "ICV that adjusted volumes refer to: mean ICV of group b",
    "icv_coefficient": "Slope in mm^3/mm^3 (residuals), exponent (power_proportion), 1 "
    "(proportion)",
    "icv_correlation_left": "Pearson r of adjusted volume and ICV within groups; 0 if the "
    "adjustment is complete",
}
