"""How much of a true difference the engine measures, from Docs/VALIDATION.md.

The figures are in validation_figures.json, which `Training.evaluate` writes together with that
page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..number_format import number
from .html_parts import resource


@dataclass(frozen=True)
class MeasuredShare:
    """What was measured.

    Attributes
    ----------
    planted_low, planted_high : float
        Share of changes planted in scans that is read, by kind of change.
    slope, sd_ratio : float
        Measured volumes on those of the labels, one scan per person, in the cross-validation.
    people : int
    repeat_cv_percent : float
        Coefficient of variation over perturbed copies of one scan; two visits differ by more.
    """

    planted_low: float
    planted_high: float
    slope: float
    sd_ratio: float
    people: int
    repeat_cv_percent: float


MEASURED = MeasuredShare(**json.loads(resource("validation_figures.json")))


def share_in_words(measured: MeasuredShare = MEASURED) -> str:
    """What a reader of an effect must know about the measurement."""
    return (
        "How much of a true difference is measured: of changes planted in scans, a share of "
        f"{number(measured.planted_low, 2)} to {number(measured.planted_high, 2)}. Between people, "
        f"measured volumes increase by {number(measured.slope, 2)} mm³ for each mm³ of the "
        "reference "
        f"labels ({measured.people} scans; labels of a network, not of a rater) and vary "
        f"{number(measured.sd_ratio, 2)} times as much, so a true difference between groups may be "
        "larger than the measured one (Docs/VALIDATION.md)."
    )
