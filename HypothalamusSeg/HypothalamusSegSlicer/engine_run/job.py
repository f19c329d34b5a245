"""One run for one volume: write, segment, load the result, clean up."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import slicer
import vtk
from HypothalamusSegLib.options import Options

from ..scene.result_nodes import ResultNodes
from ..volumes.edits import update_table
from ..volumes.rows import VolumeRow
from .command_line import segment_request
from .handover import HandoverError, take_results, write_scan
from .loaded_engine import LoadedEngine
from .outcome import EngineOutcome
from .process import EngineProcess, Run


@dataclass(frozen=True)
class JobResult:
    """The result of a job.

    Attributes
    ----------
    nodes : ResultNodes or None
        The result's nodes; None where there is no result.
    rows : tuple of VolumeRow
    outcome : EngineOutcome
        Why there is no result, or the engine's own description of it.
    """

    nodes: ResultNodes | None
    rows: tuple[VolumeRow, ...]
    outcome: EngineOutcome

    @property
    def hypothalamus(self) -> slicer.vtkMRMLSegmentationNode | None:
        return self.nodes.segmentation("hypothalamus") if self.nodes else None

    @property
    def subunits(self) -> slicer.vtkMRMLSegmentationNode | None:
        return self.nodes.segmentation("subunits") if self.nodes else None

    @property
    def icv(self) -> slicer.vtkMRMLSegmentationNode | None:
        return self.nodes.segmentation("icv") if self.nodes else None

    @property
    def table(self) -> slicer.vtkMRMLTableNode | None:
        return self.nodes.table if self.nodes else None


UNFORESEEN = "The result could not be loaded. Press Apply again, or report it with the log"


def _not_taken(message: str) -> EngineOutcome:
    return EngineOutcome(error_code="handover", message=message)


class SegmentationJob:
    """A run that can be canceled at any time and leaves nothing behind.

    Parameters
    ----------
    volume : vtkMRMLScalarVolumeNode
        A volume in a scene. If it is removed or the scene is closed, the job cancels itself.
    options : Options
    engine : LoadedEngine
    on_progress, on_log : callable
        As of `Run`.
    on_finished : callable(JobResult)
    """

    def __init__(
        self,
        volume: slicer.vtkMRMLScalarVolumeNode,
        options: Options,
        engine: LoadedEngine,
        on_progress: Callable[[float, str], None],
        on_log: Callable[[str], None],
        on_finished: Callable[[JobResult], None],
    ) -> None:
        self.volume = volume
        self.options = options
        self.result: JobResult | None = None
        self._engine = engine
        self._on_progress, self._on_log, self._on_finished = on_progress, on_log, on_finished
        self._scene = volume.GetScene()
        self._observers: list[int] = []
        self._folder: Path | None = None
        self._process: EngineProcess | None = None

    def start(self) -> None:
        """Write the volume and give it to the engine.

        Raises
        ------
        HandoverError
            If the volume cannot be written.
        """
        folder = tempfile.mkdtemp(prefix="hypothalamus-seg-", dir=slicer.app.temporaryPath)
        self._folder = Path(folder)
        try:
            scan = write_scan(self.volume, self._folder)
        except Exception:
            self._clean_up()
            raise
        for event, observer in (
            (self._scene.StartCloseEvent, self._scene_closes),
            (self._scene.NodeAboutToBeRemovedEvent, self._node_goes),
        ):
            self._observers.append(self._scene.AddObserver(event, observer))
        request = segment_request(self.options, scan, self._folder)
        run = Run(request, self._on_progress, self._on_log, self._ended)
        self._process = self._engine.begin(run)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self.result is None

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

    def wait(self) -> JobResult:
        if self.is_running:
            self._process.wait()
        return self.result

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_goes(self, caller, event, node) -> None:
        if node.GetID() == self.volume.GetID():
            self.abandon()

    def _scene_closes(self, caller, event) -> None:
        self.abandon()

    def _ended(self, outcome: EngineOutcome) -> None:
        nodes, rows = None, ()
        try:
            if outcome.result is not None:
                nodes = take_results(self.volume, outcome.result, self._folder)
                rows = tuple(update_table(nodes, {}))  # nothing is edited yet
        except HandoverError as error:
            nodes, outcome = None, _not_taken(str(error))
        except Exception as error:
            # Whatever it is: a panel that is not told stays busy for ever.
            logging.exception("The result could not be loaded")
            nodes, outcome = None, _not_taken(f"{UNFORESEEN} ({type(error).__name__}: {error}).")
        self._clean_up()
        self.result = JobResult(nodes, rows, outcome)
        self._on_finished(self.result)

    def _clean_up(self) -> None:
        for tag in self._observers:
            self._scene.RemoveObserver(tag)
        self._observers = []
        shutil.rmtree(self._folder, ignore_errors=True)
