"""Change over time where subjects have more than one session.

Each subject's annualised change is the slope of the volume over time (with two sessions: the
difference over the years between them), compared between the groups by
`Cohort.group.linear_models`. The mixed model (`Cohort.group.mixed_model`) uses all sessions at
once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm

from ..structures import INTRACRANIAL, MM3, PERCENT, WHOLE, Structure, change_column
from .contrast import Contrast
from .covariates import Covariate, complete_rows, design_columns
from .linear_models import ContrastFit, fit_contrast
from .mixed_model import MixedTerm, mixed_model

# Slopes over weeks are mostly the noise of two measurements.
SHORTEST_YEARS = 0.25
NAN = float("nan")


@dataclass(frozen=True)
class Longitudinal:
    """What several sessions tell.

    Attributes
    ----------
    changes : DataFrame
        One row a subject: ``participant_id``, ``sessions``, ``years`` (first to last), per
        structure ``<name>_mm3_per_year`` and ``<name>_percent_per_year`` (of the first session's
        volume), and with a contrast its column and the covariates.
    comparisons : list of tuple
        Structure and the fit of annualised change in percent a year, group a minus group b.
    mixed : list of MixedTerm
    remarks : list of str
        What could not be done and why, and how the model was built.
    """

    changes: pd.DataFrame
    comparisons: list[tuple[Structure, ContrastFit | None]]
    mixed: list[MixedTerm]
    remarks: list[str]


def analyse_change(
    scans: pd.DataFrame,
    contrast: Contrast | None,
    covariates: tuple[Covariate, ...],
) -> Longitudinal:
    """Annualised changes, their comparison, and the mixed model.

    Parameters
    ----------
    scans : DataFrame
        One row a subject and session with ``years``; covariates of later sessions are replaced by
        those of the first.
    contrast : Contrast or None
        Without one, only the change of everyone together is estimated.
    covariates : tuple of Covariate
    """
    remarks: list[str] = []
    dated = _with_first_covariates(scans[scans["years"].notna()], contrast, covariates)
    structures = [s for s in (*WHOLE, INTRACRANIAL) if s.column in dated]
    changes = annual_changes(dated, structures)
    repeated = dated.loc[dated["participant_id"].duplicated(), "participant_id"].nunique()
    short = repeated - len(changes)
    if short:
        remarks.append(
            f"{short} subjects whose sessions lie less than {SHORTEST_YEARS * 12:.0f} months apart "
            "have no annualised change."
        )
    comparisons = []
    if contrast is not None:
        describing = _describing(dated, contrast, covariates)
        changes = changes.merge(describing, on="participant_id", how="left")
        members, _ = complete_rows(contrast.members(changes), covariates)
        is_a = contrast.is_a(members).to_numpy(bool)
        nuisance = design_columns(members, covariates).to_numpy()
        for structure in structures:
            outcome = members[change_column(structure, PERCENT)].to_numpy(float)
            known = np.isfinite(outcome)
            fit = fit_contrast(outcome[known], is_a[known], nuisance[known])
            comparisons.append((structure, fit))
        if all(fit is None for _, fit in comparisons):
            remarks.append(
                "Too few subjects with an annualised change in each group to compare them."
            )
    mixed = []
    for structure in WHOLE:
        if structure.column in dated:
            mixed += mixed_model(dated, structure, contrast, covariates, remarks)
    return Longitudinal(changes, comparisons, mixed, list(dict.fromkeys(remarks)))


def annual_changes(dated: pd.DataFrame, structures: list[Structure]) -> pd.DataFrame:
    """Slope over time of each subject whose sessions span at least three months."""
    rows = []
    for subject, sessions in dated.groupby("participant_id", sort=True):
        years = sessions["years"]
        if years.max() - years.min() < SHORTEST_YEARS:
            continue
        first = sessions.loc[years.idxmin()]
        row = {"participant_id": subject}
        row.update(sessions=len(sessions), years=float(years.max() - years.min()))
        for structure in structures:
            known = sessions[["years", structure.column]].dropna().astype(float)
            slope = NAN
            if len(known) and np.ptp(known["years"]) >= SHORTEST_YEARS:
                design = sm.add_constant(known["years"].to_numpy(), has_constant="add")
                slope = float(sm.OLS(known[structure.column].to_numpy(), design).fit().params[1])
            row[change_column(structure, MM3)] = slope
            row[change_column(structure, PERCENT)] = 100 * slope / first[structure.column]
        rows.append(row)
    names = [change_column(s, unit) for s in structures for unit in (MM3, PERCENT)]
    return pd.DataFrame(rows, columns=["participant_id", "sessions", "years", *names])


def _with_first_covariates(
    dated: pd.DataFrame, contrast: Contrast | None, covariates: tuple[Covariate, ...]
) -> pd.DataFrame:
    columns = [c.column for c in covariates] + ([contrast.column] if contrast else [])
    dated = dated.sort_values(["participant_id", "years"])
    for column in columns:
        dated[column] = dated.groupby("participant_id")[column].transform("first")
    return dated


def _describing(
    dated: pd.DataFrame, contrast: Contrast, covariates: tuple[Covariate, ...]
) -> pd.DataFrame:
    columns = ["participant_id", contrast.column, *(c.column for c in covariates)]
    return dated[columns].drop_duplicates("participant_id")
