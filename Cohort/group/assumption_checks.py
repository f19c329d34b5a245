"""Tests of a model's assumptions; a small p means that one may not hold."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.diagnostic import het_breuschpagan

from .linear_models import GROUP_COLUMN, ContrastFit
from .small_sample_errors import SmallSampleErrors

NAN = float("nan")


@dataclass(frozen=True)
class AssumptionChecks:
    """p of three tests; NaN where one does not apply.

    Attributes
    ----------
    normality_p : float
        Shapiro–Wilk on the residuals.
    homoscedasticity_p : float
        Breusch–Pagan (Koenker's studentised form) on all columns of the model.
    equal_slopes_p : float
        The product group × ICV added to the model (HC2): whether the volume grows alike with head
        size in both groups, without which "at equal ICV" depends on which ICV.
    """

    normality_p: float = NAN
    homoscedasticity_p: float = NAN
    equal_slopes_p: float = NAN


def check_assumptions(
    fit: ContrastFit, outcome: np.ndarray, icv_mm3: np.ndarray | None = None
) -> AssumptionChecks:
    """Run the tests on a fitted model.

    Parameters
    ----------
    fit : ContrastFit
    outcome : ndarray
        What the model explains.
    icv_mm3 : ndarray, optional
        Given if ICV is one of the model's covariates.
    """
    with warnings.catch_warnings():
        # Above 5000 scans, scipy's p of the Shapiro–Wilk test is not exact.
        warnings.simplefilter("ignore", UserWarning)
        normality_p = float(stats.shapiro(fit.residuals).pvalue)
    homoscedasticity_p = float(het_breuschpagan(fit.residuals, fit.design)[1])
    slopes_p = NAN if icv_mm3 is None else _equal_slopes_p(fit.design, outcome, icv_mm3)
    return AssumptionChecks(normality_p, homoscedasticity_p, slopes_p)


def icv_correlation_left(values: np.ndarray, icv_mm3: np.ndarray, is_a: np.ndarray) -> float:
    """Pearson's r of adjusted volumes with ICV in the groups: 0 if the adjustment is complete."""
    centred = [v - np.where(is_a, v[is_a].mean(), v[~is_a].mean()) for v in (values, icv_mm3)]
    if not all(np.ptp(v) > 0 for v in centred):
        return NAN
    return float(stats.pearsonr(*centred).statistic)


def _equal_slopes_p(design: np.ndarray, outcome: np.ndarray, icv_mm3: np.ndarray) -> float:
    standard_icv = (icv_mm3 - icv_mm3.mean()) / icv_mm3.std()
    product = design[:, GROUP_COLUMN] * standard_icv
    wider = np.column_stack([design, product])
    if len(outcome) - wider.shape[1] < 1 or np.linalg.matrix_rank(wider) < wider.shape[1]:
        return NAN
    fit = sm.OLS(outcome, wider).fit()
    slopes = SmallSampleErrors(wider, fit.params, fit.resid).estimate(np.eye(wider.shape[1])[-1])
    return NAN if slopes is None else slopes.p
