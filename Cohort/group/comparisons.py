"""All comparisons of one contrast: each structure, each way to adjust for ICV, each set of scans.

Writes group_statistics.tsv, one row a comparison.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from ..structures import ASYMMETRY, VOLUME, Structure
from ..tables import described, write_table
from .assumption_checks import AssumptionChecks, check_assumptions, icv_correlation_left
from .contrast import Contrast
from .covariates import Covariate, complete_rows, design_columns
from .errors import CovariateError, TooFewScansError
from .findings import Finding
from .icv_adjustment import ADJUSTMENTS, ANCOVA, UNADJUSTED, IcvAdjustment
from .linear_models import FEWEST_IN_A_GROUP, ContrastFit, fit_contrast
from .model_data import model_data
from .power import design_of
from .small_sample_errors import Estimate

NAN = float("nan")
ALL_SCANS, WITHOUT_LISTED = "all", "without_listed"


@dataclass(frozen=True)
class GroupDescription:
    """A group's scans and their measure, not adjusted for anything."""

    n: int
    mean: float
    sd: float


@dataclass(frozen=True)
class Comparison:
    """One model's result; ``fit`` is None where it could not be fitted."""

    structure: Structure
    adjustment: IcvAdjustment
    fit: ContrastFit | None
    checks: AssumptionChecks
    icv_correlation: float
    group_a: GroupDescription
    group_b: GroupDescription


@dataclass(frozen=True)
class Statistics:
    """All comparisons of one set of scans.

    Attributes
    ----------
    set_name : str
        ``ALL_SCANS`` or ``WITHOUT_LISTED``.
    frame : DataFrame
        The scans of the models, one a subject.
    comparisons : dict
        By structure's name and adjustment's method.
    p_fdr : dict
        Benjamini–Hochberg p over the subunits, by the same keys.
    findings : tuple of Finding
    """

    set_name: str
    frame: pd.DataFrame
    comparisons: dict[tuple[str, str], Comparison]
    p_fdr: dict[tuple[str, str], float]
    findings: tuple[Finding, ...]


def compare_groups(
    first_scans: pd.DataFrame,
    contrast: Contrast,
    covariates: tuple[Covariate, ...],
    structures: tuple[Structure, ...],
    set_name: str = ALL_SCANS,
) -> Statistics:
    """Fit every model.

    Parameters
    ----------
    first_scans : DataFrame
        One row a subject, with the contrast's and the covariates' columns.
    contrast : Contrast
    covariates : tuple of Covariate
    structures : tuple of Structure
    set_name : str

    Raises
    ------
    TooFewScansError
        If a group has fewer than three scans.
    CovariateError
        If group and covariates cannot be told apart.
    """
    frame, findings = complete_rows(contrast.members(first_scans), covariates)
    _check_groups(frame, contrast, covariates)
    comparisons = {}
    for structure in structures:
        for method in methods_for(structure, frame):
            comparison = _compare(frame, contrast, covariates, structure, method)
            comparisons[structure.name, method] = comparison
    return Statistics(set_name, frame, comparisons, _false_discovery(comparisons), tuple(findings))


def methods_for(structure: Structure, frame: pd.DataFrame) -> tuple[str, ...]:
    """The ways of adjusting that apply: none for ICV itself, for a ratio, or without any ICV."""
    if structure.kind != VOLUME or not frame["icv_mm3"].notna().any():
        return (UNADJUSTED,)
    return (*ADJUSTMENTS, UNADJUSTED)


def statistics_table(sets: list[Statistics], contrast: Contrast) -> pd.DataFrame:
    """One row a comparison, in tidy columns; see ``COLUMNS`` for their meaning."""
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
                    **_described(comparison),
                    **_fitted(comparison),
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
    return write_table(table, path, described(COLUMNS), float_format="%.6g")


