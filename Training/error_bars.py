"""The validation report's part on single scans: intervals, and the smallest real change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from HypothalamusSegLib.measures.intervals import COVERAGE, ICV

from .intervals import TOTAL, intervals_of

# Two measurements of one thing differ by less than this many standard deviations of one of them in
# 95 of 100 cases (Bland & Altman 1999: repeatability).
REAL_CHANGE_FACTOR = 1.96 * math.sqrt(2)
NAMES = {TOTAL: "hypothalamus", ICV: "ICV"}


def smallest_real_change(cv_percent: Iterable[float]) -> float:
    """Percent difference between two scans that repeatability cannot explain.

    1.96 · √2 · CV, with the root mean square of the heads' coefficients of variation.
    """
    squares = [cv**2 for cv in cv_percent]
    return REAL_CHANGE_FACTOR * math.sqrt(sum(squares) / len(squares))


def section(results: dict, cv_percent: Mapping[str, Iterable[float]]) -> str:
    """The report's section; ``cv_percent`` holds each head's CV under perturbation by structure."""
    structures = intervals_of(results)["structures"]
    lines = ["## Error bars of a single scan", ""]
    if structures:
        lines += [
            f"These intervals contain the label's volume in {100 * COVERAGE:.0f} % of unseen "
            "scans. They are computed by split conformal prediction on the logarithm of the volume "
            "(`Training/intervals.py`), from the cross-validation. There each fold works alone, "
            "so the intervals are wider than the mean of the folds would need. They hold for "
            "scans and labels like those of the data set. ICV intervals come from generated "
            "images if too few scans "
            "have a mask.",
            "",
            "| structure | interval % | scans | label inside, test images |",
            "| --- | --- | --- | --- |",
        ]
        lines += [_row(name, entry) for name, entry in structures.items()]
        lines += [""]
    if cv_percent:
        changes = "; ".join(
            f"{NAMES.get(name, name)} {smallest_real_change(values):.1f} %"
            for name, values in cv_percent.items()
        )
        lines += [
            "Smallest change between two scans of one person that can be called real, given the "
            f"repeatability (1.96 · √2 · CV): {changes}. The CV comes from the perturbations "
            "below, which are copies of one scan; two visits to a scanner differ by more. "
            "`hypothalamus-seg cohort compare` gives this figure for your own repeat scans.",
            "",
        ]
    return "\n".join(lines)


def _row(structure: str, entry: dict) -> str:
    reach = "too few scans"
    if entry["log_ratio"] is not None:
        low, high = (100 * math.expm1(sign * entry["log_ratio"]) for sign in (-1, 1))
        reach = f"{low:+.1f} … {high:+.1f}"
    covered = "–"
    if entry["test_covered"] is not None:
        covered = f"{entry['test_covered']} of {entry['test_n']}"
    return f"| {structure} | {reach} | {entry['n']} | {covered} |"
