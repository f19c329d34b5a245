"""A layout for reading: a large coronal view, axial, a sagittal view through each side, 3-D.

The user's layout and window return when it is switched off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from .navigation import SIDES, centre_ras, go_to
from .result_nodes import ResultNodes
from .shown_volume import show_alone

# Any numbers that Slicer and other modules do not use.
LAYOUT_ID, MIRRORED_LAYOUT_ID = 67923, 67924
SECOND_SAGITTAL, MIRROR = "HypothalamusSegRight", "HypothalamusSegMirror"
REGION_MM = 35.0  # around the center, for the window
PERCENTILES = (1.0, 99.5)
_VIEW = (
    '<item{size}><view class="vtkMRMLSliceNode" singletontag="{tag}">'
    '<property name="orientation" action="default">{orientation}</property>'
    '<property name="viewlabel" action="default">{label}</property>'
    '<property name="viewcolor" action="default">{colour}</property></view></item>'
)


def _view(tag: str, orientation: str, label: str, colour: str, size: str = "") -> str:
    return _VIEW.format(tag=tag, orientation=orientation, label=label, colour=colour, size=size)


_OTHERS = (
    '<item splitSize="{size}"><layout type="vertical" split="true">'
    + _view("Red", "Axial", "R", "#F34A33")
    + _view("Yellow", "Sagittal", "Y", "#EDD54C")
    + _view(SECOND_SAGITTAL, "Sagittal", "Y2", "#EDD54C")
    + '<item><view class="vtkMRMLViewNode" singletontag="1">'
    '<property name="viewlabel" action="default">1</property></view></item>'
    "</layout></item>"
)
_ROW = '<layout type="horizontal" split="true">{views}</layout>'
LAYOUT = _ROW.format(
    views=_view("Green", "Coronal", "G", "#6EB04B", ' splitSize="650"') + _OTHERS.format(size=350)
)
MIRRORED_LAYOUT = _ROW.format(
    views=_view("Green", "Coronal", "G", "#6EB04B", ' splitSize="400"')
    + _view(MIRROR, "Coronal", "from behind", "#6EB04B", ' splitSize="400"')
    + _OTHERS.format(size=200)
)
LAYOUTS = {LAYOUT_ID: LAYOUT, MIRRORED_LAYOUT_ID: MIRRORED_LAYOUT}


@dataclass(frozen=True)
class _Before:
    """What the user had."""

    layout: int
    volume_id: str
    is_auto: bool
    window: float
    level: float


class ReadingLayout:
    """Switches the layout on and off.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def __init__(self, scene: slicer.vtkMRMLScene) -> None:
        self._scene = scene
        self._before: _Before | None = None
        # Next to the coronal view, one from behind: both sides are then on the same side of the
        # pictures.
        self.is_mirrored = False

    @property
    def is_on(self) -> bool:
        node = self._node()
        return node is not None and node.GetViewArrangement() in LAYOUTS

    @property
    def volume_id(self) -> str:
        """Of the volume that is arranged; empty if none is."""
        return self._before.volume_id if self._before is not None and self.is_on else ""

    def show(self, nodes: ResultNodes) -> None:
        """Arrange the views around the hypothalamus of a result."""
        node, structure = self._node(), nodes.segmentation("hypothalamus")
        if node is None or structure is None or centre_ras(structure) is None:
            return
        for number, description in LAYOUTS.items():
            if not node.IsLayoutDescription(number):
                node.AddLayoutDescription(number, description)
        self._restore_window()
        display = nodes.volume.GetDisplayNode()
        layout = self._before.layout if self._before and self.is_on else node.GetViewArrangement()
        if display is not None:
            values = (bool(display.GetAutoWindowLevel()), display.GetWindow(), display.GetLevel())
            self._before = _Before(layout, nodes.volume.GetID(), *values)
            low, high = _window_of_region(nodes, structure)
            display.SetAutoWindowLevel(False)
            display.SetWindowLevelMinMax(low, high)
        node.SetViewArrangement(MIRRORED_LAYOUT_ID if self.is_mirrored else LAYOUT_ID)
        show_alone(nodes.volume)
        self._look_from_behind()
        go_to(structure, SIDES[0])
        self._centre_second_sagittal(structure)

    def restore(self) -> None:
        """Restore the user's layout and window."""
        node = self._node()
        self._restore_window()
        if node is not None and self._before is not None and self.is_on:
            node.SetViewArrangement(self._before.layout)
        self._before = None

    def _restore_window(self) -> None:
        if self._before is None:
            return
        volume = self._scene.GetNodeByID(self._before.volume_id)
        display = volume.GetDisplayNode() if volume is not None else None
        if display is not None:
            display.SetWindowLevel(self._before.window, self._before.level)
            display.SetAutoWindowLevel(self._before.is_auto)

    def _centre_second_sagittal(self, structure: slicer.vtkMRMLSegmentationNode) -> None:
        view = self._scene.GetSingletonNode(SECOND_SAGITTAL, "vtkMRMLSliceNode")
        has_side = structure.GetSegmentation().GetSegment(SIDES[1]) is not None
        side = structure.GetSegmentCenterRAS(SIDES[1]) if has_side else None
        if view is not None and side is not None:
            view.JumpSliceByCentering(side[0], *centre_ras(structure)[1:])

    def _look_from_behind(self) -> None:
        """Turn the plane around: the patient's right is then on the right."""
        view = self._scene.GetSingletonNode(MIRROR, "vtkMRMLSliceNode")
        if view is not None:
            # Normal to the back, horizontal to the right; the position is set afterwards.
            view.SetSliceToRASByNTP(0, -1, 0, 1, 0, 0, 0, 0, 0, 0)

    def _node(self) -> slicer.vtkMRMLLayoutNode | None:
        return self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _window_of_region(
    nodes: ResultNodes, structure: slicer.vtkMRMLSegmentationNode
) -> tuple[float, float]:
    """Darkest and brightest gray around the hypothalamus; fat and vessels are brighter."""
    world = vtk.vtkMatrix4x4()
    nodes.volume.GetRASToIJKMatrix(world)
    centre = np.append(_in_volume_space(nodes.volume, centre_ras(structure)), 1.0)
    to_ijk = slicer.util.arrayFromVTKMatrix(world)
    place = (to_ijk @ centre)[:3]
    reach = REGION_MM * np.abs(to_ijk[:3, :3]).sum(axis=1)
    scan = slicer.util.arrayFromVolume(nodes.volume)
    box = tuple(
        slice(max(0, int(p - r)), max(1, int(p + r) + 1))
        for p, r in zip(place[::-1], reach[::-1], strict=True)
    )
    region = scan[box] if scan[box].size else scan
    low, high = (float(value) for value in np.percentile(region, PERCENTILES))
    return low, max(high, low + 1e-6)


def _in_volume_space(volume: slicer.vtkMRMLScalarVolumeNode, ras: tuple[float, ...]) -> np.ndarray:
    """A point as displayed, before the volume's parent transform."""
    point = [0.0, 0.0, 0.0]
    volume.TransformPointFromWorld(ras, point)
    return np.array(point)