def _check_groups(
    frame: pd.DataFrame, contrast: Contrast, covariates: tuple[Covariate, ...]
) -> None:
    is_a = contrast.is_a(frame)
    counts = {contrast.level_a: int(is_a.sum()), contrast.level_b: int((~is_a).sum())}
    if min(counts.values()) < FEWEST_IN_A_GROUP:
        told = ", ".join(f"{level}: {count}" for level, count in counts.items())
        raise TooFewScansError(
            f"Too few finished scans with all covariates for {contrast.title} ({told}); at least "
            f"{FEWEST_IN_A_GROUP} a group are needed. Check participants.tsv for n/a, and whether "
            "its participant_id are those of the scans."
        )
    design = design_columns(frame, covariates)
    columns = np.column_stack([np.ones(len(frame)), is_a, design])
    if np.linalg.matrix_rank(columns) < columns.shape[1]:
        names = ", ".join(covariate.column for covariate in covariates)
        raise CovariateError(
            f"{contrast.column} and the covariates ({names}) cannot be told apart in these "
            f"{len(frame)} scans: one follows from the others, for example one site for each "
            "group. Leave a covariate out."
        )


def _compare(
    frame: pd.DataFrame,
    contrast: Contrast,
    covariates: tuple[Covariate, ...],
    structure: Structure,
    method: str,
) -> Comparison:
    data = model_data(frame, contrast, covariates, structure, method)
    fit = fit_contrast(data.outcome, data.is_a, data.nuisance)
    checks, left = AssumptionChecks(), NAN
    if fit is not None:
        checks = check_assumptions(fit, data.outcome, data.icv_mm3 if data.has_icv else None)
        if method not in (ANCOVA, UNADJUSTED):
            left = icv_correlation_left(data.outcome, data.icv_mm3, data.is_a)
    groups = (_description(data.volume[chosen]) for chosen in (data.is_a, ~data.is_a))
    return Comparison(structure, data.adjustment, fit, checks, left, *groups)


def _description(values: np.ndarray) -> GroupDescription:
    mean = values.mean() if len(values) else NAN
    return GroupDescription(len(values), mean, values.std(ddof=1) if len(values) > 1 else NAN)


def _false_discovery(
    comparisons: dict[tuple[str, str], Comparison],
) -> dict[tuple[str, str], float]:
    adjusted = {}
    for method in (*ADJUSTMENTS, UNADJUSTED):
        family = {
            key: comparison.fit.p
            for key, comparison in comparisons.items()
            if key[1] == method and comparison.structure.subunit and comparison.fit is not None
        }
        if family:
            values = multipletests(list(family.values()), method="fdr_bh")[1]
            adjusted.update(zip(family, map(float, values), strict=True))
    return adjusted


def _described(comparison: Comparison) -> dict[str, float]:
    groups = {"a": comparison.group_a, "b": comparison.group_b}
    return {
        f"{name}_{group}": value
        for group, description in groups.items()
        for name, value in asdict(description).items()
    }


def _fitted(comparison: Comparison) -> dict[str, float]:
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
    "adjustment": f"How head size was taken out: {METHOD_LIST}",
    "scans": "all, or without_listed: less the scans listed for review (--exclude-flagged)",
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
    "Hedges' correction: what studies without covariates report",
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
    "variance_inflation": "How many times the variance of the difference is what it would be if "
    "the groups were alike in the covariates",
    "n_per_group_80": "Scans a group for 80 % power at the observed difference, with the model's "
    "spread, covariates and variance_inflation (two-sided, alpha 0.05)",
    "normality_p": "Shapiro-Wilk test of the residuals",
    "homoscedasticity_p": "Breusch-Pagan test (studentised)",
    "equal_slopes_p": "Test of group x ICV (ancova only)",
    "reference_icv_mm3": "Head size that adjusted volumes refer to: mean ICV of group b",
    "icv_coefficient": "Slope in mm^3/mm^3 (residuals), exponent (power_proportion), 1 "
    "(proportion)",
    "icv_correlation_left": "Pearson r of adjusted volume and ICV within groups; 0 if head size is "
    "out",
}
