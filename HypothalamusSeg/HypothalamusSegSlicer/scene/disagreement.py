"""Where the networks disagree: an overlay on the slices, and the most doubtful place."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from .navigation import ANTERIOR_POSTERIOR, slice_nodes
from .result_nodes import ResultNodes

COLOUR_NODE = "vtkMRMLColorTableNodeIron"  # black, red, yellow, white
# In per mille of posterior, as the engine writes it; three heads had at most 80, 90 and 170.
# Colors begin below the faintest, which would otherwise be black and hide the image.
FAINTEST, BRIGHTEST, BLACK = 30.0, 150.0, -50.0
OVERLAY_OPACITY = 0.6
SLICE_STEP_MM = 0.5


def style_spread(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show only what is doubtful, the same in every case."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(COLOUR_NODE)
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(BLACK, BRIGHTEST)
    display.SetAutoThreshold(False)
    display.SetLowerThreshold(FAINTEST)
    display.SetUpperThreshold(1000.0)
    display.SetApplyThreshold(True)


def show_disagreement(nodes: ResultNodes, is_shown: bool) -> None:
    """Show the spread over the slices, or remove it; other foregrounds are not touched."""
    spread = nodes.spread
    if spread is None:
        return
    for view in composite_nodes(nodes.volume.GetScene()):
        if is_shown:
            view.SetForegroundVolumeID(spread.GetID())
            view.SetForegroundOpacity(OVERLAY_OPACITY)
        elif view.GetForegroundVolumeID() == spread.GetID():
            view.SetForegroundVolumeID(None)


def composite_nodes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceCompositeNode]:
    """What each slice view shows."""
    collection = scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    collection.UnRegister(None)
    return [collection.GetItemAsObject(i) for i in range(collection.GetNumberOfItems())]


def most_doubtful_ras(nodes: ResultNodes) -> tuple[float, float, float] | None:
    """Center of doubt in the most doubtful coronal slice, in RAS as shown.

    Doubt of a slice is the sum of the spread over its voxels. None where there is no spread, or no
    doubt.
    """
    spread = nodes.spread
    values = slicer.util.arrayFromVolume(spread) if spread is not None else np.zeros(1)
    if not values.any():
        return None
    k, j, i = np.nonzero(values)
    weights = values[k, j, i].astype(float)
    places = (_to_world(spread) @ np.stack([i, j, k, np.ones_like(i)]))[:3]
    slices = np.round(places[ANTERIOR_POSTERIOR] / SLICE_STEP_MM).astype(int)
    first = slices.min()
    doubt = np.bincount(slices - first, weights)
    in_slice = slices == doubt.argmax() + first
    centre = np.average(places[:, in_slice], axis=1, weights=weights[in_slice])
    return tuple(float(value) for value in centre)


def go_to_place(scene: slicer.vtkMRMLScene, ras: tuple[float, float, float]) -> None:
    """Move every slice view through a place; zoom and center stay."""
    for view in slice_nodes(scene):
        view.JumpSliceByOffsetting(*ras)


def _to_world(node: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """From voxel indices to RAS, with the transforms above the node."""
    to_ras, above = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    if node.GetParentTransformNode() is not None:
        node.GetParentTransformNode().GetMatrixTransformToWorld(above)
    return slicer.util.arrayFromVTKMatrix(above) @ slicer.util.arrayFromVTKMatrix(to_ras)
