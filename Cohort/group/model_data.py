"""The numbers that a model of two groups is fitted to: outcome, group and covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..structures import INTRACRANIAL, Structure
from .contrast import Contrast
from .covariates import Covariate, design_columns
from .icv_adjustment import ANCOVA, UNADJUSTED, IcvAdjustment, fit_adjustment


@dataclass(frozen=True)
class ModelData:
    """One structure's outcome by one way to adjust for ICV, n scans without missing numbers.

    Attributes
    ----------
    frame : DataFrame
        The scans.
    is_a : ndarray of bool of shape (n,)
    volume, outcome : ndarray of shape (n,)
        As measured, and adjusted.
    icv_mm3 : ndarray of shape (n,)
        NaN where it is not known, in a model without it.
    nuisance : ndarray of shape (n, k)
        Covariates, with ICV as the last where it is one.
    adjustment : IcvAdjustment
    """

    frame: pd.DataFrame
    is_a: np.ndarray
    volume: np.ndarray
    outcome: np.ndarray
    icv_mm3: np.ndarray
    nuisance: np.ndarray
    adjustment: IcvAdjustment

    @property
    def has_icv(self) -> bool:
        """Whether ICV is one of the covariates."""
        return self.adjustment.method == ANCOVA


def model_data(
    frame: pd.DataFrame,
    contrast: Contrast,
    covariates: tuple[Covariate, ...],
    structure: Structure,
    method: str,
) -> ModelData:
    """Take the scans with all that a model needs; the adjustment is fitted on the controls.

    Parameters
    ----------
    frame : DataFrame
        Scans of both groups with their covariates, one a subject.
    contrast : Contrast
    covariates : tuple of Covariate
    structure : Structure
    method : str
        One of ``ADJUSTMENTS``, or ``UNADJUSTED``.
    """
    needed = [structure.column] + ([INTRACRANIAL.column] if method != UNADJUSTED else [])
    frame = frame.dropna(subset=needed)
    is_a = contrast.is_a(frame).to_numpy(bool)
    volume, icv = (frame[c].to_numpy(float) for c in (structure.column, INTRACRANIAL.column))
    adjustment = fit_adjustment(method, volume, icv, ~is_a)
    nuisance = design_columns(frame, covariates).to_numpy()
    if method == ANCOVA:
        nuisance = np.column_stack([nuisance, icv])
    outcome = adjustment.apply(volume, icv)
    return ModelData(frame, is_a, volume, outcome, icv, nuisance, adjustment)
