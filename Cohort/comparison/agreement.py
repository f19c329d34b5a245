"""Agreement of two measurements of the same scans (Bland & Altman 1986, 1999)."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats

FEWEST_PAIRS = 3
FEWEST_FOR_BOOTSTRAP = 10
BOOTSTRAP_SAMPLES, BOOTSTRAP_SEED = 2000, 20250601
NORMAL_QUANTILE = 1.96
ALPHA = 0.05
NAN = float("nan")
# Relative to the measure: smaller differences are rounding errors.
ROUNDING = 1e-12


@dataclass(frozen=True)
class PairAgreement:
    """How far B differs from A.

    Attributes
    ----------
    n : int
    mean_a, mean_b : float
        In the measure's unit, as all below unless said otherwise.
    bias, bias_low, bias_high : float
        Mean of B − A with 95 % limits (t).
    sd_difference : float
    lower, lower_low, lower_high, upper, upper_low, upper_high : float
        Limits of agreement, bias ± 1.96 SD, each with its 95 % confidence limits.
    cv_percent : float
        Within-scan coefficient of variation, root of the mean of (B − A)² / 2 / mean².
    icc, icc_low, icc_high : float
        Intraclass correlation for absolute agreement of single measurements, ICC(A,1) of McGraw &
        Wong 1996; 95 % limits by bootstrap (BCa), NaN below ten pairs.
    equal_spread_p : float
        Whether A and B vary equally over the scans (Pitman 1939, Morgan 1939). It is also the p of
        the slope of B − A on the mean of both: that slope is not 0 where one run is only noisier,
        and tells nothing about whether the bias depends on the size.
    """

    n: int
    mean_a: float
    mean_b: float
    bias: float
    bias_low: float
    bias_high: float
    sd_difference: float
    lower: float
    lower_low: float
    lower_high: float
    upper: float
    upper_low: float
    upper_high: float
    cv_percent: float
    icc: float
    icc_low: float
    icc_high: float
    equal_spread_p: float

    @property
    def smallest_change_percent(self) -> float:
        """Difference between two scans of one person that repeatability cannot explain.

        1.96 · √2 · CV, in percent of their mean: if the pairs are repeat scans of unchanged people,
        95 of 100 differ by less.
        """
        return NORMAL_QUANTILE * math.sqrt(2) * self.cv_percent


def agreement_of_pairs(a: np.ndarray, b: np.ndarray) -> PairAgreement | None:
    """Compare pairs without missing numbers; None if there are fewer than three."""
    n = len(a)
    if n < FEWEST_PAIRS:
        return None
    difference, mean = b - a, (a + b) / 2
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    t = float(stats.t.ppf(1 - ALPHA / 2, n - 1))
    bias_error = sd / np.sqrt(n)
    # Bland & Altman 1999, section 2.1.
    limit_error = sd * np.sqrt(1 / n + NORMAL_QUANTILE**2 / (2 * (n - 1)))
    lower, upper = bias - NORMAL_QUANTILE * sd, bias + NORMAL_QUANTILE * sd
    positive = mean != 0
    cv = np.sqrt(np.mean(difference[positive] ** 2 / 2 / mean[positive] ** 2))
    icc_low, icc_high = _icc_limits(a, b)
    return PairAgreement(
        n=n,
        mean_a=float(a.mean()),
        mean_b=float(b.mean()),
        bias=bias,
        bias_low=bias - t * bias_error,
        bias_high=bias + t * bias_error,
        sd_difference=sd,
        lower=lower,
        lower_low=lower - t * limit_error,
        lower_high=lower + t * limit_error,
        upper=upper,
        upper_low=upper - t * limit_error,
        upper_high=upper + t * limit_error,
        cv_percent=100 * float(cv),
        icc=float(icc_absolute(a, b)),
        icc_low=icc_low,
        icc_high=icc_high,
        equal_spread_p=equal_spread_p(a, b),
    )


def are_equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two runs differ by no more than rounding errors."""
    return bool(np.abs(b - a).max() <= ROUNDING * np.abs(a + b).max())


def icc_absolute(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    """ICC(A,1) from the mean squares of a two-way analysis of variance without replication.

    With two columns the mean squares are variances: between scans half that of the sums, error
    half that of the differences, between runs half of n times the squared mean difference.
    """
    n = a.shape[axis]
    difference = b - a
    between = np.var(a + b, axis=axis, ddof=1) / 2
    error = np.var(difference, axis=axis, ddof=1) / 2
    runs = n * np.mean(difference, axis=axis) ** 2 / 2
    total = between + error + 2 * (runs - error) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (between - error) / total, NAN)


def _icc_limits(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    if len(a) < FEWEST_FOR_BOOTSTRAP or are_equal(a, b):
        return NAN, NAN
    with warnings.catch_warnings():
        # Data that hardly differ make the distribution degenerate; the limits are NaN then.
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (a, b),
            icc_absolute,
            paired=True,
            vectorized=True,
            n_resamples=BOOTSTRAP_SAMPLES,
            batch=200,
            rng=np.random.default_rng(BOOTSTRAP_SEED),
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def equal_spread_p(a: np.ndarray, b: np.ndarray) -> float:
    """P that paired measurements have equal variance: sum and difference are uncorrelated then."""
    total, difference = a + b, b - a
    if np.ptp(total) == 0 or are_equal(a, b):
        return NAN
    return float(stats.pearsonr(total, difference).pvalue)
