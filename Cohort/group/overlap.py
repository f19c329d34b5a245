"""Whether the groups overlap in the covariates: without overlap "at equal age" is a guess."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..number_format import number
from .contrast import Contrast
from .covariates import CATEGORY, Covariate, as_numbers
from .findings import WARNING, Finding, Topic

# Share of a group that lies in the range of both, and difference of means in standard deviations.
LEAST_SHARE, LARGEST_DISTANCE = 0.75, 1.0


def find_missing_overlap(
    frame: pd.DataFrame, contrast: Contrast, covariates: tuple[Covariate, ...]
) -> list[Finding]:
    """Warnings for covariates in which the groups hardly overlap.

    Parameters
    ----------
    frame : DataFrame
        The scans of the models.
    contrast : Contrast
    covariates : tuple of Covariate
    """
    findings = []
    is_a = contrast.is_a(frame).to_numpy(bool)
    for covariate in covariates:
        values = frame[covariate.column]
        if covariate.kind == CATEGORY:
            findings += _levels_of_one_group(values, is_a, covariate.column)
        else:
            findings += _apart(as_numbers(values).to_numpy(), is_a, covariate.column, contrast)
    return findings


def _apart(values: np.ndarray, is_a: np.ndarray, name: str, contrast: Contrast) -> list[Finding]:
    a, b = values[is_a], values[~is_a]
    low, high = max(a.min(), b.min()), min(a.max(), b.max())
    shares = [float(np.mean((v >= low) & (v <= high))) for v in (a, b)]
    pooled = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    distance = abs(a.mean() - b.mean()) / pooled if pooled > 0 else np.inf
    if min(shares) >= LEAST_SHARE and distance < LARGEST_DISTANCE:
        return []
    levels = (contrast.level_a, contrast.level_b)
    told = [
        f"{level} {number(v.mean(), 1)} ± {number(v.std(ddof=1), 1)}, {share:.0%} in the range of "
        "both"
        for level, v, share in zip(levels, (a, b), shares, strict=True)
    ]
    text = (
        f"The groups hardly overlap in {name} ({'; '.join(told)}). That the difference is at equal "
        f"{name} depends more on the model than on the scans; compare groups of similar {name} if "
        "you can"
    )
    return [Finding(WARNING, Topic.COVARIATES, text)]


def _levels_of_one_group(values: pd.Series, is_a: np.ndarray, name: str) -> list[Finding]:
    in_a, in_b = (set(values[chosen].dropna()) for chosen in (is_a, ~is_a))
    lonely = sorted(map(str, in_a ^ in_b))
    if not lonely:
        return []
    text = f"Levels of {name} that only one group has say nothing about the difference"
    return [Finding(WARNING, Topic.COVARIATES, text, tuple(lonely))]
