"""Association of volumes with a number, such as ALSFRS-R or body mass index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm

from ..structures import INTRACRANIAL, VOLUME, Structure
from .contrast import Contrast
from .covariates import CATEGORY, Covariate, as_numbers, complete_rows, design_columns
from .errors import CovariateError
from .linear_models import FEWEST_DF
from .participants_table import Participants
from .small_sample_errors import Estimate, SmallSampleErrors

FEWEST_VALUES = 3


@dataclass(frozen=True)
class Association:
    """The slope of one structure's volume along a predictor, covariates held constant.

    Attributes
    ----------
    predictor : str
    structure : Structure
    n : int
    groups : tuple of str
        Whose scans have a value; more than one are held constant as well.
    predictor_sd : float
    slope : Estimate
        In the outcome's unit for one unit of the predictor.
    partial_r : float
        From the classic t: t / √(t² + df).
    """

    predictor: str
    structure: Structure
    n: int
    groups: tuple[str, ...]
    predictor_sd: float
    slope: Estimate
    partial_r: float


def check_predictors(names: tuple[str, ...], participants: Participants | None) -> None:
    """Refuse a predictor that is not a numeric column.

    Raises
    ------
    CovariateError
    """
    for name in names:
        if participants is None or name not in participants.columns:
            known = ", ".join(participants.columns) if participants is not None else "none"
            raise CovariateError(f"There is no column {name!r} for --predictor. Columns: {known}.")
        values = participants.frame[name].dropna()
        numbers = as_numbers(values)
        if numbers.isna().any() or numbers.nunique() < FEWEST_VALUES:
            raise CovariateError(
                f"The predictor {name!r} in {participants.path} must contain numbers, at least "
                f"{FEWEST_VALUES} different ones; it holds {', '.join(values.unique()[:6])}."
            )


def associate(
    first_scans: pd.DataFrame,
    predictor: str,
    structures: tuple[Structure, ...],
    contrast: Contrast | None,
    covariates: tuple[Covariate, ...],
) -> tuple[Association, ...]:
    """Regress each structure on the predictor, covariates, ICV (volumes only) and group.

    Parameters
    ----------
    first_scans : DataFrame
        One row per subject. Scans without a value are left out, as are, with a contrast, those of
        other groups.
    predictor : str
    structures : tuple of Structure
    contrast : Contrast or None
    covariates : tuple of Covariate
    """
    frame = first_scans if contrast is None else contrast.members(first_scans)
    frame = frame[as_numbers(frame[predictor]).notna()]
    held = tuple(c for c in covariates if c.column != predictor)
    groups: tuple[str, ...] = ()
    if contrast is not None:
        groups = tuple(sorted(frame[contrast.column].unique()))
        held += (Covariate(contrast.column, CATEGORY),) if len(groups) > 1 else ()
    frame, _ = complete_rows(frame, held)
    found = [_associate(frame, predictor, structure, held, groups) for structure in structures]
    return tuple(association for association in found if association is not None)


def _associate(
    frame: pd.DataFrame,
    predictor: str,
    structure: Structure,
    held: tuple[Covariate, ...],
    groups: tuple[str, ...],
) -> Association | None:
    with_icv = structure.kind == VOLUME and frame[INTRACRANIAL.column].notna().any()
    frame = frame.dropna(subset=[structure.column] + ([INTRACRANIAL.column] if with_icv else []))
    if len(frame) < FEWEST_VALUES:
        return None
    x = as_numbers(frame[predictor]).to_numpy()
    nuisance = design_columns(frame, held).to_numpy()
    if with_icv:
        icv = frame[INTRACRANIAL.column].to_numpy(float)
        nuisance = np.column_stack([nuisance, (icv - icv.mean()) / (icv.std() or 1.0)])
    spread = float(x.std(ddof=1))
    if not spread > 0:
        return None
    design = np.column_stack([np.ones(len(x)), (x - x.mean()) / spread, nuisance])
    if np.linalg.matrix_rank(design) < design.shape[1] or len(x) - design.shape[1] < FEWEST_DF:
        return None
    fit = sm.OLS(frame[structure.column].to_numpy(float), design).fit()
    errors = SmallSampleErrors(design, fit.params, fit.resid)
    slope = errors.estimate(np.eye(design.shape[1])[1] / spread)
    if slope is None:
        return None
    t = float(fit.tvalues[1])
    partial_r = t / np.sqrt(t**2 + fit.df_resid)
    return Association(predictor, structure, len(x), groups, spread, slope, float(partial_r))
