"""Two scans side by side in linked views: the prior on the left, the current scan on the right."""

from __future__ import annotations

import slicer

from .reading_layout import _view

LAYOUT_ID = 67924  # beside that of the reading layout
PRIOR_VIEWS = ("HypothalamusSegPriorCoronal", "HypothalamusSegPriorAxial")
CURRENT_VIEWS = ("Green", "Red")
_ROW = '<item><layout type="horizontal" split="true">{views}</layout></item>'
LAYOUT = (
    '<layout type="vertical" split="true">'
    + "".join(
        _ROW.format(
            views=_view(prior, orientation, f"prior {letter}", colour)
            + _view(current, orientation, letter, colour)
        )
        for prior, current, orientation, letter, colour in (
            (PRIOR_VIEWS[0], CURRENT_VIEWS[0], "Coronal", "G", "#6EB04B"),
            (PRIOR_VIEWS[1], CURRENT_VIEWS[1], "Axial", "R", "#F34A33"),
        )
    )
    + "</layout>"
)


class SideBySide:
    """Switches the layout on and off; the user's layout comes back.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def __init__(self, scene: slicer.vtkMRMLScene) -> None:
        self._scene = scene
        self._before: int | None = None

    @property
    def is_on(self) -> bool:
        node = self._node()
        return node is not None and node.GetViewArrangement() == LAYOUT_ID

    def show(
        self,
        prior: slicer.vtkMRMLScalarVolumeNode,
        current: slicer.vtkMRMLScalarVolumeNode,
        centre_ras: tuple[float, float, float] | None,
    ) -> None:
        """Show both scans, all views linked, at one point."""
        node = self._node()
        if node is None:
            return
        if not node.IsLayoutDescription(LAYOUT_ID):
            node.AddLayoutDescription(LAYOUT_ID, LAYOUT)
        if not self.is_on:
            self._before = node.GetViewArrangement()
        node.SetViewArrangement(LAYOUT_ID)
        for names, volume in ((PRIOR_VIEWS, prior), (CURRENT_VIEWS, current)):
            for name in names:
                self._fill(name, volume, centre_ras)

    def restore(self) -> None:
        """Restore the user's layout."""
        node = self._node()
        if node is not None and self.is_on and self._before is not None:
            node.SetViewArrangement(self._before)
        self._before = None

    def _fill(self, name: str, volume, centre_ras) -> None:
        composite = self._scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")
        view = self._scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        if composite is not None:
            # Linked views would pass the background on to each other.
            composite.SetLinkedControl(False)
            composite.SetBackgroundVolumeID(volume.GetID())
            composite.SetLinkedControl(True)
        if view is not None and centre_ras is not None:
            view.JumpSliceByCentering(*centre_ras)

    def _node(self) -> slicer.vtkMRMLLayoutNode | None:
        return self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
