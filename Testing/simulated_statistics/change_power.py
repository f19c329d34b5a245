"""Whether a difference of change is found as often as the program says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from Cohort.group.linear_models import ALPHA
from Cohort.group.longitudinal import Longitudinal, analyse_change
from Cohort.group.mixed_model import Effect
from Cohort.group.power import POWER, detectable_difference
from Cohort.group.power_of_change import ChangeSpread, change_spread

from .longitudinal import (
    CHANGE_SD_MM3_PER_YEAR,
    CONTRAST,
    MEAN_MM3,
    SCAN_SD_MM3,
    Times,
    at_differing_intervals,
    at_years,
    cohort,
    groups,
    yearly,
)
from .processes import of_each_cohort
from .scenario import NOT_MEASURED, POWER_TOLERANCE_PERCENT, Rate, Scenario

SEED = 20261201
IN_PERCENT = 100 / MEAN_MM3
TRUE_SPREAD = ChangeSpread(
    CHANGE_SD_MM3_PER_YEAR * IN_PERCENT,
    CHANGE_SD_MM3_PER_YEAR * IN_PERCENT,
    SCAN_SD_MM3 * IN_PERCENT,
)
DIFFERENCE_PERCENT = 1.0
# The mixed model weighs subjects by how long they were followed, and may find more.
AT_LEAST_PERCENT = (100 * POWER - POWER_TOLERANCE_PERCENT, 100.0)
PROMISED_PERCENT = (100 * POWER - POWER_TOLERANCE_PERCENT, 100 * POWER + POWER_TOLERANCE_PERCENT)
Found = tuple[bool, bool]


def sample_sizes(cohorts: int, processes: int = 1) -> Iterator[Rate]:
    """Studies of as many subjects as the table says, when the true spread is known."""
    for words, years in (("two sessions in a year", (0.0, 1.0)), ("three in two", (0.0, 1.0, 2.0))):
        n = int(TRUE_SPREAD.design(years).n_per_group(DIFFERENCE_PERCENT))
        task = partial(_study, n, n, at_years(years), DIFFERENCE_PERCENT)
        yield from _rates(f"{n}/{n}, {words}, 1 % a year", task, cohorts, processes)


def planned(cohorts: int, processes: int = 1) -> Iterator[Rate]:
    """Studies of three sessions in two years, planned from another cohort's sessions."""
    task = partial(_planned, groups(60, 60), yearly(3), (0.0, 1.0, 2.0))
    yield from _rates("planned from 60/60 with three sessions", task, cohorts, processes)


def detectable(cohorts: int, processes: int = 1) -> Iterator[Rate]:
    """The difference that a cohort says it finds, in another of the same design."""
    for words, patients, controls in (("30/30", 30, 30), ("20/8", 20, 8)):
        task = partial(_detectable, groups(patients, controls), at_differing_intervals)
        what = f"{words}, two sessions 0.5 to 4 years apart, the difference found with 80 %"
        yield from _rates(what, task, cohorts, processes)


def _study(
    patients: int, controls: int, times: Times, percent: float, generator: np.random.Generator
) -> Found:
    effect = percent / IN_PERCENT
    scans = cohort(generator, groups(patients, controls), times, effect_mm3_per_year=effect)
    found = analyse_change(scans, CONTRAST, ())
    mixed = [term.p for term in found.mixed if term.effect is Effect.DIFFERENCE]
    return bool(found.comparisons[0][1].p < ALPHA), bool(mixed and mixed[0] < ALPHA)


def _planned(
    is_patient: np.ndarray, times: Times, years: tuple[float, ...], generator: np.random.Generator
) -> Found:
    first = _analysed(generator, is_patient, times)
    spread = change_spread(first, first.comparisons[0][1], CONTRAST, None, NOT_MEASURED)
    n = int(spread.design(years).n_per_group(DIFFERENCE_PERCENT))
    return _study(n, n, at_years(years), DIFFERENCE_PERCENT, generator)


def _detectable(is_patient: np.ndarray, times: Times, generator: np.random.Generator) -> Found:
    fit = _analysed(generator, is_patient, times).comparisons[0][1]
    patients = int(is_patient.sum())
    others = len(is_patient) - patients
    return _study(patients, others, times, detectable_difference(fit), generator)


def _analysed(generator: np.random.Generator, is_patient: np.ndarray, times: Times) -> Longitudinal:
    return analyse_change(cohort(generator, is_patient, times), CONTRAST, ())


def _rates(what: str, task, cohorts: int, processes: int) -> Iterator[Rate]:
    found = of_each_cohort(task, SEED, cohorts, processes)
    models = {"annualised change": PROMISED_PERCENT, "mixed model": AT_LEAST_PERCENT}
    for place, (model, bounds) in enumerate(models.items()):
        hits = sum(one[place] for one in found)
        yield Rate(f"{what}: {model}", hits, cohorts, NOT_MEASURED, bounds)


SCENARIOS = tuple(
    Scenario(f"power of change: {name}", rates, 1000, uses_processes=True)
    for name, rates in {
        "sample sizes": sample_sizes,
        "planned": planned,
        "detectable": detectable,
    }.items()
)
