"""Change over time of subjects with more than one session.

Each subject's annualized change is the slope of the volume over time (with two sessions: the
difference over the years between them), compared between the groups by
`Cohort.group.linear_models`. The mixed model (`Cohort.group.mixed_model`) uses all sessions at
once, also those of subjects who have one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..structures import INTRACRANIAL, MM3, PERCENT, WHOLE, Structure, change_column
from .comparisons import ALL_SCANS
from .contrast import Contrast
from .covariates import Covariate, complete_rows, design_columns
from .findings import NOTE, WARNING, Finding, Topic
from .linear_models import FEWEST_IN_A_GROUP, ContrastFit, fit_contrast
from .mixed_model import MixedTerm, mixed_model
from .outliers import FAR_Z, robust_z

# Slopes over weeks are mostly the noise of two measurements.
SHORTEST_YEARS = 0.25
NAN = float("nan")
CHANGE_Z, CHANGE_Z_OF = "robust_z", "robust_z_of"


@dataclass(frozen=True)
class Longitudinal:
    """Results from several sessions.

    Attributes
    ----------
    set_name : str
        ``ALL_SCANS`` or ``WITHOUT_LISTED``.
    dated : DataFrame
        The sessions that have a time, with the covariates of each subject's first.
    changes : DataFrame
        One row per subject: ``participant_id``, ``sessions``, ``years`` (first to last), per
        structure ``<name>_mm3_per_year`` and ``<name>_percent_per_year`` (of the first session's
        volume), the largest ``robust_z`` of the changes in percent and ``robust_z_of`` which
        structure it is; with a contrast its column and the covariates.
    comparisons : list of tuple
        Structure and the fit of annualized change in percent a year, group a minus group b.
    mixed : list of MixedTerm
    remarks : list of str
        How the models were built, or why there is none.
    findings : tuple of Finding
        Subjects who are not in it, and why.
    """

    set_name: str
    dated: pd.DataFrame
    changes: pd.DataFrame
    comparisons: list[tuple[Structure, ContrastFit | None]]
    mixed: list[MixedTerm]
    remarks: list[str]
    findings: tuple[Finding, ...]


def analyse_change(
    scans: pd.DataFrame,
    contrast: Contrast | None,
    covariates: tuple[Covariate, ...],
    set_name: str = ALL_SCANS,
) -> Longitudinal:
    """Annualized changes, their comparison, and the mixed model.

    Parameters
    ----------
    scans : DataFrame
        One row per subject and session with ``years``; group and covariates of later sessions are
        replaced by those of the first.
    contrast : Contrast or None
        Without one, only the change of everyone together is estimated.
    covariates : tuple of Covariate
    set_name : str
    """
    remarks: list[str] = []
    scans = _with_first_covariates(scans, contrast, covariates)
    dated = scans[scans["years"].notna()]
    structures = [
        s for s in (*WHOLE, INTRACRANIAL) if s.column in dated and dated[s.column].notna().any()
    ]
    changes = _with_outliers(annual_changes(dated, structures), structures)
    members = scans if contrast is None else contrast.members(scans)
    findings = _without_change(members, changes)
    comparisons: list[tuple[Structure, ContrastFit | None]] = []
    modelled = dated
    if contrast is not None:
        first = members.drop_duplicates("participant_id")
        described = first[["participant_id", contrast.column, *(c.column for c in covariates)]]
        changes = changes.merge(described, on="participant_id", how="left")
        known, left_out = complete_rows(first, covariates)
        findings += left_out
        modelled = dated[dated["participant_id"].isin(known["participant_id"])]
        chosen = changes[changes["participant_id"].isin(known["participant_id"])]
        chosen, alone = complete_rows(chosen, covariates)
        findings += alone
        comparisons = _compare_changes(chosen, structures, contrast, covariates, remarks)
    mixed = []
    for structure in WHOLE:
        if structure.column in modelled:
            mixed += mixed_model(modelled, structure, contrast, covariates, remarks)
    remarks = list(dict.fromkeys(remarks))
    return Longitudinal(set_name, dated, changes, comparisons, mixed, remarks, tuple(findings))


def annual_changes(dated: pd.DataFrame, structures: list[Structure]) -> pd.DataFrame:
    """Slope over time of each subject whose sessions span at least three months."""
    subjects = dated.groupby("participant_id")["years"]
    changes = pd.DataFrame({"sessions": subjects.size(), "years": subjects.max() - subjects.min()})
    changes = changes[changes["years"] >= SHORTEST_YEARS]
    for structure in structures:
        slope, first = (
            # An empty frame would take the index of what is assigned to it.
            found.reindex(changes.index)
            for found in _slopes(dated[["participant_id", "years", structure.column]].dropna())
        )
        changes[change_column(structure, MM3)] = slope
        changes[change_column(structure, PERCENT)] = 100 * slope / first
    return changes.reset_index()


def _slopes(known: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Least-squares slope over time and first value of each subject, by subject.

    Parameters
    ----------
    known : DataFrame
        Subject, years and values, none missing.
    """
    subject, years, values = (known[column] for column in known)
    codes, names = pd.factorize(subject, sort=True)
    years, values = years.to_numpy(float), values.to_numpy(float)
    from_mean = years - (np.bincount(codes, years) / np.bincount(codes))[codes]
    in_time = np.lexsort((years, codes))
    starts = np.searchsorted(codes[in_time], np.arange(len(names)))
    first, last = in_time[starts], in_time[np.append(starts[1:], len(codes))[: len(names)] - 1]
    is_long = years[last] - years[first] >= SHORTEST_YEARS
    slope = np.full(len(names), NAN)
    squares, products = (np.bincount(codes, from_mean * of) for of in (from_mean, values))
    slope[is_long] = products[is_long] / squares[is_long]
    return pd.Series(slope, names), pd.Series(values[first], names)


