"""Robust regression: the difference with little influence of outliers.

Tukey's biweight (statsmodels RLM): a scan far from the others has no weight. With least squares,
one failed segmentation can hide a difference. It cannot tell whether such scans are errors or the
patients that matter, so it supplements the main result and does not replace it.
"""

from __future__ import annotations

import warnings

import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from .linear_models import ALPHA, FEWEST_DF, GROUP_COLUMN, design_matrix
from .model_data import ModelData
from .small_sample_errors import Estimate


def fit_robust(data: ModelData) -> Estimate | None:
    """Group a minus group b; Student's t with n − k degrees of freedom.

    Returns
    -------
    Estimate or None
        None if the model cannot be fitted.
    """
    design = design_matrix(data.is_a, data.nuisance)
    df = len(data.outcome) - design.shape[1]
    if df < FEWEST_DF or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    size = float(np.std(data.outcome)) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = sm.RLM(data.outcome / size, design, M=sm.robust.norms.TukeyBiweight()).fit()
    value, error = (float(v[GROUP_COLUMN]) * size for v in (fit.params, fit.bse))
    if not (np.isfinite(value) and error > 1e-9 * size):
        return None
    half = float(stats.t.ppf(1 - ALPHA / 2, df)) * error
    p = float(2 * stats.t.sf(abs(value) / error, df))
    return Estimate(value, error, float(df), p, value - half, value + half)
