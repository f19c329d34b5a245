"""Slicer's Segment Editor, set up for one segment of a result."""

from __future__ import annotations

import slicer

SINGLETON_TAG = "HypothalamusSegEditor"
BRUSH = {
    "BrushDiameterIsRelative": "0",
    "BrushAbsoluteDiameter": "1",  # mm
    "BrushSphere": "1",
}


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
    editor: slicer.vtkMRMLSegmentEditorNode, intensities: tuple[float, float] | None
) -> None:
    """Allow edits only outside all other segments, and in a range of the scan if one is given.

    Left and right touch: a stroke on one must neither take voxels from the other nor assign a voxel
    to both.
    """
    editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    editor.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
    editor.SetSourceVolumeIntensityMask(intensities is not None)
    if intensities is not None:
        editor.SetSourceVolumeIntensityMaskRange(*intensities)