def outlying_subjects(changes: pd.DataFrame) -> pd.Series:
    """Subjects with an annualized change whose robust z lies beyond 3.5."""
    return changes.loc[changes[CHANGE_Z].abs() > FAR_Z, "participant_id"]


def _with_outliers(changes: pd.DataFrame, structures: list[Structure]) -> pd.DataFrame:
    """The changes with each subject's most extreme robust z, regardless of group."""
    z = pd.DataFrame(
        {s.title: robust_z(changes[change_column(s, PERCENT)]) for s in structures}, changes.index
    ).astype(float)
    size = z.abs().fillna(-1.0)
    if z.empty:
        return changes.assign(**{CHANGE_Z: NAN, CHANGE_Z_OF: ""})
    where = size.idxmax(axis=1)
    farthest = pd.Series([z.at[i, name] for i, name in where.items()], z.index)
    return changes.assign(**{CHANGE_Z: farthest, CHANGE_Z_OF: where.where(farthest.notna(), "")})


def _without_change(members: pd.DataFrame, changes: pd.DataFrame) -> list[Finding]:
    """Subjects without an annualized change, by reason."""
    subjects = members.groupby("participant_id")["years"]
    sessions, dated = subjects.size(), subjects.count()
    rest = sessions[~sessions.index.isin(changes["participant_id"])].index
    once, undated = sessions.loc[rest] == 1, dated.loc[rest] < 2
    reasons = (
        (NOTE, "Subjects with one session have no measured change", once),
        (WARNING, "Fewer than two sessions of these subjects have a time", undated & ~once),
        (
            WARNING,
            f"The sessions of these subjects are less than {12 * SHORTEST_YEARS:.0f} months "
            "apart, too close for an annualized change",
            ~undated,
        ),
    )
    findings = [
        Finding(severity, Topic.SESSION_TIMES, text, tuple(rest[chosen]))
        for severity, text, chosen in reasons
        if chosen.any()
    ]
    columns = [change_column(structure, PERCENT) for structure in WHOLE]
    measures = changes.reindex(columns=[c for c in columns if c in changes])
    unmeasured = changes.loc[measures.isna().any(axis=1), "participant_id"]
    unmeasured = unmeasured[unmeasured.isin(sessions.index)]
    if len(unmeasured):
        text = "Too few sessions of these subjects have a hypothalamic volume"
        findings.append(Finding(WARNING, Topic.SESSION_TIMES, text, tuple(unmeasured)))
    return findings


def _compare_changes(
    changes: pd.DataFrame,
    structures: list[Structure],
    contrast: Contrast,
    covariates: tuple[Covariate, ...],
    remarks: list[str],
) -> list[tuple[Structure, ContrastFit | None]]:
    is_a = contrast.is_a(changes).to_numpy(bool)
    nuisance = design_columns(changes, covariates).to_numpy()
    comparisons = []
    for structure in structures:
        outcome = changes[change_column(structure, PERCENT)].to_numpy(float)
        known = np.isfinite(outcome)
        fit = fit_contrast(outcome[known], is_a[known], nuisance[known])
        comparisons.append((structure, fit))
        if fit is None:
            remarks.append(_why_not_compared(structure, outcome[known], is_a[known], contrast))
    return comparisons


def _why_not_compared(
    structure: Structure, outcome: np.ndarray, is_a: np.ndarray, contrast: Contrast
) -> str:
    counts = f"{contrast.level_a} {is_a.sum()}, {contrast.level_b} {(~is_a).sum()}"
    if min(is_a.sum(), (~is_a).sum()) < FEWEST_IN_A_GROUP:
        return (
            f"Annualized change of {structure.title} was not compared: it needs "
            f"{FEWEST_IN_A_GROUP} subjects in each group ({counts})."
        )
    if np.allclose(outcome, outcome[0]):
        return (
            f"Annualized change of {structure.title} was not compared: it is the same in everyone."
        )
    return (
        f"Annualized change of {structure.title} was not compared: group and covariates cannot be "
        f"separated, or leave too few degrees of freedom ({counts})."
    )


def _with_first_covariates(
    scans: pd.DataFrame, contrast: Contrast | None, covariates: tuple[Covariate, ...]
) -> pd.DataFrame:
    columns = [c.column for c in covariates] + ([contrast.column] if contrast else [])
    scans = scans.sort_values(["participant_id", "years"], na_position="last", kind="stable")
    for column in columns:
        scans[column] = scans.groupby("participant_id")[column].transform("first")
    return scans
