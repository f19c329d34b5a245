"""The difference between two groups in one linear model, its uncertainty and its size.

The model is ordinary least squares (statsmodels): outcome ~ group + covariates (+ ICV). Patients
often vary more than controls and the groups differ in size, which makes the classic errors wrong.
Errors, limits and p are therefore always those of `Cohort.group.small_sample_errors` (HC2 with
Bell–McCaffrey degrees of freedom); choosing by a preceding test of equal spread would not hold its
level (Long & Ervin 2000). The classic p is kept beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from scipy.special import gammaln, nctdtrinc, stdtr

from .small_sample_errors import ALPHA, Estimate, SmallSampleErrors

FEWEST_IN_A_GROUP, FEWEST_DF = 3, 3
GROUP_COLUMN = 1
NAN = float("nan")


@dataclass(frozen=True)
class ContrastFit:
    """Group a minus group b, all else in the model held constant.

    Attributes
    ----------
    n_a, n_b : int
    difference : Estimate
        In the outcome's unit.
    mean_a, mean_b : Estimate
        The groups' means at average covariates.
    p_classic : float
        With the classic standard error.
    df_residual : float
        n − k.
    residual_sd : float
        Square root of the residual mean square, in the outcome's unit.
    hedges_g, g_low, g_high : float
        Difference / ``residual_sd`` with Hedges' correction; 95 % limits (`hedges_g_with_limits`).
    g_raw : float
        Difference / the standard deviation within groups before covariates, with Hedges'
        correction: as reported by studies without covariates.
    partial_eta_squared : float
        From the classic t: t² / (t² + df).
    variance_inflation : float
        How many times the variance of the difference is that without covariates: 1 if the groups
        are alike in them.
    residuals, design : ndarray
        Column 0 of the design is the constant, column 1 the group.
    """

    n_a: int
    n_b: int
    difference: Estimate
    mean_a: Estimate
    mean_b: Estimate
    p_classic: float
    df_residual: float
    residual_sd: float
    hedges_g: float
    g_low: float
    g_high: float
    g_raw: float
    partial_eta_squared: float
    variance_inflation: float
    residuals: np.ndarray
    design: np.ndarray

    @property
    def estimate(self) -> float:
        return self.difference.value

    @property
    def standard_error(self) -> float:
        return self.difference.standard_error

    @property
    def ci_low(self) -> float:
        return self.difference.ci_low

    @property
    def ci_high(self) -> float:
        return self.difference.ci_high

    @property
    def t(self) -> float:
        return self.difference.t

    @property
    def df(self) -> float:
        """Bell–McCaffrey degrees of freedom of the difference."""
        return self.difference.df

    @property
    def p(self) -> float:
        return self.difference.p

    @property
    def reference_mean(self) -> float:
        """Model's mean of group b at the average covariates."""
        return self.mean_b.value

    @property
    def percent(self) -> float:
        """The difference in percent of group b's mean; NaN where that mean is about 0."""
        if abs(self.reference_mean) < 1e-6 * self.residual_sd:
            return NAN
        return 100 * self.estimate / self.reference_mean


