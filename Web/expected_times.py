"""Estimate run times from the last runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

REMEMBERED = 9
FEW_SECONDS, MINUTE, HALF_MINUTE, COARSE_STEP_S, FINE_STEP_S = 8, 60, 30, 10, 5


class ExpectedTimes:
    """Durations of the last runs, and estimates for waiting scans."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)

    def note(self, seconds: float) -> None:
        """Record the duration of a run."""
        self._seconds.append(seconds)

    @property
    def of_a_run(self) -> float | None:
        """Median duration in seconds; None before the first run."""
        return median(self._seconds) if self._seconds else None

    def left(self, elapsed: float) -> float | None:
        """Seconds until a running scan is done."""
        return None if self.of_a_run is None else max(self.of_a_run - elapsed, 0.0)

    def until_done(self, place: int, workers: int, elapsed: Sequence[float]) -> float | None:
        """Seconds until the scan at a place in the queue is done.

        Parameters
        ----------
        place : int
            1 for the next.
        workers : int
        elapsed : sequence of float
            Seconds since each running scan was started.
        """
        if self.of_a_run is None:
            return None
        free_in = sorted([self.left(seconds) for seconds in elapsed] + [0.0] * workers)[-workers:]
        for _ in range(place):
            free_in = sorted(free_in)
            free_in[0] += self.of_a_run
            done = free_in[0]
        return done


def in_words(seconds: float) -> str:
    """Format a waiting time, rounded to its precision: a few seconds, 20 seconds, 3 minutes."""
    if seconds < FEW_SECONDS:
        return "a few seconds"
    if seconds < MINUTE:
        step = FINE_STEP_S if seconds < HALF_MINUTE else COARSE_STEP_S
        return f"{step * round(seconds / step)} seconds"
    minutes = round(seconds / MINUTE)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
