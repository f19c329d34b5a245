"""One run for one volume: write, segment, load the result, clean up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import slicer
from HypothalamusSegLib.options import Options

from ..scene.result_nodes import ResultNodes
from ..volumes.edits import update_table
from ..volumes.rows import VolumeRow
from .command_line import segment_request
from .handover import take_results, write_scan
from .loaded_engine import LoadedEngine
from .outcome import EngineOutcome
from .scene_job import SceneJob


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


class SegmentationJob(SceneJob):
    """A segmentation of one volume.

    Parameters
    ----------
    volume : vtkMRMLScalarVolumeNode
    options, engine, on_progress, on_log
        As of `SceneJob`.
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
        super().__init__([volume], options, engine, on_progress, on_log)
        self.volume = volume
        self.result: JobResult | None = None
        self._on_finished = on_finished

    def wait(self) -> JobResult:
        super().wait()
        return self.result

    def _write(self, folder: Path) -> dict:
        return segment_request(self.options, write_scan(self.volume, folder), folder)

    def _take(self, description: dict) -> tuple[ResultNodes, tuple[VolumeRow, ...]]:
        nodes = take_results(self.volume, description, self._folder)
        return nodes, tuple(update_table(nodes, {}))  # nothing is edited yet

    def _finish(
        self, taken: tuple[ResultNodes, tuple[VolumeRow, ...]] | None, outcome: EngineOutcome
    ) -> None:
        nodes, rows = taken or (None, ())
        self.result = JobResult(nodes, rows, outcome)
        self._on_finished(self.result)
