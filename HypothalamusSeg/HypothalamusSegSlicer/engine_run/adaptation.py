"""An adaptation of the networks to a reader's outlines, in a process of its own.

It takes an hour of the processors, so it is no request to the engine that segments meanwhile. The
code comes with the extension as the package `HypothalamusSegTraining`; in a checkout of the
repository it is the folder ``Training`` beside the module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .command_line import MODULE_FOLDER, python_executable
from .outcome import EngineOutcome
from .process import EngineProcess, Run

PACKAGED, IN_CHECKOUT = "HypothalamusSegTraining", "Training"
SERVICE = "adaptation.service"
# Runs a module of a folder that is not on the path.
STARTER = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]);"
    "runpy.run_module(sys.argv[2], run_name='__main__', alter_sys=True)"
)


class AdaptationMissingError(Exception):
    """The code that adapts networks is not installed."""


def service_arguments() -> list[str]:
    """Arguments of ``python`` for the process; raises `AdaptationMissingError`."""
    if (MODULE_FOLDER / PACKAGED).is_dir():
        return ["-m", f"{PACKAGED}.{SERVICE}"]
    if (MODULE_FOLDER.parent / IN_CHECKOUT / "adaptation").is_dir():
        return ["-c", STARTER, str(MODULE_FOLDER.parent), f"{IN_CHECKOUT}.{SERVICE}"]
    raise AdaptationMissingError(
        "The part of the extension that adapts networks is missing. Reinstall the extension."
    )


def adapt_request(
    cases: Sequence[dict],
    output: Path,
    name: str,
    minutes: float,
    weights: str | None,
    threads: int | None,
) -> dict:
    """What the process is asked; a case has ``name``, ``scan`` and maybe ``label``."""
    request = {"request": "adapt", "cases": list(cases), "output": str(output), "name": name}
    request["minutes"] = float(minutes)
    chosen = {"weights": weights, "threads": threads}
    return {**request, **{key: value for key, value in chosen.items() if value}}


class AdaptationJob:
    """One adaptation; stopped, the same request goes on where it was.

    Parameters
    ----------
    request : dict
        Of `adapt_request`.
    on_progress, on_log : callable
        As of `Run`.
    on_finished : callable(EngineOutcome)
    """

    def __init__(
        self,
        request: dict,
        on_progress: Callable[[float, str], None],
        on_log: Callable[[str], None],
        on_finished: Callable[[EngineOutcome], None],
    ) -> None:
        self._run = Run(request, on_progress, on_log, self._ended)
        self._on_finished = on_finished
        self._process: EngineProcess | None = None
        self._has_ended = False

    def start(self) -> None:
        """Begin; raises `AdaptationMissingError`."""
        arguments = service_arguments()
        self._process = EngineProcess()
        self._process.start(python_executable(), arguments, self._run)

    @property
    def is_running(self) -> bool:
        return self._process is not None and not self._has_ended

    def cancel(self) -> None:
        """Stop; ``on_finished`` is called when the process is gone."""
        if self.is_running:
            self._process.end()

    def abandon(self) -> None:
        """Stop and wait, because the module or the application closes."""
        if self._process is not None:
            self._process.end_and_wait()

    def wait(self) -> None:
        if self.is_running:
            self._process.wait()

    def _ended(self, outcome: EngineOutcome) -> None:
        self._has_ended = True
        if not self._process.is_gone:
            self._process.end()  # it has no more to do
        self._on_finished(outcome)