def fit_contrast(
    outcome: np.ndarray, is_a: np.ndarray, nuisance: np.ndarray | None = None
) -> ContrastFit | None:
    """Fit the model.

    Parameters
    ----------
    outcome : ndarray of shape (n,)
        Without missing numbers.
    is_a : ndarray of bool of shape (n,)
    nuisance : ndarray of shape (n, k), optional
        Covariates; the groups' means are at their average.

    Returns
    -------
    ContrastFit or None
        None if a group has fewer than ``FEWEST_IN_A_GROUP`` members, the covariates leave too few
        degrees of freedom, group and covariates cannot be told apart, or the outcome is constant
        or fitted without an error, from which no uncertainty follows.
    """
    n_a, n_b = int(is_a.sum()), int((~is_a).sum())
    if min(n_a, n_b) < FEWEST_IN_A_GROUP or not np.isfinite(outcome).all():
        return None
    design = design_matrix(is_a, nuisance)
    rank = np.linalg.matrix_rank(design)
    if rank < design.shape[1] or len(outcome) - rank < FEWEST_DF:
        return None
    size = max(1.0, float(np.abs(outcome).max()))
    if np.ptp(outcome) <= 1e-12 * size:
        return None
    classic = sm.OLS(outcome, design).fit()
    residual_sd = float(np.sqrt(classic.scale))
    if residual_sd <= 1e-9 * float(np.ptp(outcome)):
        return None
    errors = SmallSampleErrors(design, classic.params, classic.resid)
    in_a, in_b, group = np.zeros((3, design.shape[1]))
    in_a[[0, GROUP_COLUMN]] = in_b[0] = group[GROUP_COLUMN] = 1
    difference = errors.estimate(group)
    if difference is None:
        return None
    # A scan that is fitted exactly leaves the difference as it is, but moves the average.
    mean_a, mean_b = (
        errors.estimate(c) or _without_error(c @ classic.params) for c in (in_a, in_b)
    )
    df = float(classic.df_resid)
    g, g_low, g_high = hedges_g_with_limits(difference, residual_sd, df)
    classic_t = float(classic.tvalues[GROUP_COLUMN])
    raw_df = len(outcome) - 2
    squares = sum(np.sum((v - v.mean()) ** 2) for v in (outcome[is_a], outcome[~is_a]))
    unscaled = classic.normalized_cov_params[GROUP_COLUMN, GROUP_COLUMN]
    return ContrastFit(
        n_a=n_a,
        n_b=n_b,
        difference=difference,
        mean_a=mean_a,
        mean_b=mean_b,
        p_classic=float(2 * stdtr(df, -abs(classic_t))),
        df_residual=df,
        residual_sd=residual_sd,
        hedges_g=g,
        g_low=g_low,
        g_high=g_high,
        g_raw=float(hedges_correction(raw_df) * difference.value / np.sqrt(squares / raw_df)),
        partial_eta_squared=classic_t**2 / (classic_t**2 + df),
        variance_inflation=float(unscaled / (1 / n_a + 1 / n_b)),
        residuals=np.asarray(classic.resid),
        design=design,
    )


def design_matrix(is_a: np.ndarray, nuisance: np.ndarray | None) -> np.ndarray:
    """Constant, group a, and the covariates centered and scaled to unit spread."""
    columns = [np.ones(len(is_a)), is_a.astype(float)]
    if nuisance is not None and nuisance.size:
        centred = nuisance - nuisance.mean(axis=0)
        spread = centred.std(axis=0)
        # This only improves the condition number: ICV in mm³ is a million times an indicator.
        columns += list((centred / np.where(spread > 0, spread, 1)).T)
    return np.column_stack(columns)


def hedges_g_with_limits(
    difference: Estimate, residual_sd: float, df_residual: float
) -> tuple[float, float, float]:
    """Hedges' g of a model's coefficient, with 95 % limits.

    d is the coefficient over the residual standard deviation; without covariates that is Cohen's d
    with the pooled standard deviation. Its limits are those non-centralities of Student's t
    between which the observed t is not unusual (Steiger & Fouladi 1997), times
    ``standard_error / residual_sd``: they leave out 0 exactly if p < 0.05. All are multiplied by
    Hedges' (1981) correction of small samples.
    """
    if not residual_sd > 0:
        return NAN, NAN, NAN
    scale = difference.standard_error / residual_sd
    low, high = (
        float(nctdtrinc(difference.df, p, difference.t)) * scale for p in (1 - ALPHA / 2, ALPHA / 2)
    )
    correction = hedges_correction(df_residual)
    return correction * difference.value / residual_sd, correction * low, correction * high


def _without_error(value: float) -> Estimate:
    return Estimate(float(value), NAN, NAN, NAN, NAN, NAN)


def hedges_correction(df: float) -> float:
    """Γ(df/2) / (√(df/2) Γ((df − 1)/2)), about 1 − 3 / (4 df − 1) (Hedges 1981)."""
    return float(np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2))
