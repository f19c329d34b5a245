"""Move slice views to the hypothalamus and from slice to slice."""

from __future__ import annotations

import slicer

CLOSE_FIELD_OF_VIEW_MM = 70.0
CORONAL = "Coronal"


def centre_ras(node: slicer.vtkMRMLSegmentationNode) -> tuple[float, float, float] | None:
    """Center of a segmentation as displayed; None if it is empty."""
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    if bounds[0] > bounds[1]:
        return None
    return tuple((bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3))


def go_to(node: slicer.vtkMRMLSegmentationNode) -> bool:
    """Center all slice views on a segmentation and zoom in; False if it is empty."""
    centre = centre_ras(node)
    if centre is None:
        return False
    for view in _slice_nodes(node.GetScene()):
        width, height, depth = view.GetFieldOfView()
        view.SetFieldOfView(
            CLOSE_FIELD_OF_VIEW_MM, CLOSE_FIELD_OF_VIEW_MM * height / max(width, 1e-6), depth
        )
        view.JumpSliceByCentering(*centre)
    return True


def step_coronal(scene: slicer.vtkMRMLScene, step_mm: float) -> None:
    """Move every coronal view by one step; positive is anterior."""
    for view in _slice_nodes(scene):
        if view.GetOrientationString() == CORONAL:
            # With Slicer's coronal preset the slice's normal points to anterior.
            normal_to_anterior = view.GetSliceToRAS().GetElement(1, 2) > 0
            view.SetSliceOffset(
                view.GetSliceOffset() + (step_mm if normal_to_anterior else -step_mm)
            )


def _slice_nodes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceNode]:
    collection = scene.GetNodesByClass("vtkMRMLSliceNode")
    collection.UnRegister(None)
    return [collection.GetItemAsObject(i) for i in range(collection.GetNumberOfItems())]
