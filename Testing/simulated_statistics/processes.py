"""Simulated cohorts in several processes; what comes out does not depend on how many."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np

Found = TypeVar("Found")
COHORTS_A_TASK = 5


def of_each_cohort(
    task: Callable[[np.random.Generator], Found], seed: int, cohorts: int, processes: int = 1
) -> list[Found]:
    """What a task finds in each cohort, which has a random generator of its own.

    Parameters
    ----------
    task : callable
        A function of a module, or a partial of one: it is sent to the processes.
    seed : int
    cohorts : int
    processes : int
        1 for this one.
    """
    one = partial(_of_one, task, seed)
    if processes == 1:
        return [one(number) for number in range(cohorts)]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(one, range(cohorts), chunksize=COHORTS_A_TASK))


def _of_one(task: Callable[[np.random.Generator], Found], seed: int, number: int) -> Found:
    return task(np.random.default_rng([seed, number]))
