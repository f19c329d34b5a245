"""What a reader looks at: the most doubtful slice, disagreement, mirrored sides, no outlines."""

from __future__ import annotations

import slicer

from ..scene.disagreement import go_to_place, most_doubtful_ras, show_disagreement
from ..scene.outlines import Outlines
from ..scene.reading_layout import ReadingLayout
from ..scene.result_nodes import ResultNodes
from .held_key import HeldKey

HIDE_KEY = "H"


class HangingSection:
    """Buttons that change the views, not the result.

    Parameters
    ----------
    ui : namespace of widgets
    scene : vtkMRMLScene
    layout : ReadingLayout
    window : QWidget
        Its key hides the outlines, in other modules too.
    """

    def __init__(self, ui, scene: slicer.vtkMRMLScene, layout: ReadingLayout, window) -> None:
        self.ui, self._scene, self._layout = ui, scene, layout
        self._nodes: ResultNodes | None = None
        self._outlines = Outlines()
        self.key = HeldKey(window, HIDE_KEY, self._hide, self._outlines.switch_on)
        ui.doubtfulButton.connect("clicked(bool)", self._go_to_doubt)
        ui.disagreementButton.connect("toggled(bool)", self._show_disagreement)
        ui.mirrorButton.connect("toggled(bool)", self._mirror)
        ui.hideButton.connect("pressed()", self._hide)
        ui.hideButton.connect("released()", self._outlines.switch_on)

    def show(self, nodes: ResultNodes | None) -> None:
        self._outlines.switch_on()
        self._nodes = nodes
        has_spread = nodes is not None and nodes.spread is not None
        for name in ("doubtfulButton", "disagreementButton"):
            getattr(self.ui, name).enabled = has_spread
        for name in ("mirrorButton", "hideButton"):
            getattr(self.ui, name).enabled = nodes is not None
        self.show_overlay()

    def show_overlay(self) -> None:
        """Lay the disagreement over the views, if that is wanted."""
        if self._nodes is not None:
            show_disagreement(self._nodes, self.ui.disagreementButton.checked)

    def close(self) -> None:
        self.key.close()

    def _go_to_doubt(self, checked: bool = False) -> None:
        place = most_doubtful_ras(self._nodes)
        if place is not None:
            go_to_place(self._scene, place)

    def _show_disagreement(self, is_shown: bool) -> None:
        self.show_overlay()

    def _mirror(self, is_mirrored: bool) -> None:
        self._layout.is_mirrored = is_mirrored
        if self._nodes is not None and (is_mirrored or self._layout.is_on):
            self.ui.layoutButton.checked = True
            self._layout.show(self._nodes)

    def _hide(self) -> None:
        if self._nodes is not None:
            self._outlines.switch_off(self._nodes)
