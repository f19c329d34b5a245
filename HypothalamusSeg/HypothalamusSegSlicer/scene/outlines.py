"""Outlines and overlay of a result, hidden for a moment to see the image."""

from __future__ import annotations

import slicer

from .disagreement import composite_nodes
from .result_nodes import ResultNodes


class Outlines:
    """Hides what is drawn over the slices, and restores it."""

    def __init__(self) -> None:
        self._hidden: list[slicer.vtkMRMLDisplayNode] = []
        self._views: list[tuple[slicer.vtkMRMLSliceCompositeNode, float]] = []

    @property
    def are_off(self) -> bool:
        return bool(self._hidden or self._views)

    def switch_off(self, nodes: ResultNodes) -> None:
        """Once; later calls change nothing until they are on again."""
        if self.are_off:
            return
        displays = [node.GetDisplayNode() for _plan, node in nodes.segmentations()]
        self._hidden = [d for d in displays if d is not None and d.GetVisibility2D()]
        for display in self._hidden:
            display.SetVisibility2D(False)
        for view in composite_nodes(nodes.volume.GetScene()):
            if view.GetForegroundVolumeID():
                self._views.append((view, view.GetForegroundOpacity()))
                view.SetForegroundOpacity(0.0)

    def switch_on(self) -> None:
        for display in self._hidden:
            display.SetVisibility2D(True)
        for view, opacity in self._views:
            view.SetForegroundOpacity(opacity)
        self._hidden, self._views = [], []
