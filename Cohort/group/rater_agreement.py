"""Agreement of raters who marked the same scans: share of equal marks, and Cohen's kappa."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from statsmodels.stats.inter_rater import cohens_kappa

NAN = float("nan")


@dataclass(frozen=True)
class RaterAgreement:
    """Two raters.

    Attributes
    ----------
    rater_a, rater_b : str
    scans : int
        That both marked.
    equal : int
        With the same mark.
    kappa, kappa_low, kappa_high : float
        Cohen's kappa, unweighted, with its 95 % limits (statsmodels); NaN where both give one mark
        alone, since chance agrees as well then.
    """

    rater_a: str
    rater_b: str
    scans: int
    equal: int
    kappa: float
    kappa_low: float
    kappa_high: float


def agreement_of_raters(marks: Mapping[str, Mapping[str, str]]) -> list[RaterAgreement]:
    """Compare each pair of raters with scans in common.

    Parameters
    ----------
    marks : mapping
        Rater to scan to mark.
    """
    found = []
    for a, b in combinations(sorted(marks), 2):
        common = sorted(set(marks[a]) & set(marks[b]))
        if not common:
            continue
        pairs = [(marks[a][scan], marks[b][scan]) for scan in common]
        equal = sum(first == second for first, second in pairs)
        found.append(RaterAgreement(a, b, len(common), equal, *_kappa(pairs)))
    return found


def _kappa(pairs: list[tuple[str, str]]) -> tuple[float, float, float]:
    levels = sorted({mark for pair in pairs for mark in pair})
    if len(levels) < 2:
        return NAN, NAN, NAN
    table = np.zeros((len(levels), len(levels)))
    for first, second in pairs:
        table[levels.index(first), levels.index(second)] += 1
    with np.errstate(divide="ignore", invalid="ignore"):  # With few scans an error may be 0.
        result = cohens_kappa(table)
    return float(result.kappa), float(result.kappa_low), float(result.kappa_upp)
