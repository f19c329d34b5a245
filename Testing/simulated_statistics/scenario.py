"""What a scenario is, and how a measured rate is held against its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scipy.stats import binomtest

# A test at the 5 % level.
NOMINAL_PERCENT = (3.0, 7.0)
POWER_TOLERANCE_PERCENT = 3.0
NOT_MEASURED = float("nan")


@dataclass(frozen=True)
class Rate:
    """How often something happened in simulated cohorts.

    Attributes
    ----------
    what : str
        The cohort, and what was counted in it.
    hits, cohorts : int
        ``cohorts`` holds only those in which it could have happened.
    before_percent : float
        The same with the program as it was before the scenario was written; NaN if it was not
        measured.
    bounds_percent : tuple of float
        Between which the rate should lie.
    """

    what: str
    hits: int
    cohorts: int
    before_percent: float = NOT_MEASURED
    bounds_percent: tuple[float, float] = NOMINAL_PERCENT

    @property
    def percent(self) -> float:
        return 100 * self.hits / self.cohorts if self.cohorts else NOT_MEASURED

    @property
    def is_kept(self) -> bool:
        """Whether the bounds hold a rate that these cohorts fit (exact 95 % limits).

        One that cannot be told is not kept; one that must never happen may not happen once.
        """
        if not self.cohorts:
            return False
        low, high = self.bounds_percent
        if high == 0:
            return self.hits == 0
        limits = binomtest(self.hits, self.cohorts).proportion_ci()
        return 100 * limits.low <= high and 100 * limits.high >= low


@dataclass(frozen=True)
class Scenario:
    """One line, or a few, of the printed table.

    Attributes
    ----------
    name : str
        For ``--only``.
    rates : callable
        From the number of cohorts to the rates; it seeds its own generator.
    cohorts : int
        How many are simulated if nothing else is asked for.
    uses_processes : bool
        Whether ``rates`` also takes ``processes``, in how many it may run.
    """

    name: str
    rates: Callable[..., Iterable[Rate]]
    cohorts: int = 2000
    uses_processes: bool = False

    def run(self, cohorts: int, processes: int) -> Iterable[Rate]:
        options = {"processes": processes} if self.uses_processes else {}
        return self.rates(cohorts, **options)
