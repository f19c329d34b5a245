"""Move slice views to the hypothalamus and from slice to slice."""

from __future__ import annotations

import math

import slicer

CLOSE_FIELD_OF_VIEW_MM = 70.0
RIGHT_LEFT, ANTERIOR_POSTERIOR = 0, 1
SIDES = ("hypothalamus_left", "hypothalamus_right")
MARGIN_3D = 1.3  # around the structure


def centre_ras(node: slicer.vtkMRMLSegmentationNode) -> tuple[float, float, float] | None:
    """Center of a segmentation as displayed; None if it is empty."""
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    if bounds[0] > bounds[1]:
        return None
    return tuple((bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3))


def go_to(node: slicer.vtkMRMLSegmentationNode, segment: str = "") -> bool:
    """Center all slice views on a segmentation and zoom in; False if it is empty.

    Sagittal views go through ``segment``, or else through one side of the hypothalamus: between
    the two lies the third ventricle.
    """
    centre = centre_ras(node)
    if centre is None:
        return False
    sagittal = (_sagittal_place(node, segment, centre[RIGHT_LEFT]), *centre[1:])
    for view in slice_nodes(node.GetScene()):
        width, height, depth = view.GetFieldOfView()
        view.SetFieldOfView(
            CLOSE_FIELD_OF_VIEW_MM, CLOSE_FIELD_OF_VIEW_MM * height / max(width, 1e-6), depth
        )
        view.JumpSliceByCentering(*(sagittal if _main_axis(view) == RIGHT_LEFT else centre))
    return True


def step_coronal(scene: slicer.vtkMRMLScene, step_mm: float) -> None:
    """Move every coronal view, oblique ones too, by one step; positive is anterior."""
    for view in slice_nodes(scene):
        if _main_axis(view) == ANTERIOR_POSTERIOR:
            normal_to_anterior = view.GetSliceToRAS().GetElement(ANTERIOR_POSTERIOR, 2) > 0
            view.SetSliceOffset(
                view.GetSliceOffset() + (step_mm if normal_to_anterior else -step_mm)
            )


def look_at(node: slicer.vtkMRMLSegmentationNode) -> None:
    """Point the cameras of all 3-D views at a segmentation, from the front."""
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    if bounds[0] > bounds[1]:
        return
    centre = centre_ras(node)
    radius_mm = math.dist(bounds[::2], bounds[1::2]) / 2
    collection = node.GetScene().GetNodesByClass("vtkMRMLCameraNode")
    collection.UnRegister(None)
    for index in range(collection.GetNumberOfItems()):
        camera = collection.GetItemAsObject(index)
        half_angle = math.radians(camera.GetViewAngle() / 2)
        distance_mm = MARGIN_3D * radius_mm / math.sin(half_angle)
        camera.SetFocalPoint(*centre)
        camera.SetPosition(centre[0], centre[1] + distance_mm, centre[2])
        camera.SetViewUp(0, 0, 1)
        camera.ResetClippingRange()


def _sagittal_place(
    node: slicer.vtkMRMLSegmentationNode, preferred: str, otherwise_mm: float
) -> float:
    for identifier in (preferred, *SIDES):
        if identifier and node.GetSegmentation().GetSegment(identifier) is not None:
            found = node.GetSegmentCenterRAS(identifier)
            if found is not None:
                return found[RIGHT_LEFT]
    return otherwise_mm


def _main_axis(view: slicer.vtkMRMLSliceNode) -> int:
    """The axis of RAS that a slice's normal is closest to."""
    return max(range(3), key=lambda axis: abs(view.GetSliceToRAS().GetElement(axis, 2)))


def slice_nodes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceNode]:
    collection = scene.GetNodesByClass("vtkMRMLSliceNode")
    collection.UnRegister(None)
    return [collection.GetItemAsObject(i) for i in range(collection.GetNumberOfItems())]
