"""Compare a volume with an earlier scan of the same patient, in the engine's process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from HypothalamusSegLib.options import Options

from .command_line import follow_request
from .handover import write_scan
from .loaded_engine import LoadedEngine
from .outcome import EngineOutcome
from .process import EngineProcess, Run

PRIOR, CURRENT = "prior", "current"


@dataclass(frozen=True)
class Comparison:
    """What the engine found in two scans.

    Attributes
    ----------
    description : dict
        The engine's; see `HypothalamusSegLib.longitudinal.files.describe`.
    current_from_prior : ndarray, shape (4, 4)
        Rigid, RAS, between the worlds of the two volumes without their parent transforms.
    prior, current : dict
        The visits in ``description``.
    """

    description: dict
    current_from_prior: np.ndarray
    prior: dict
    current: dict


def comparison_of(description: dict) -> Comparison:
    """Read the engine's description of two visits, in whatever order they are."""
    visits = {visit["scan"]: visit for visit in description["visits"]}
    prior, current = visits[PRIOR], visits[CURRENT]
    to_current = np.array(current["ras_from_midspace"])
    to_prior = np.array(prior["ras_from_midspace"])
    return Comparison(description, to_current @ np.linalg.inv(to_prior), prior, current)


class PriorJob:
    """A comparison that can be canceled at any time and leaves nothing behind.

    Parameters
    ----------
    current, prior : vtkMRMLScalarVolumeNode
        Volumes in a scene. If one is removed or the scene is closed, the job cancels itself.
    dates : tuple of str
        Days of the current and the prior scan, ``YYYY-MM-DD``; empty where unknown.
    options : Options
    engine : LoadedEngine
    on_progress, on_log : callable
        As of `Run`.
    on_finished : callable(Comparison or None, EngineOutcome)
    """

    def __init__(
        self,
        current: slicer.vtkMRMLScalarVolumeNode,
        prior: slicer.vtkMRMLScalarVolumeNode,
        dates: tuple[str, str],
        options: Options,
        engine: LoadedEngine,
        on_progress: Callable[[float, str], None],
        on_log: Callable[[str], None],
        on_finished: Callable[[Comparison | None, EngineOutcome], None],
    ) -> None:
        self.current, self.prior = current, prior
        self._dates, self._options, self._engine = dates, options, engine
        self._on_progress, self._on_log, self._on_finished = on_progress, on_log, on_finished
        self._scene = current.GetScene()
        self._observers: list[int] = []
        self._folder: Path | None = None
        self._process: EngineProcess | None = None
        self.outcome: EngineOutcome | None = None

    def start(self) -> None:
        """Write the volumes and give them to the engine.

        Raises
        ------
        HandoverError
            If a volume cannot be written.
        """
        self._folder = Path(
            tempfile.mkdtemp(prefix="hypothalamus-seg-", dir=slicer.app.temporaryPath)
        )
        try:
            scans = [
                write_scan(self.prior, self._folder, PRIOR),
                write_scan(self.current, self._folder, CURRENT),
            ]
        except Exception:
            self._clean_up()
            raise
        for event, observer in (
            (self._scene.StartCloseEvent, self._scene_closes),
            (self._scene.NodeAboutToBeRemovedEvent, self._node_goes),
        ):
            self._observers.append(self._scene.AddObserver(event, observer))
        current_day, prior_day = (day or None for day in self._dates)
        request = follow_request(self._options, scans, [prior_day, current_day], self._folder)
        run = Run(request, self._on_progress, self._on_log, self._ended)
        self._process = self._engine.begin(run)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self.outcome is None

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
        if node.GetID() in (self.current.GetID(), self.prior.GetID()):
            self.abandon()

    def _scene_closes(self, caller, event) -> None:
        self.abandon()

    def _ended(self, outcome: EngineOutcome) -> None:
        self.outcome = outcome
        self._clean_up()
        found = comparison_of(outcome.result) if outcome.result is not None else None
        self._on_finished(found, outcome)

    def _clean_up(self) -> None:
        for tag in self._observers:
            self._scene.RemoveObserver(tag)
        self._observers = []
        shutil.rmtree(self._folder, ignore_errors=True)
