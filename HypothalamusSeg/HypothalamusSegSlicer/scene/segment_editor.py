"""Slicer's Segment Editor, set up for one segment of a result."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from ..volumes.segment_voxels import read_segment
from .result_nodes import ResultNodes

SINGLETON_TAG = "HypothalamusSegEditor"
BRUSH = {
    "BrushDiameterIsRelative": "0",
    "BrushAbsoluteDiameter": "1",  # mm
    "BrushSphere": "1",
}
# The border of the ICV runs through bright and dark tissue: any range would be in the way.
ROLES_WITH_RANGE = ("hypothalamus", "subunits")
RANGE_MARGIN = 0.02  # of the range's width, for the editor's own rounding


def editor_node(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLSegmentEditorNode:
    """The panel's own settings of the Segment Editor; created if missing."""
    node = scene.GetSingletonNode(SINGLETON_TAG, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        node.UnRegister(None)
        node.SetSingletonTag(SINGLETON_TAG)
        node = scene.AddNode(node)
    for name, value in BRUSH.items():
        if node.GetAttribute(name) is None:  # new, or emptied when the scene was closed
            node.SetAttribute(name, value)
    return node


def protect_others(
    editor: slicer.vtkMRMLSegmentEditorNode, nodes: ResultNodes, role: str, identifier: str
) -> None:
    """Allow edits only outside all other segments, and where the scan looks like the structure.

    Left and right touch: a stroke on one must not take voxels from the other, nor give a voxel to
    both. The networks' own voxels are always within the range, so they can be erased.
    """
    editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    editor.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
    found = intensity_range(nodes, role, identifier) if role in ROLES_WITH_RANGE else None
    editor.SetSourceVolumeIntensityMask(found is not None)
    if found is not None:
        editor.SetSourceVolumeIntensityMaskRange(*found)


def intensity_range(nodes: ResultNodes, role: str, identifier: str) -> tuple[float, float] | None:
    """Lowest and highest value of the scan inside the networks' segment; None if it is empty."""
    from scipy.ndimage import map_coordinates

    original = nodes.network_output(role)
    voxels = read_segment(original, identifier) if original is not None else None
    if voxels is None or not voxels.inside.any():
        return None
    k, j, i = np.nonzero(voxels.inside)
    indices = np.stack([i, j, k, np.ones_like(i)]) + np.array([[n] for n in (*voxels.start, 0)])
    ras_to_ijk = vtk.vtkMatrix4x4()
    nodes.volume.GetRASToIJKMatrix(ras_to_ijk)
    places = slicer.util.arrayFromVTKMatrix(ras_to_ijk) @ voxels.image_to_world @ indices
    scan = slicer.util.arrayFromVolume(nodes.volume).astype(np.float32, copy=False)
    values = map_coordinates(scan, places[2::-1], order=1, mode="nearest")
    low, high = float(values.min()), float(values.max())
    margin = RANGE_MARGIN * (high - low)
    return low - margin, high + margin
