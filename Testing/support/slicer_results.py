"""A real engine result in a real MRML scene, for the tests of the Slicer face."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from HypothalamusSegLib.options import Options
from HypothalamusSegSlicer.engine_run import handover
from HypothalamusSegSlicer.engine_run.command_line import segment_request
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.volumes import edits
from HypothalamusSegSlicer.volumes.segment_voxels import read_segment
from vtk.util.numpy_support import vtk_to_numpy

from Testing.support.replay_engine import recording_of
from Testing.support.worker_process import ENGINE, WorkerProcess

# One network each is enough to move voxels from files to nodes.
QUICK = Options(subunits=True, threads=1, folds=(0,))


@dataclass(frozen=True)
class EngineFiles:
    """What the engine wrote for one scan, and what it said."""

    scan: Path
    folder: Path
    description: dict


@functools.cache
def real_engine() -> WorkerProcess:
    """One for the whole session; it ends with the session, which holds its input open."""
    return WorkerProcess(ENGINE, log=None)


def run_engine(scan: Path, folder: Path, options: Options = QUICK) -> EngineFiles:
    """Run the engine as the module does, on a volume written as the module writes it."""
    events = _ask_engine(scan, folder, options)
    return EngineFiles(scan, folder, events[-1]["result"])


def record(scan: Path, recordings: Path, options: Options) -> None:
    """Record a run of the real engine for `replay_engine`."""
    folder = recording_of(recordings, options)
    folder.mkdir()
    events = _ask_engine(scan, folder, options)
    (folder / "events.json").write_text(json.dumps(events), encoding="utf-8")


def _ask_engine(scan: Path, folder: Path, options: Options) -> list[dict]:
    """Run a scan; the events without the last, which says that it is the last."""
    volume = load_volume(scan)
    written = handover.write_scan(volume, folder)
    slicer.mrmlScene.RemoveNode(volume)
    engine = real_engine()
    engine.send(**segment_request(options, written, folder), id="run")
    *events, end = engine.until_end("run")
    assert end["exit_code"] == 0, events[-1]
    written.unlink()
    return events


def load_volume(path: Path) -> slicer.vtkMRMLScalarVolumeNode:
    return slicer.modules.volumes.logic().AddArchetypeVolume(str(path), path.name.split(".")[0])


def take(files: EngineFiles, volume: slicer.vtkMRMLScalarVolumeNode) -> ResultNodes:
    return handover.take_results(volume, files.description, files.folder)


def rows_of(nodes: ResultNodes) -> dict:
    """The table's rows, measured now, by their structures."""
    rows = edits.update_table(nodes, edits.measure_edits(nodes))
    return {row.structure: row for row in rows}


def are_same(first: dict, second: dict) -> bool:
    """Whether rows say the same; NaN is not equal to itself, but here it is the same."""
    return str(first) == str(second)


def engine_entries(files: EngineFiles) -> dict[str, dict]:
    """What the engine says of each structure."""
    found = files.description
    entries = {f"hypothalamus_{part}": entry for part, entry in found["hypothalamus"].items()}
    entries |= {entry["structure"]: entry for entry in found["subunits"].values()}
    return {**entries, "icv": found["icv"]}


def translation(x_mm: float, y_mm: float, z_mm: float) -> slicer.vtkMRMLLinearTransformNode:
    matrix = vtk.vtkMatrix4x4()
    for row, value in enumerate((x_mm, y_mm, z_mm)):
        matrix.SetElement(row, 3, value)
    return transform_node(matrix)


def rotation(degrees: float) -> slicer.vtkMRMLLinearTransformNode:
    """A turn about an oblique axis through the origin."""
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(degrees, 1.0, 2.0, 3.0)
    return transform_node(transform.GetMatrix())


def transform_node(matrix: vtk.vtkMatrix4x4) -> slicer.vtkMRMLLinearTransformNode:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(matrix)
    return node


def centre_in_world(node: slicer.vtkMRMLSegmentationNode, identifier: str) -> np.ndarray:
    """Centre of mass of a segment where it is shown, transforms included."""
    voxels = read_segment(node, identifier)
    k, j, i = np.nonzero(voxels.inside)
    indices = np.stack([i, j, k, np.ones_like(i)]) + [[n] for n in (*voxels.start, 0)]
    to_world = voxels.image_to_world
    if node.GetParentTransformNode() is not None:
        to_world = slicer.util.arrayFromTransformMatrix(node.GetParentTransformNode()) @ to_world
    return (to_world @ indices)[:3].mean(1)


class HandEditor:
    """Paints as the Segment Editor does, with undo and redo."""

    def __init__(self, node, volume, identifier: str) -> None:
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLScene(slicer.mrmlScene)
        editor = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        editor.SetOverwriteMode(editor.OverwriteNone)
        self._logic.SetSegmentEditorNode(editor)
        self._logic.SetSegmentationNode(node)
        self._logic.SetSourceVolumeNode(volume)
        self._logic.SetCurrentSegmentID(identifier)
        self._logic.UpdateReferenceGeometryImage()
        self.node, self.identifier = node, identifier

    def erase_half(self) -> None:
        """Remove the upper half of the segment's voxels."""
        self._logic.UpdateSelectedSegmentLabelmap()
        self._logic.ResetModifierLabelmapToDefault()
        self._logic.SaveStateForUndo()
        modifier = self._logic.GetModifierLabelmap()
        first_k = modifier.GetExtent()[4]
        shape = tuple(reversed(modifier.GetDimensions()))
        painted = vtk_to_numpy(modifier.GetPointData().GetScalars()).reshape(shape)
        voxels = read_segment(self.node, self.identifier)
        middle = int(np.median(np.nonzero(voxels.inside)[0])) + voxels.start[2]
        painted[middle - first_k :] = 1
        modifier.Modified()
        remove = self._logic.ModificationModeRemove
        self._logic.ModifySegmentByLabelmap(
            self.node, self.identifier, modifier, remove, False, False
        )

    def undo(self) -> None:
        self._logic.Undo()

    def redo(self) -> None:
        self._logic.Redo()
