"""Progress of a run, as JSON lines, as a bar, or not at all."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

Reporter = Callable[[dict], None]
PROGRESS_STYLES = ("json", "bar", "none")
BAR_WIDTH = 30
STEP_NAMES = {
    "read": "reading the scan",
    "networks": "loading the networks",
    "coarse": "ICV",
    "fine": "hypothalamus",
    "measure": "measuring volumes",
    "write": "writing the files",
}


# Seconds of a cold start as `make bench` printed them on two cores; only progress depends on them.
STAGE_WEIGHTS = {"read": 1.5, "coarse": 2.2, "fine": 0.7, "measure": 0.4, "write": 1.0}


def reporter(style: str) -> Reporter:
    """Create a function that reports events: ``json`` on stdout, ``bar`` on stderr, or ``none``."""
    if style == "bar" and not sys.stderr.isatty():
        style = "none"  # a redrawn bar would clutter a log file
    return {"json": _json_line, "bar": _bar, "none": lambda event: None}[style]


def _json_line(event: dict) -> None:
    print(json.dumps(event, allow_nan=False), flush=True)


def _bar(event: dict) -> None:
    if event["event"] != "progress":
        sys.stderr.write("\r" + " " * (BAR_WIDTH + 50) + "\r")
        return
    filled = round(BAR_WIDTH * event["fraction"])
    bar = "█" * filled + "·" * (BAR_WIDTH - filled)
    sys.stderr.write(f"\r{bar} {100 * event['fraction']:3.0f} % {event['step']:<40.40}")
    sys.stderr.flush()


class Steps:
    """Converts the steps of one scan into fractions of a whole run over several scans.

    Parameters
    ----------
    report : Reporter
    weights : dict of str to float
        Approximate share of each stage in the run time, in order; need not sum to 1.
    scan_index, scan_count : int
    """

    def __init__(
        self, report: Reporter, weights: dict[str, float], scan_index: int, scan_count: int
    ) -> None:
        self._report = report
        self._weights = weights
        self._scan_index, self._scan_count = scan_index, scan_count
        self._furthest = 0.0

    def at(
        self,
        stage: str,
        within: float = 0.0,
        activity: str | None = None,
        fold: int | None = None,
        folds: int | None = None,
    ) -> None:
        """Report that a stage has been reached and which part of it (``within``, 0–1) is done.

        Parameters
        ----------
        stage : str
            A key of the weights.
        within : float
        activity : str or None
            A name for the current part of the stage, if it has one.
        fold, folds : int or None
            The finished network, counted from 1, and the number of networks.
        """
        names = list(self._weights)
        before = sum(self._weights[name] for name in names[: names.index(stage)])
        done = (before + within * self._weights[stage]) / sum(self._weights.values())
        fraction = round((self._scan_index + done) / self._scan_count, 4)
        # Progress never goes back, even if stages are repeated on the CPU after a failure.
        self._furthest = max(self._furthest, fraction)
        event = {"event": "progress", "fraction": self._furthest, "stage": activity or stage}
        step = describe_step(activity or stage, fold, folds)
        self._report({**event, "fold": fold, "folds": folds, "step": step})


def describe_step(stage: str, fold: int | None = None, folds: int | None = None) -> str:
    """Describe a stage in a few words, for a progress bar.

    Examples
    --------
    >>> describe_step("fine", 3, 5)
    'hypothalamus fold 3/5'
    """
    name = STEP_NAMES.get(stage, stage)
    return f"{name} fold {fold}/{folds}" if fold else name


class StageClock:
    """Measures the duration of each stage and reports progress."""

    def __init__(self, steps: Steps | None, fold_count: int) -> None:
        self.seconds: dict[str, float] = {}
        self._steps = steps
        self._fold_count = fold_count
        self._stage: str | None = None
        self._since = 0.0

    def begin(self, stage: str):
        """Start a stage (ending the previous one); returns a callback for finished folds."""
        self.end()
        self._stage, self._since = stage, time.monotonic()
        if self._steps is None:
            return lambda index: None
        steps, count = self._steps, self._fold_count
        steps.at(stage)
        return lambda index: steps.at(stage, (index + 1) / count, fold=index + 1, folds=count)

    def end(self) -> None:
        """End the current stage, if any."""
        if self._stage:
            self.seconds[self._stage] = time.monotonic() - self._since
        self._stage = None
