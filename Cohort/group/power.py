"""The difference a cohort can detect, and how many scans per group other differences need.

Both follow from the fitted model: its error, the degrees of freedom of that error, and how much of
the variance of the difference comes from covariates in which the groups differ. The power of this
cohort for *its own* effect is not given: it restates the p (Hoenig & Heisey 2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from .linear_models import ALPHA, FEWEST_DF, FEWEST_IN_A_GROUP, ContrastFit

POWER = 0.8
MOST_SCANS = 1_000_000
# Of the distribution over which power is averaged, and where the search for it ends.
QUANTILES, MOST_ERRORS = 60, 500.0
NAN = float("nan")


@dataclass(frozen=True)
class PublishedEffect:
    """A group difference from the literature.

    Attributes
    ----------
    source : str
    percent : float
        Difference in percent of the controls' mean.
    standard_deviation_percent : float
        Pooled standard deviation in percent of the controls' mean; NaN if not published.
    """

    source: str
    percent: float
    standard_deviation_percent: float = NAN


# ../shared/docs/FACTS.md, "Volumes": total hypothalamic volume, ALS against controls. For 2025:
# controls 852 ± 77 mm³ (42), ALS 823 ± 84 mm³ (66), adjusted for ICV.
POOLED_2025_MM3 = math.sqrt((41 * 77**2 + 65 * 84**2) / (41 + 65))
PUBLISHED = (
    PublishedEffect("ALS, manual outlines, 2017", -21.8),
    PublishedEffect(
        "ALS, CNN, 2025 (852 ± 77 and 823 ± 84 mm³)",
        100 * (823 - 852) / 852,
        100 * POOLED_2025_MM3 / 852,
    ),
)


@dataclass(frozen=True)
class PowerRow:
    """One line of the table of sample sizes.

    Attributes
    ----------
    source : str
        Whose difference it is.
    percent : float
        Of the controls' mean.
    spread : str
        Whose standard deviation.
    spread_percent : float
        That standard deviation, in percent of the controls' mean.
    d : float
        Difference / standard deviation.
    n_per_group : float
        For 80 %; NaN if the difference is 0 or needs more than a million.
    power_here : float
        Power of the present numbers for this difference; NaN for the observed difference.
    """

    source: str
    percent: float
    spread: str
    spread_percent: float
    d: float
    n_per_group: float
    power_here: float


@dataclass(frozen=True)
class TwoGroupDesign:
    """What a study of two equal groups would be like, from a fitted model.

    Attributes
    ----------
    sd_a, sd_b : float
        Residual standard deviations of the groups, in the outcome's unit.
    variance_inflation : float
        By covariates in which the groups differ.
    other_columns : int
        Columns of the model besides the constant and the group.
    """

    sd_a: float
    sd_b: float
    variance_inflation: float = 1.0
    other_columns: int = 0

    @property
    def fewest_per_group(self) -> int:
        """With fewer the model cannot be fitted."""
        columns = 2 + self.other_columns
        return max(FEWEST_IN_A_GROUP, math.ceil((columns + FEWEST_DF) / 2))

    def power(self, difference: float, n: int) -> float:
        """Power of a two-sided test with n scans in each group."""
        error = math.sqrt(self.variance_inflation * (self.sd_a**2 + self.sd_b**2) / n)
        # Welch's degrees of freedom of equal groups, less those of the covariates.
        squares = (self.sd_a**2 + self.sd_b**2) ** 2 / (self.sd_a**4 + self.sd_b**4)
        return power_of(difference / error, squares * (n - 1) - self.other_columns)

    def n_per_group(self, difference: float) -> float:
        """The smallest n for 80 % power; NaN for no difference, or beyond a million."""
        if not abs(difference) > 0:
            return NAN
        # By the normal distribution, which asks for a few less; the search begins there.
        quantiles = special.ndtri(1 - ALPHA / 2) + special.ndtri(POWER)
        variance = self.variance_inflation * (self.sd_a**2 + self.sd_b**2)
        expected = min(variance * (quantiles / difference) ** 2, MOST_SCANS)
        low, step = self.fewest_per_group, 4
        high = min(max(low, int(expected)), MOST_SCANS)
        while not self.power(difference, high) >= POWER:  # NaN with no degrees of freedom
            if high == MOST_SCANS:
                return NAN
            low, high, step = high + 1, min(high + step, MOST_SCANS), 4 * step
        while low < high:
            middle = (low + high) // 2
            if self.power(difference, middle) >= POWER:
                high = middle
            else:
                low = middle + 1
        return float(low)


def design_of(fit: ContrastFit) -> TwoGroupDesign:
    """Spread, inflation and columns of a fitted model.

    A group's spread is the root of the mean of its squared residuals over 1 − leverage.
    """
    basis, _ = np.linalg.qr(fit.design)
    rest = np.maximum(1 - np.sum(basis**2, axis=1), 1e-9)
    squares = fit.residuals**2 / rest
    is_a = fit.design[:, 1] > 0
    sd_a, sd_b = (math.sqrt(float(squares[chosen].mean())) for chosen in (is_a, ~is_a))
    return TwoGroupDesign(sd_a, sd_b, fit.variance_inflation, fit.design.shape[1] - 2)


def power_of(noncentrality: np.ndarray | float, df: float) -> np.ndarray | float:
    """Power of a two-sided t test whose difference is that many standard errors."""
    size, limit = np.abs(noncentrality), special.stdtrit(df, 1 - ALPHA / 2)
    power = 1 - special.nctdtr(df, size, limit) + special.nctdtr(df, size, -limit)
    # scipy's non-central t fails far from 0, where the normal distribution is just as good.
    power = np.where(np.isfinite(power), power, special.ndtr(size - limit))
    return power if power.ndim else float(power)


def detectable_difference(fit: ContrastFit) -> float:
    """The smallest difference that this cohort's design detects with 80 % power.

    A multiple of the model's standard error, near t(0.975) + t(0.80). The error is an estimate
    itself, on few degrees of freedom in small groups: the power is 80 % on average over what the
    estimate may be, which requires a larger multiple there.
    """
    return detectable_multiple(round(fit.df, 1)) * fit.standard_error


@lru_cache(maxsize=256)
def detectable_multiple(df: float) -> float:
    """By how many estimated standard errors groups must differ for 80 % power."""
    quantiles = (np.arange(QUANTILES) + 0.5) / QUANTILES
    relative = np.sqrt(stats.chi2.ppf(quantiles, df) / df)

    def missing(multiple: float) -> float:
        return float(np.mean(power_of(multiple * relative, df))) - POWER

    return float(optimize.brentq(missing, 1.0, MOST_ERRORS, xtol=1e-4))


def power_table(fit: ContrastFit) -> list[PowerRow]:
    """Sample sizes for the observed difference, its confidence limits, and the published ones."""
    mean = abs(fit.reference_mean)
    design = design_of(fit)
    spread = 100 * fit.residual_sd / mean
    own = "this cohort, adjusted"
    rows = []
    for name, value in (
        ("Observed here", fit.estimate),
        ("Lower 95 % limit of the observed", fit.ci_low),
        ("Upper 95 % limit of the observed", fit.ci_high),
    ):
        d = value / fit.residual_sd
        n = design.n_per_group(value)
        rows.append(PowerRow(name, 100 * value / mean, own, spread, d, n, NAN))
    for effect in PUBLISHED:
        spreads = [(own, spread)]
        if math.isfinite(effect.standard_deviation_percent):
            spreads.insert(0, ("as published", effect.standard_deviation_percent))
        for whose, percent in spreads:
            # A different spread changes all errors in its ratio.
            ratio = percent / spread
            difference = effect.percent * mean / 100
            n = design.n_per_group(difference / ratio)
            here = power_of(difference / ratio / fit.standard_error, fit.df)
            d = effect.percent / percent
            rows.append(PowerRow(effect.source, effect.percent, whose, percent, d, n, here))
    return rows
