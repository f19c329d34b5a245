"""All comparisons of one contrast: structures, ways to adjust for ICV, sets of scans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from ..structures import VOLUME, Structure
from .assumption_checks import AssumptionChecks, check_assumptions, icv_correlation_left
from .contrast import Contrast
from .covariates import Covariate, complete_rows, design_columns
from .errors import CovariateError, TooFewScansError
from .findings import Finding
from .icv_adjustment import ADJUSTMENTS, ANCOVA, UNADJUSTED, IcvAdjustment
from .linear_models import FEWEST_IN_A_GROUP, ContrastFit, fit_contrast
from .model_data import model_data

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
    """Result of one model; ``fit`` is None if it could not be fitted."""

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
        One row per subject, with the contrast's and the covariates' columns.
    contrast : Contrast
    covariates : tuple of Covariate
    structures : tuple of Structure
    set_name : str

    Raises
    ------
    TooFewScansError
        If a group has fewer than three scans.
    CovariateError
        If group and covariates cannot be separated.
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
    """The adjustments that apply: none for ICV itself, for a ratio, or without any ICV."""
    if structure.kind != VOLUME or not frame["icv_mm3"].notna().any():
        return (UNADJUSTED,)
    return (*ADJUSTMENTS, UNADJUSTED)


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
            f"{contrast.column} and the covariates ({names}) cannot be separated in these "
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
