"""Progress of an adaptation: events of the engine's form, with the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from HypothalamusSegLib.progress import Reporter

# Expected seconds of each step on one core; only progress depends on them.
LOOK_S, SCORE_S = 8.0, 12.0
LINE_EVERY_S = 60.0


class AdaptProgress:
    """Turns finished seconds of expected work into a fraction, and says how long the rest takes.

    Parameters
    ----------
    report : Reporter
    with_lines : bool
        Also print a line a minute on stderr, where there is no terminal for a bar.
    clock : callable
        Seconds; for tests.
    """

    def __init__(
        self,
        report: Reporter,
        with_lines: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report, self._with_lines, self._clock = report, with_lines, clock
        self._total_s, self._done_s, self._furthest = 1.0, 0.0, 0.0
        self._started = clock()
        self._said_at = -1e9

    def expect(self, total_s: float) -> None:
        """Say how many seconds of work there are in all, as far as it is known now."""
        self._total_s = max(total_s, 1.0)

    def at(self, done_s: float, step: str, fold: int | None = None) -> None:
        """Report how much of the expected work is done."""
        self._done_s = max(self._done_s, min(done_s, self._total_s))
        # What is expected can grow; progress never goes back.
        self._furthest = max(self._furthest, round(self._done_s / self._total_s, 4))
        fraction = self._furthest
        left = self.minutes_left()
        text = step if left is None else f"{step}, about {left} min left"
        event = {"event": "progress", "fraction": fraction, "stage": "adapt", "fold": fold}
        self._report({**event, "folds": 5 if fold else None, "step": text})
        if self._with_lines and self._clock() - self._said_at > LINE_EVERY_S:
            self._said_at = self._clock()
            print(f"{100 * fraction:3.0f} % {text}", file=sys.stderr, flush=True)

    @property
    def done_s(self) -> float:
        return self._done_s

    def minutes_left(self) -> int | None:
        """By the speed so far; None in the first hundredth."""
        share = self._done_s / self._total_s
        if share < 0.01:
            return None
        spent = self._clock() - self._started
        return max(1, round(spent * (1 - share) / share / 60))
