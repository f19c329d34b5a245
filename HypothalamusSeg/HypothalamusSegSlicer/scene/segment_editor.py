"""Slicer's Segment Editor, opened on one segment."""

from __future__ import annotations

import slicer

SINGLETON_TAG = "SegmentEditor"


def open_segment_editor(
    node: slicer.vtkMRMLSegmentationNode,
    identifier: str,
    volume: slicer.vtkMRMLScalarVolumeNode,
) -> None:
    """Show the Segment Editor with node, segment and source volume chosen.

    The editor's own parameter node is a singleton of the scene; what is set there the module shows.
    """
    editor = editor_node(node.GetScene())
    editor.SetAndObserveSegmentationNode(node)
    editor.SetAndObserveSourceVolumeNode(volume)
    editor.SetSelectedSegmentID(identifier)
    # Left and right touch: painting one must not silently leave a voxel in both.
    editor.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments)
    slicer.util.selectModule("SegmentEditor")


def editor_node(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLSegmentEditorNode:
    """The parameter node of the Segment Editor; created if missing."""
    node = scene.GetSingletonNode(SINGLETON_TAG, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        node.UnRegister(None)
        node.SetSingletonTag(SINGLETON_TAG)
        node = scene.AddNode(node)
    return node
