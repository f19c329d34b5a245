"""What can be said if no difference was shown: equivalence, and evidence for no difference.

Two one-sided tests (Schuirmann 1987) show that a difference is smaller than a margin, which must be
chosen before the data are seen. The Bayes factor (JZS; Rouder et al. 2009) weighs no difference
against one whose standardized size has a Cauchy distribution of scale √2 / 2.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import integrate, stats

from .small_sample_errors import ALPHA, Estimate

CAUCHY_SCALE = math.sqrt(2) / 2


def equivalence_p(difference: Estimate, margin: float) -> float:
    """P of two one-sided tests that the difference lies within ± margin, in the outcome's unit."""
    if not margin > 0:
        raise ValueError(f"A margin must be larger than 0, not {margin}.")
    value, error, df = difference.value, difference.standard_error, difference.df
    above = stats.t.sf((value + margin) / error, df)
    below = stats.t.cdf((value - margin) / error, df)
    return float(max(above, below))


def smallest_equivalence_margin(difference: Estimate) -> float:
    """The smallest margin for which two one-sided tests have p < 0.05: larger ones are excluded.

    The farther limit of the 90 % confidence interval.
    """
    half = float(stats.t.ppf(1 - ALPHA, difference.df)) * difference.standard_error
    return abs(difference.value) + half


def bayes_factor(t: float, df: float, effective_n: float, scale: float = CAUCHY_SCALE) -> float:
    """How many times more likely the data are with a difference than without (JZS, BF₁₀).

    Parameters
    ----------
    t : float
        With the classic standard error, which the model of equal spread has.
    df : float
        Residual degrees of freedom.
    effective_n : float
        (residual SD / standard error)²; for two groups without covariates n_a n_b / (n_a + n_b).
    scale : float
        Of the Cauchy distribution of the standardized difference.

    Returns
    -------
    float
        Beyond 1: for a difference; below: for none. NaN if the integral does not converge.
    """

    def log_density(g: float) -> float:
        spread = 1 + effective_n * g * scale**2
        likelihood = -0.5 * math.log(spread) - (df + 1) / 2 * math.log1p(t**2 / (spread * df))
        prior = -0.5 * math.log(2 * math.pi) - 1.5 * math.log(g) - 1 / (2 * g)
        return likelihood + prior + (df + 1) / 2 * math.log1p(t**2 / df)

    # Over log g, where the integrand is smooth and both tails vanish.
    value, error = integrate.quad(
        lambda x: math.exp(min(log_density(math.exp(x)) + x, 700.0)), -12, 30, limit=400
    )
    return value if np.isfinite(value) and error < 0.01 * max(value, 1e-12) else float("nan")
