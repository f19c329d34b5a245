"""One run for one volume: write, segment, load the result, clean up."""

from __future__ import annotations

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
from .command_line import engine_arguments, python_executable
from .handover import HandoverError, take_results, write_scan
from .process import EngineOutcome, EngineProcess


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


class SegmentationJob:
    """A run that can be canceled at any time and leaves nothing behind.

    Parameters
    ----------
    volume : vtkMRMLScalarVolumeNode
        A volume in a scene. If it is removed or the scene is closed, the job cancels itself.
    options : Options
    on_progress, on_log : callable
        As of `EngineProcess`.
    on_finished : callable(JobResult)
    """

    def __init__(
        self,
        volume: slicer.vtkMRMLScalarVolumeNode,
        options: Options,
        on_progress: Callable[[float, str], None],
        on_log: Callable[[str], None],
        on_finished: Callable[[JobResult], None],
    ) -> None:
        self.volume = volume
        self.options = options
        self.result: JobResult | None = None
        self._on_finished = on_finished
        self._scene = volume.GetScene()
        self._observers: list[int] = []
        self._folder: Path | None = None
        self._process = EngineProcess(on_progress, on_log, self._ended)

    def start(self) -> None:
        """Write the volume and start the engine.

        Raises
        ------
        HandoverError
            If the volume cannot be written.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="hypothalamus-seg-"))
        try:
            scan = write_scan(self.volume, self._folder)
        except HandoverError:
            self._clean_up()
            raise
        for event, observer in (
            (self._scene.StartCloseEvent, self._scene_closes),
            (self._scene.NodeAboutToBeRemovedEvent, self._node_goes),
        ):
            self._observers.append(self._scene.AddObserver(event, observer))
        self._process.start(python_executable(), engine_arguments(self.options, scan, self._folder))

    @property
    def is_running(self) -> bool:
        return self._process.is_running

    @property
    def process_id(self) -> int:
        return self._process.process_id

    def cancel(self) -> None:
        self._process.cancel()

    def abandon(self) -> None:
        """Cancel and wait until everything is cleaned up."""
        self._process.cancel_and_wait()

    def wait(self) -> JobResult:
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
        if outcome.result is not None:
            try:
                nodes = take_results(self.volume, outcome.result, self._folder)
                rows = tuple(update_table(nodes, {}))  # nothing is edited yet
            except HandoverError as error:
                outcome = EngineOutcome(error_code="handover", message=str(error))
        self._clean_up()
        self.result = JobResult(nodes, rows, outcome)
        self._on_finished(self.result)

    def _clean_up(self) -> None:
        for tag in self._observers:
            self._scene.RemoveObserver(tag)
        self._observers = []
        shutil.rmtree(self._folder, ignore_errors=True)
