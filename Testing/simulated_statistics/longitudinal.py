"""Cohorts with several sessions a subject: annualised change and the mixed model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from Cohort.group.contrast import Contrast
from Cohort.group.linear_models import ALPHA
from Cohort.group.longitudinal import analyse_change
from Cohort.group.mixed_model import Effect
from Cohort.structures import TOTAL

from .former_mixed_model import former_p
from .processes import of_each_cohort
from .scenario import NOMINAL_PERCENT, NOT_MEASURED, Rate, Scenario

SEED = 20250602
CONTRAST = Contrast("group", "als", "control")
MEAN_MM3, SUBJECT_SD_MM3, SCAN_SD_MM3 = 850.0, 60.0, 8.0
# Of everyone alike: the groups' changes do not differ unless a scenario says so.
CHANGE_MM3_PER_YEAR, CHANGE_SD_MM3_PER_YEAR = -5.0, 10.0
ICV_MM3, ICV_SD_MM3 = 1.45e6, 1.3e5
NEVER_PERCENT = (0.0, 0.0)

Times = Callable[[np.random.Generator, int], np.ndarray]


def cohort(
    generator: np.random.Generator,
    is_patient: np.ndarray,
    times: Times,
    effect_mm3_per_year: float = 0.0,
    lognormal: bool = False,
    dropout: bool = False,
) -> pd.DataFrame:
    """One row a subject and session, as `Cohort.group.longitudinal.analyse_change` takes them.

    Parameters
    ----------
    generator : numpy.random.Generator
    is_patient : ndarray of bool
        One a subject.
    times : callable
        From a generator and a subject's number to the years of the sessions.
    effect_mm3_per_year : float
        Patients' change minus controls'.
    lognormal : bool
        Whether changes and errors are skewed: a few subjects and scans lie far off.
    dropout : bool
        Whether patients with a small volume do not come back.
    """
    rows = []
    for subject, patient in enumerate(is_patient):
        start = generator.normal(MEAN_MM3, SUBJECT_SD_MM3)
        change = CHANGE_MM3_PER_YEAR + CHANGE_SD_MM3_PER_YEAR * _deviation(generator, lognormal)
        change += effect_mm3_per_year * patient
        icv_mm3 = generator.normal(ICV_MM3, ICV_SD_MM3)
        for years in times(generator, subject):
            volume = start + change * years + SCAN_SD_MM3 * _deviation(generator, lognormal)
            name = f"sub-{subject:03d}"
            group = CONTRAST.level_a if patient else CONTRAST.level_b
            rows.append((name, f"{name}_{years:.3f}", group, years, volume, icv_mm3))
            if dropout and patient and volume < MEAN_MM3 - 20.0:
                break
    columns = ["participant_id", "scan", "group", "years", TOTAL.column, "icv_mm3"]
    return pd.DataFrame(rows, columns=columns)


def _deviation(generator: np.random.Generator, lognormal: bool) -> float:
    """Mean 0, standard deviation 1."""
    if not lognormal:
        return generator.normal()
    return (generator.lognormal(0.0, 1.0) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)


def groups(patients: int, controls: int) -> np.ndarray:
    return np.arange(patients + controls) < patients


def at_differing_intervals(generator: np.random.Generator, subject: int) -> np.ndarray:
    """Two sessions, half a year to four years apart."""
    return np.array([0.0, generator.uniform(0.5, 4.0)])


def yearly(sessions: int) -> Times:
    return at_years(tuple(range(sessions)))


def at_years(years: tuple[float, ...]) -> Times:
    return partial(_at_years, years)


def _at_years(years: tuple[float, ...], generator: np.random.Generator, subject: int) -> np.ndarray:
    return np.array(years, dtype=float)


def one_control_followed(patients: int) -> Times:
    """Two sessions of each patient and of the first control, one of the other controls."""
    return partial(_first_ones_followed, patients + 1)


def _first_ones_followed(followed: int, generator: np.random.Generator, subject: int) -> np.ndarray:
    return at_differing_intervals(generator, subject) if subject < followed else np.zeros(1)


def some_with_one_session(generator: np.random.Generator, subject: int) -> np.ndarray:
    """Every third subject has one session, every third two, every third four."""
    return np.sort(np.r_[0.0, generator.uniform(0.5, 4.0, (0, 1, 3)[subject % 3])])


@dataclass(frozen=True)
class TestsOfChange:
    """p of the groups' difference of change in one cohort; None where there is no such model."""

    mixed: float | None
    annual: float | None
    former_mixed: float | None


