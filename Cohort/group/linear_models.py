"""The difference between two groups in one linear model, its uncertainty and its size.

The model is ordinary least squares (statsmodels): outcome ~ group + covariates (+ ICV). Standard
errors are HC3 (MacKinnon & White 1985): patients often vary more than controls and the groups
differ in size, which makes the classic errors wrong; HC3 holds either way, also in small samples
(Long & Ervin 2000), and choosing by a preceding test of homoscedasticity would not. The classic p
is kept beside it. Confidence limits and p use Student's t with the residual degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from scipy.special import gammaln, nctdtrinc

ALPHA = 0.05
FEWEST_IN_A_GROUP, FEWEST_DF = 3, 3
GROUP_COLUMN = 1


@dataclass(frozen=True)
class ContrastFit:
    """Group a minus group b, all else in the model held constant.

    Attributes
    ----------
    n_a, n_b : int
    estimate, standard_error, ci_low, ci_high : float
        In the outcome's unit; standard error HC3, limits 95 %.
    t, df, p : float
        HC3.
    p_classic : float
        With the classic standard error.
    reference_mean : float
        Model's mean of group b at the average covariates, in the outcome's unit.
    residual_sd : float
        Square root of the residual mean square, in the outcome's unit.
    hedges_g, g_low, g_high : float
        ``estimate / residual_sd`` with Hedges' correction; 95 % limits (`standardised`).
    partial_eta_squared : float
        From the classic t: t² / (t² + df).
    residuals, design : ndarray
        For the checks of assumptions; column 0 of the design is the constant, column 1 the group.
    """

    n_a: int
    n_b: int
    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    t: float
    df: float
    p: float
    p_classic: float
    reference_mean: float
    residual_sd: float
    hedges_g: float
    g_low: float
    g_high: float
    partial_eta_squared: float
    residuals: np.ndarray
    design: np.ndarray

    @property
    def percent(self) -> float:
        """The difference in percent of group b's mean."""
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
        Covariates; the reference mean is at their average.

    Returns
    -------
    ContrastFit or None
        None if a group has fewer than ``FEWEST_IN_A_GROUP`` members, the covariates leave too few
        degrees of freedom, group and covariates cannot be told apart, or the outcome is constant.
    """
    n_a, n_b = int(is_a.sum()), int((~is_a).sum())
    if min(n_a, n_b) < FEWEST_IN_A_GROUP:
        return None
    design = design_matrix(is_a, nuisance)
    rank = np.linalg.matrix_rank(design)
    if rank < design.shape[1] or len(outcome) - rank < FEWEST_DF:
        return None
    if np.ptp(outcome) <= 1e-12 * max(1.0, float(np.abs(outcome).max())):
        return None
    classic = sm.OLS(outcome, design).fit()
    robust = classic.get_robustcov_results("HC3", use_t=True)
    low, high = robust.conf_int(ALPHA)[GROUP_COLUMN]
    estimate, error = float(robust.params[GROUP_COLUMN]), float(robust.bse[GROUP_COLUMN])
    t, df = float(robust.tvalues[GROUP_COLUMN]), float(classic.df_resid)
    residual_sd = float(np.sqrt(classic.scale))
    g, g_low, g_high = standardised(estimate, error, residual_sd, df)
    classic_t = float(classic.tvalues[GROUP_COLUMN])
    return ContrastFit(
        n_a=n_a,
        n_b=n_b,
        estimate=estimate,
        standard_error=error,
        ci_low=float(low),
        ci_high=float(high),
        t=t,
        df=df,
        p=float(robust.pvalues[GROUP_COLUMN]),
        p_classic=float(classic.pvalues[GROUP_COLUMN]),
        reference_mean=float(classic.params[0]),
        residual_sd=residual_sd,
        hedges_g=g,
        g_low=g_low,
        g_high=g_high,
        partial_eta_squared=classic_t**2 / (classic_t**2 + df),
        residuals=np.asarray(classic.resid),
        design=design,
    )


def design_matrix(is_a: np.ndarray, nuisance: np.ndarray | None) -> np.ndarray:
    """Constant, group a, and the covariates centred and brought to unit spread."""
    columns = [np.ones(len(is_a)), is_a.astype(float)]
    if nuisance is not None and nuisance.size:
        centred = nuisance - nuisance.mean(axis=0)
        spread = centred.std(axis=0)
        # Only the numbers' condition changes: ICV in mm³ is a million times an indicator.
        columns += list((centred / np.where(spread > 0, spread, 1)).T)
    return np.column_stack(columns)


def standardised(
    estimate: float, standard_error: float, residual_sd: float, df: float
) -> tuple[float, float, float]:
    """Hedges' g of a model's coefficient, with 95 % limits.

    d is the coefficient over the residual standard deviation; without covariates that is Cohen's d
    with the pooled standard deviation. Its limits are those non-centralities of Student's t
    between which the observed t is not unusual (Steiger & Fouladi 1997), times
    ``standard_error / residual_sd``: they leave out 0 exactly if p < 0.05. All are multiplied by
    Hedges' (1981) correction of small samples.
    """
    if not (residual_sd > 0 and standard_error > 0):
        return (float("nan"),) * 3
    t, scale = estimate / standard_error, standard_error / residual_sd
    low, high = (float(nctdtrinc(df, p, t)) * scale for p in (1 - ALPHA / 2, ALPHA / 2))
    correction = hedges_correction(df)
    return correction * estimate / residual_sd, correction * low, correction * high


def hedges_correction(df: float) -> float:
    """Γ(df/2) / (√(df/2) Γ((df − 1)/2)), about 1 − 3 / (4 df − 1) (Hedges 1981)."""
    return float(np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2))
