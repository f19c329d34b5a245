"""Changes between visits: in mm³, in percent, in percent a year, and whether they are real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

DAYS_A_YEAR = 365.25
# Over a shorter time, a rate a year says more about the error than about the patient.
FEWEST_DAYS_FOR_A_RATE = 30
FEWEST_VISITS_FOR_A_TREND = 3
REAL, WITHIN, NOT_JUDGED = "real", "within repeatability", "not judged"


@dataclass(frozen=True)
class Change:
    """One structure at one visit, against the first visit.

    Attributes
    ----------
    structure : str
    change_mm3, percent : float
    percent_a_year : float or None
        None without dates, or if the visits are too close.
    smallest_percent : float or None
        Changes below are explained by repeatability; None if it is not known.
    verdict : {"real", "within repeatability", "not judged"}
    """

    structure: str
    change_mm3: float
    percent: float
    percent_a_year: float | None
    smallest_percent: float | None
    verdict: str


def change_between(
    structure: str,
    first_mm3: float,
    later_mm3: float,
    days: int | None,
    smallest_percent: float | None,
    is_trusted: bool,
) -> Change | None:
    """Compare two volumes; None if the structure is empty at the first visit.

    Parameters
    ----------
    days : int or None
        Between the visits.
    smallest_percent : float or None
    is_trusted : bool
        False: a severe flag says that the visits cannot be compared.

    Examples
    --------
    >>> found = change_between("hypothalamus_total", 800.0, 784.0, 731, 1.0, True)
    >>> round(found.percent, 2), round(found.percent_a_year, 2), found.verdict
    (-2.0, -1.0, 'real')
    """
    if not first_mm3 > 0:
        return None
    percent = 100 * (later_mm3 / first_mm3 - 1)
    rate = None
    if days is not None and abs(days) >= FEWEST_DAYS_FOR_A_RATE:
        rate = percent / (days / DAYS_A_YEAR)
    if smallest_percent is None or not is_trusted:
        verdict = NOT_JUDGED
    else:
        # Of the mean of both, so that the verdict is the same forward and backward in time.
        of_mean = 200 * abs(later_mm3 - first_mm3) / (later_mm3 + first_mm3)
        verdict = REAL if of_mean > smallest_percent else WITHIN
    return Change(structure, later_mm3 - first_mm3, percent, rate, smallest_percent, verdict)


def trend_percent_a_year(
    dates: Sequence[date | None], volumes_mm3: Sequence[float]
) -> float | None:
    """Slope of the logarithm of the volume over time, in percent a year; None if undetermined.

    Needs three visits with dates.
    """
    known = [(d, v) for d, v in zip(dates, volumes_mm3, strict=True) if d is not None and v > 0]
    days = np.array([day.toordinal() for day, _ in known], float)
    if len(known) < FEWEST_VISITS_FOR_A_TREND or np.ptp(days) < FEWEST_DAYS_FOR_A_RATE:
        return None
    slope = np.polyfit(days / DAYS_A_YEAR, np.log([v for _, v in known]), 1)[0]
    return float(100 * np.expm1(slope))