def tests_of_change(
    is_patient: np.ndarray, times: Times, options: dict, generator: np.random.Generator
) -> TestsOfChange:
    """Simulate one cohort, and compare its groups' change in each way."""
    scans = cohort(generator, is_patient, times, **options)
    found = analyse_change(scans, CONTRAST, ())
    term = next((term for term in found.mixed if term.effect is Effect.DIFFERENCE), None)
    annual = found.comparisons[0][1]
    return TestsOfChange(term and term.p, annual and annual.p, former_p(scans, CONTRAST, term))


def false_positives(
    cohorts: int,
    is_patient: np.ndarray,
    times: Times,
    cohort_in_words: str,
    is_fitted: bool = True,
    processes: int = 1,
    **options,
) -> Iterable[Rate]:
    """How often p < 0.05 where the groups change alike; by mixed model and annualised change.

    Before: the mixed model of version 0.1.0. Annualised change had HC3 errors then, which tables
    of cohorts with one session hold against the present ones.
    """
    task = partial(tests_of_change, is_patient, times, options)
    found = of_each_cohort(task, SEED, cohorts, processes)
    former = _rate("", [one.former_mixed for one in found]).percent
    mixed = [one.mixed for one in found]
    if is_fitted:
        yield _rate(f"{cohort_in_words}: mixed model", mixed, former)
    else:
        what = f"{cohort_in_words}: mixed model, false positives among all cohorts"
        hits = sum(p is not None and p < ALPHA for p in mixed)
        yield Rate(what, hits, cohorts, former, NEVER_PERCENT)
    annual = [one.annual for one in found]
    if any(p is not None for p in annual):
        yield _rate(f"{cohort_in_words}: annualised change", annual)


def _rate(what: str, p_values: list[float | None], before_percent: float = NOT_MEASURED) -> Rate:
    known = [p for p in p_values if p is not None]
    return Rate(what, sum(p < ALPHA for p in known), len(known), before_percent, NOMINAL_PERCENT)


# One function a scenario, from the number of cohorts to its rates.
two_sessions = partial(
    false_positives,
    is_patient=groups(30, 30),
    times=at_differing_intervals,
    cohort_in_words="30/30, two sessions 0.5 to 4 years apart",
)
few_subjects = partial(
    false_positives,
    is_patient=groups(4, 5),
    times=yearly(5),
    cohort_in_words="4/5, five sessions",
    is_fitted=False,
)
few_long_followed = partial(
    false_positives,
    is_patient=groups(4, 5),
    times=yearly(6),
    cohort_in_words="4/5, six sessions",
    is_fitted=False,
)
fewest_subjects = partial(
    false_positives,
    is_patient=groups(5, 6),
    times=yearly(5),
    cohort_in_words="5/6, five sessions",
)
one_control = partial(
    false_positives,
    is_patient=groups(20, 20),
    times=one_control_followed(20),
    cohort_in_words="20 patients and one of 20 controls followed up",
    is_fitted=False,
)
skewed = partial(
    false_positives,
    is_patient=groups(20, 15),
    times=at_differing_intervals,
    cohort_in_words="20/15, lognormal changes and errors",
    lognormal=True,
)
dropouts = partial(
    false_positives,
    is_patient=groups(25, 20),
    times=yearly(4),
    cohort_in_words="25/20, four sessions, patients with small volumes drop out",
    dropout=True,
)
uneven = partial(
    false_positives,
    is_patient=groups(24, 18),
    times=some_with_one_session,
    cohort_in_words="24/18, one, two or four sessions",
)
SCENARIOS = tuple(
    Scenario(f"change: {name}", rates, 1000, uses_processes=True)
    for name, rates in {
        "two sessions": two_sessions,
        "few subjects": few_subjects,
        "few subjects, six sessions": few_long_followed,
        "fewest subjects": fewest_subjects,
        "one control": one_control,
        "skewed": skewed,
        "dropouts": dropouts,
        "uneven": uneven,
    }.items()
)
