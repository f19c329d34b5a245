"""How many scans a group are needed, for the effect seen here and for those in the literature.

Two-sided t test of two equal groups at α = 0.05 (statsmodels TTestIndPower). The power of this
cohort for *its own* effect is not given: it restates the p (Hoenig & Heisey 2001).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

from statsmodels.stats.power import NormalIndPower, TTestIndPower

from .linear_models import ALPHA, ContrastFit

POWER = 0.8
MOST_SCANS = 1_000_000
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


def n_per_group(d: float) -> float:
    """Scans in each of two equal groups for 80 % power, rounded up; NaN beyond a million."""
    d = abs(d)
    if not d > 0:
        return NAN
    if power_of(d, MOST_SCANS, MOST_SCANS) < POWER:
        return NAN
    if power_of(d, 2, 2) > POWER:
        return 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        n = TTestIndPower().solve_power(d, alpha=ALPHA, power=POWER)
    # Rounding errors of the solver must not add a whole scan.
    return float(math.ceil(round(float(n), 6)))


def power_of(d: float, n_a: int, n_b: int) -> float:
    """Power of a two-sided t test."""
    power = float(TTestIndPower().power(abs(d), n_a, ALPHA, ratio=n_b / n_a))
    if math.isnan(power):
        # scipy's non-central t gives up far from 0, where the normal one is as good.
        power = float(NormalIndPower().power(abs(d), n_a, ALPHA, ratio=n_b / n_a))
    return power


def detectable_d(n_a: int, n_b: int) -> float:
    """The smallest effect size that these numbers find with 80 % power."""
    solved = TTestIndPower().solve_power(None, n_a, ALPHA, POWER, ratio=n_b / n_a)
    return float(abs(solved))


def power_table(fit: ContrastFit) -> list[PowerRow]:
    """Sample sizes for the observed difference, its confidence limits, and the published ones."""
    spread = 100 * fit.residual_sd / abs(fit.reference_mean)
    own = "this cohort, adjusted"
    rows = []
    for name, value in (
        ("Observed here", fit.estimate),
        ("Lower 95 % limit of the observed", fit.ci_low),
        ("Upper 95 % limit of the observed", fit.ci_high),
    ):
        d = value / fit.residual_sd
        percent = 100 * value / fit.reference_mean
        rows.append(PowerRow(name, percent, own, spread, d, n_per_group(d), NAN))
    for effect in PUBLISHED:
        spreads = [(own, spread)]
        if math.isfinite(effect.standard_deviation_percent):
            spreads.insert(0, ("as published", effect.standard_deviation_percent))
        for whose, percent in spreads:
            d = effect.percent / percent
            here = power_of(d, fit.n_a, fit.n_b)
            rows.append(
                PowerRow(effect.source, effect.percent, whose, percent, d, n_per_group(d), here)
            )
    return rows
