"""One volume and its own result in the views, and nothing of another patient."""

from __future__ import annotations

import slicer

from .result_nodes import ROLE_ATTRIBUTE, VOLUME_REFERENCE

# Marks what this module hid, so that what the user hid stays hidden.
HIDDEN_ATTRIBUTE = "HypothalamusSeg.Hidden"


def show_alone(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Make a volume the background of all slice views and hide the results of others.

    Foreground and label layers are emptied when the background changes: they belong to the image
    that was there before.
    """
    scene = volume.GetScene()
    for node in _nodes(scene, "vtkMRMLSegmentationNode"):
        display = node.GetDisplayNode()
        if display is not None and node.GetAttribute(ROLE_ATTRIBUTE):
            _show(display, node.GetNodeReferenceID(VOLUME_REFERENCE) == volume.GetID())
    views = _nodes(scene, "vtkMRMLSliceCompositeNode")
    if any(view.GetBackgroundVolumeID() != volume.GetID() for view in views):
        slicer.util.setSliceViewerLayers(background=volume, foreground=None, label=None, fit=True)


def volume_to_start_with(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The volume that a slice view shows, or else the first of the scene that can be segmented."""
    shown = [
        scene.GetNodeByID(view.GetBackgroundVolumeID() or "")
        for view in _nodes(scene, "vtkMRMLSliceCompositeNode")
    ]
    every = [*shown, *_nodes(scene, "vtkMRMLScalarVolumeNode")]
    return next((node for node in every if is_scan(node)), None)


def is_scan(node: slicer.vtkMRMLNode | None) -> bool:
    """Whether a node is an image with one value per voxel, not labels, vectors or our own maps."""
    is_image = node is not None and node.GetClassName() == "vtkMRMLScalarVolumeNode"
    return is_image and not node.GetAttribute(ROLE_ATTRIBUTE)


def _show(display: slicer.vtkMRMLSegmentationDisplayNode, is_own: bool) -> None:
    if is_own and display.GetAttribute(HIDDEN_ATTRIBUTE):
        display.RemoveAttribute(HIDDEN_ATTRIBUTE)
        display.SetVisibility(True)
    elif not is_own and display.GetVisibility():
        display.SetAttribute(HIDDEN_ATTRIBUTE, "1")
        display.SetVisibility(False)


def _nodes(scene: slicer.vtkMRMLScene, class_name: str) -> list:
    collection = scene.GetNodesByClass(class_name)
    collection.UnRegister(None)
    return [collection.GetItemAsObject(i) for i in range(collection.GetNumberOfItems())]
