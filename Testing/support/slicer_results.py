"""A real engine result in a real MRML scene, for the tests of the Slicer face."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from HypothalamusSegLib.options import Options
from HypothalamusSegSlicer.engine_run import handover
from HypothalamusSegSlicer.engine_run.command_line import engine_arguments
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.volumes.segment_voxels import read_segment
from vtk.util.numpy_support import vtk_to_numpy

from Testing.support.command_runs import environment

# One network each is enough to move voxels from files to nodes.
QUICK = Options(subunits=True, threads=1, folds=(0,))


@dataclass(frozen=True)
class EngineFiles:
    """What the engine wrote for one scan, and what it said."""

    scan: Path
    folder: Path
    description: dict


def run_engine(scan: Path, folder: Path, options: Options = QUICK) -> EngineFiles:
    """Run the engine as the module does, on a volume written as the module writes it."""
    volume = load_volume(scan)
    written = handover.write_scan(volume, folder)
    arguments = engine_arguments(options, written, folder)
    arguments.remove("--stop-with-stdin")  # nobody holds it open here
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        env=environment(),
        stdout=subprocess.DEVNULL,
        timeout=300,
    )
    slicer.mrmlScene.RemoveNode(volume)
    path = folder / f"{handover.SCAN_NAME}_volumes.json"
    return EngineFiles(scan, folder, json.loads(path.read_text(encoding="utf-8")))


def load_volume(path: Path) -> slicer.vtkMRMLScalarVolumeNode:
    return slicer.modules.volumes.logic().AddArchetypeVolume(str(path), path.name.split(".")[0])


def take(files: EngineFiles, volume: slicer.vtkMRMLScalarVolumeNode) -> ResultNodes:
    return handover.take_results(volume, files.description, files.folder)


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
