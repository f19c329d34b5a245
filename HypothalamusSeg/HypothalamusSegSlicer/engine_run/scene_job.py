"""A run of the engine for volumes of a scene: write them, wait, load the result, clean up."""

from __future__ import annotations

import logging
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import slicer
import vtk
from HypothalamusSegLib.options import Options

from .handover import HandoverError
from .loaded_engine import LoadedEngine
from .outcome import EngineOutcome
from .process import EngineProcess, Run

UNFORESEEN = "The result could not be loaded. Press Apply again, or report it with the log"


class SceneJob(ABC):
    """A run that can be canceled at any time without leaving anything behind.

    If a volume is removed or the scene is closed, the job cancels itself. What a kind of job
    writes, and what it makes of the result, is in `_write`, `_take` and `_finish`.

    Parameters
    ----------
    volumes : sequence of vtkMRMLScalarVolumeNode
        In one scene.
    options : Options
    engine : LoadedEngine
    on_progress, on_log : callable
        As of `Run`.
    """

    def __init__(
        self,
        volumes: Sequence[slicer.vtkMRMLScalarVolumeNode],
        options: Options,
        engine: LoadedEngine,
        on_progress: Callable[[float, str], None],
        on_log: Callable[[str], None],
    ) -> None:
        self.options = options
        self._volumes = tuple(volumes)
        self._engine = engine
        self._on_progress, self._on_log = on_progress, on_log
        self._scene = self._volumes[0].GetScene()
        self._observers: list[int] = []
        self._folder: Path | None = None
        self._process: EngineProcess | None = None
        self._has_ended = False

    def start(self) -> None:
        """Write the volumes and give them to the engine.

        Raises
        ------
        HandoverError
            If a volume cannot be written.
        """
        folder = tempfile.mkdtemp(prefix="hypothalamus-seg-", dir=slicer.app.temporaryPath)
        self._folder = Path(folder)
        try:
            request = self._write(self._folder)
        except Exception:
            self._clean_up()
            raise
        for event, observer in (
            (self._scene.StartCloseEvent, self._scene_closes),
            (self._scene.NodeAboutToBeRemovedEvent, self._node_goes),
        ):
            self._observers.append(self._scene.AddObserver(event, observer))
        run = Run(request, self._on_progress, self._on_log, self._ended)
        self._process = self._engine.begin(run)

    @abstractmethod
    def _write(self, folder: Path) -> dict:
        """Write the volumes into a folder; returns the request to the engine."""

    @abstractmethod
    def _take(self, description: dict) -> Any:
        """Convert the engine's description into the job's result."""

    @abstractmethod
    def _finish(self, taken: Any, outcome: EngineOutcome) -> None:
        """Notify the listener; ``taken`` is None if there is no result."""

    @property
    def is_running(self) -> bool:
        return self._process is not None and not self._has_ended

    @property
    def process_id(self) -> int:
        return self._process.process_id

    def cancel(self) -> None:
        """End the engine; the job has ended when it is gone."""
        if self.is_running:
            self._process.end()

    def abandon(self) -> None:
        """Cancel and wait until everything is cleaned up."""
        if self.is_running:
            self._process.end_and_wait()

    def wait(self) -> None:
        if self.is_running:
            self._process.wait()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_goes(self, caller, event, node) -> None:
        if node.GetID() in {volume.GetID() for volume in self._volumes}:
            self.abandon()

    def _scene_closes(self, caller, event) -> None:
        self.abandon()

    def _ended(self, outcome: EngineOutcome) -> None:
        taken = None
        try:
            if outcome.result is not None:
                taken = self._take(outcome.result)
        except HandoverError as error:
            outcome = _not_taken_outcome(str(error))
        except Exception as error:
            # Any exception: a panel that is not notified would stay busy forever.
            logging.exception("The result could not be loaded")
            outcome = _not_taken_outcome(f"{UNFORESEEN} ({type(error).__name__}: {error}).")
        self._clean_up()
        self._has_ended = True
        self._finish(taken, outcome)

    def _clean_up(self) -> None:
        for tag in self._observers:
            self._scene.RemoveObserver(tag)
        self._observers = []
        shutil.rmtree(self._folder, ignore_errors=True)


def _not_taken_outcome(message: str) -> EngineOutcome:
    return EngineOutcome(error_code="handover", message=message)
