"""Cohorts with one session a subject: adjustments for head size, and the models of a difference."""

from __future__ import annotations

import numpy as np

from Cohort.group.icv_adjustment import (
    ANCOVA,
    POWER_PROPORTION,
    PROPORTION,
    RESIDUALS,
    UNADJUSTED,
    fit_adjustment,
)
from Cohort.group.linear_models import ALPHA, fit_contrast

from .other_models import SCENARIOS as SCENARIOS

ADJUSTMENTS_NAME, ADJUSTMENTS_COHORTS = "adjustments for ICV", 2000
SEED = 20250601
MEAN_MM3, MEAN_ICV_MM3, ICV_SD_MM3 = 850.0, 1.45e6, 1.3e5
# About the 0.6th power of ICV, as in adults; 1 is in proportion.
SLOPE_OF_POWER_0_6 = 3.6e-4
SLOPE_IN_PROPORTION = MEAN_MM3 / MEAN_ICV_MM3
CLASSIC = "classic"
ADJUSTED_FIRST = (RESIDUALS, POWER_PROPORTION, PROPORTION, UNADJUSTED)
SHOWN = {
    ANCOVA: "covariate",
    RESIDUALS: "residuals",
    POWER_PROPORTION: "power-corrected",
    PROPORTION: "proportion",
    UNADJUSTED: "not adjusted",
    CLASSIC: "covariate, classic error",
}
LINES = {
    "no effect, equal ICV (nominal 5 %)": {},
    "no effect, patients' ICV 100 mL larger": {"icv_shift_mm3": 1e5},
    "the same, volume in proportion to ICV": {"icv_shift_mm3": 1e5, "slope": SLOPE_IN_PROPORTION},
    "effect of −40 mm³, equal ICV": {"effect_mm3": -40.0},
    "no effect, 10 and 8 scans": {"n_a": 10, "n_b": 8},
    "no effect, 15 and 60 scans, SD 120 and 40 mm³": {
        "n_a": 15,
        "n_b": 60,
        "sd_a": 120.0,
        "sd_b": 40.0,
    },
}


def rejections(
    cohorts: int,
    effect_mm3: float = 0.0,
    sd_a: float = 60.0,
    sd_b: float = 60.0,
    n_a: int = 40,
    n_b: int = 30,
    icv_shift_mm3: float = 0.0,
    slope: float = SLOPE_OF_POWER_0_6,
    methods: tuple[str, ...] = ADJUSTED_FIRST,
) -> dict[str, int]:
    """How often p < 0.05, by adjustment, in cohorts whose volumes depend on ICV and age as well.

    Standard deviations are those of the volume beside ICV and age, in mm³; ``slope`` is in mm³ per
    mm³ of ICV. The covariate is always counted, and with the classic standard error as ``classic``;
    of those that adjust first, ``methods``.
    """
    generator = np.random.default_rng(SEED)
    is_a = np.arange(n_a + n_b) < n_a
    spread = np.where(is_a, sd_a, sd_b)
    counts = dict.fromkeys(SHOWN, 0)
    for _ in range(cohorts):
        icv = generator.normal(MEAN_ICV_MM3 + is_a * icv_shift_mm3, ICV_SD_MM3)
        age = generator.normal(58, 11, n_a + n_b)
        volume = MEAN_MM3 + slope * (icv - MEAN_ICV_MM3) - 1.5 * (age - 58) + is_a * effect_mm3
        volume = volume + generator.normal(0, 1, n_a + n_b) * spread
        fit = fit_contrast(volume, is_a, np.column_stack([age, icv]))
        counts[ANCOVA] += fit.p < ALPHA
        counts[CLASSIC] += fit.p_classic < ALPHA
        for method in methods:
            adjusted = fit_adjustment(method, volume, icv, ~is_a).apply(volume, icv)
            counts[method] += fit_contrast(adjusted, is_a, age[:, None]).p < ALPHA
    return counts


def print_adjustments(cohorts: int) -> None:
    """Print how often p < 0.05, by adjustment and simulated cohort."""
    print(f"| | {' | '.join(SHOWN.values())} |")
    print("|---" * (1 + len(SHOWN)) + "|")
    for title, options in LINES.items():
        counts = rejections(cohorts, **options)
        cells = [f"{100 * counts[name] / cohorts:.1f} %" for name in SHOWN]
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
