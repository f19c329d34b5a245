"""Progress of a cohort: counts, speed and time left."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime, timezone
from pathlib import Path

from HypothalamusSegLib.progress import Reporter

from ..index.outcome import DONE, FAILED, UNCHANGED, Outcome

LOG_NAME = "cohort.log"
# Number of recent scans used for the estimate: the speed changes when a cluster grows.
SPEED_OVER_SCANS = 50


class CohortProgress:
    """Report and log each finished scan.

    Parameters
    ----------
    report : Reporter
    log : Path
        One line per scan is added to it; several runs may write to it.
    total : int
        Scans that this run looks at.
    """

    def __init__(self, report: Reporter, log: Path, total: int) -> None:
        self._report = report
        self._log = log
        self._total = total
        self._finished = 0
        self._failed = 0
        self._moments: deque[float] = deque([time.monotonic()], maxlen=SPEED_OVER_SCANS + 1)

    def skip(self, count: int) -> None:
        """Count scans that are already done, or that another run is processing."""
        self._finished += count

    def add(self, outcome: Outcome) -> None:
        """Count, show and log one scan."""
        self._finished += 1
        self._failed += outcome.status == FAILED
        self._moments.append(time.monotonic())
        line = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}\t{log_line(outcome)}\n"
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(line)
        self._report(
            {
                "event": "progress",
                "fraction": round(self._finished / max(1, self._total), 4),
                "step": self._words(),
                "scan": outcome.name,
                "status": outcome.status,
                "reason": outcome.reason,
                "seconds_left": self.seconds_left(),
            }
        )

    def seconds_left(self) -> float | None:
        """Estimate; None until two scans are finished."""
        if len(self._moments) < 3:
            return None
        per_scan = (self._moments[-1] - self._moments[0]) / (len(self._moments) - 1)
        return round(per_scan * (self._total - self._finished), 1)

    def _words(self) -> str:
        words = f"{self._finished}/{self._total}"
        if self._failed:
            words += f", {self._failed} failed"
        left = self.seconds_left()
        return words if left is None else f"{words}, {duration(left)} left"


def log_line(outcome: Outcome) -> str:
    """One finished scan in one line: name, status, seconds, flags or reason."""
    if outcome.status == FAILED:
        return f"{outcome.name}\tfailed\t{outcome.code}: {' '.join(outcome.reason.split())}"
    if outcome.status == UNCHANGED:
        return f"{outcome.name}\tunchanged"
    flags = outcome.description.get("quality", {}).get("flags", [])
    codes = ", ".join(flag["code"] for flag in flags) or "no flags"
    return f"{outcome.name}\t{DONE}\t{outcome.seconds:.1f} s\t{codes}"


def duration(seconds: float) -> str:
    """Seconds in words, for example ``3 h 05 min``."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
