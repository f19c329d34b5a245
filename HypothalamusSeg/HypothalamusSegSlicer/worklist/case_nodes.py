"""A case in the scene: loaded, shown under the name that readers may see, removed completely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk

from ..engine_run.handover import read_labels
from ..scene.result_nodes import ROLE_ATTRIBUTE, VOLUME_REFERENCE
from .case import Case, WorklistError
from .dicom_cases import load_series

GEOMETRY_TOLERANCE_MM = 1e-3


def read_volume(path: Path) -> slicer.vtkMRMLScalarVolumeNode:
    """Read a scan with Slicer's reader, into a node that is in no scene.

    Raises
    ------
    WorklistError
    """
    if not path.exists():
        raise WorklistError(f"{path} is not there. Was it moved or deleted?")
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    node = slicer.vtkMRMLScalarVolumeNode()
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetCenterImage(False)
    storage.SetSingleFile(not path.is_dir())
    storage.SetFileName(str(files[0]) if files else str(path))
    if not storage.ReadData(node) or node.GetImageData() is None:
        raise WorklistError(f"{path} cannot be read as an image with one value per voxel.")
    return node


def enter_scene(
    scene: slicer.vtkMRMLScene,
    case: Case,
    volume: slicer.vtkMRMLScalarVolumeNode | None,
    name: str,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Put a case into the scene.

    Parameters
    ----------
    volume : vtkMRMLScalarVolumeNode or None
        Of `read_volume`; None for a series, which Slicer's DICOM module loads.
    name : str
        What readers see.

    Raises
    ------
    WorklistError
        If a series cannot be loaded.
    """
    if volume is None:
        volume = load_series(scene, case)
        volume.SetName(name)
        return volume
    volume.SetName(name)
    scene.AddNode(volume)
    volume.CreateDefaultDisplayNodes()
    volume.AddDefaultStorageNode(str(case.scan))
    return volume


def remove_case(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Remove a volume and its results, with their display and storage nodes; nothing else."""
    scene = volume.GetScene()
    if scene is None:
        return
    own = [volume]
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        is_result = node.GetAttribute(ROLE_ATTRIBUTE) is not None
        if is_result and node.GetNodeReferenceID(VOLUME_REFERENCE) == volume.GetID():
            own.append(node)
    parts = [part for node in own for part in _parts(node)]
    for node in (*own, *parts):
        if node.GetScene() is scene:
            scene.RemoveNode(node)


def _parts(node: slicer.vtkMRMLNode) -> list[slicer.vtkMRMLNode]:
    """Display and storage nodes; the scene keeps them when their node is removed."""
    found = []
    if node.IsA("vtkMRMLDisplayableNode"):
        count = node.GetNumberOfDisplayNodes()
        found += [node.GetNthDisplayNode(index) for index in range(count)]
    if node.IsA("vtkMRMLStorableNode"):
        count = node.GetNumberOfStorageNodes()
        found += [node.GetNthStorageNode(index) for index in range(count)]
    return [part for part in found if part is not None]


def lies_as_segmented(volume: slicer.vtkMRMLScalarVolumeNode, icv_mask: Path | None) -> bool:
    """Whether the engine's ICV mask, which has the scan's own voxels, has those of a volume.

    The engine reads a series itself. Its outlines belong to what is shown only if both place the
    same voxels in the same way.
    """
    if icv_mask is None:
        return False
    image, own, of_mask = read_labels(icv_mask), vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(own)
    image.GetImageToWorldMatrix(of_mask)
    own, of_mask = slicer.util.arrayFromVTKMatrix(own), slicer.util.arrayFromVTKMatrix(of_mask)
    corners = np.array(np.meshgrid(*([0, n - 1] for n in image.GetDimensions()))).reshape(3, -1)
    corners = np.vstack([corners, np.ones(corners.shape[1])])
    same_size = image.GetDimensions() == volume.GetImageData().GetDimensions()
    return bool(
        same_size and np.abs(own @ corners - of_mask @ corners).max() < GEOMETRY_TOLERANCE_MM
    )
