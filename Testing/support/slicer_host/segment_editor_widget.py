"""``qMRMLSegmentEditorWidget``: what a panel that embeds the Segment Editor asks of it."""
# ruff: noqa: N801, N802, N815 (names of Slicer)

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_widgets import qMRMLWidget
from .observers import WidgetObserver
from .problems import report

_ID = QtCore.Qt.ItemDataRole.UserRole
# Reference of a segmentation to the volume that it was made for.
_REFERENCE_VOLUME = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """The Segment Editor on its true logic, with undo and redo, but without effects.

    Edits are made in tests through ``vtkSlicerSegmentEditorLogic``. As in Slicer, another
    segmentation node means that its first segment and its reference volume are selected, whatever
    was selected before, and that happens no earlier than the widget has both scene and node.
    """

    properties = {
        "segmentationNodeSelectorVisible": True,
        "sourceVolumeNodeSelectorVisible": True,
        "specifyGeometryButtonVisible": True,
        "show3DButtonVisible": True,
        "addRemoveSegmentButtonsVisible": True,
        "autoShowSourceVolumeNode": True,
        "switchToSegmentationsButtonVisible": True,
        "maximumNumberOfUndoStates": 10,
        "unorderedEffectsVisible": True,
    }
    currentSegmentIDChanged = QtCore.Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._segments = QtWidgets.QListWidget()
        self._observer = WidgetObserver(self._update)
        self._shown_segmentation, self._shown_segment = None, ""
        self.__dict__.update(observes_views=False, has_shortcuts=False)
        buttons = QtWidgets.QHBoxLayout()
        for title, slot in (("Undo", self.undo), ("Redo", self.redo)):
            button = QtWidgets.QToolButton()
            button.setText(title)
            button.clicked.connect(slot)
            buttons.addWidget(button)
        buttons.addStretch(1)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._segments)
        layout.addWidget(QtWidgets.QLabel("Effects of the Segment Editor (none in this stand-in)"))
        layout.addLayout(buttons)

    def _maximumNumberOfUndoStates_changed(self) -> None:
        self._logic.SetMaximumNumberOfUndoStates(self.maximumNumberOfUndoStates)

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        self._logic.SetMRMLScene(scene)
        super().setMRMLScene(scene)
        self._update()

    def mrmlSegmentEditorNode(self) -> slicer.vtkMRMLSegmentEditorNode | None:
        return self._logic.GetSegmentEditorNode()

    def setMRMLSegmentEditorNode(self, node: slicer.vtkMRMLSegmentEditorNode | None) -> None:
        self._logic.SetSegmentEditorNode(node)
        self._observer.observe([] if node is None else [node], [vtk.vtkCommand.ModifiedEvent])
        self._update()

    def setSegmentationNode(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        if self._has_editor_node("setSegmentationNode"):
            self._logic.SetSegmentationNode(node)

    def setSourceVolumeNode(self, node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        if self._has_editor_node("setSourceVolumeNode"):
            self._logic.SetSourceVolumeNode(node)

    def currentSegmentID(self) -> str:
        node = self.mrmlSegmentEditorNode()
        return (node.GetSelectedSegmentID() or "") if node is not None else ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        if self._has_editor_node("setCurrentSegmentID"):
            self.mrmlSegmentEditorNode().SetSelectedSegmentID(segment_id)

    def _update(self, node: slicer.vtkMRMLSegmentEditorNode | None = None) -> None:
        """Follow the editor's node."""
        editor = self.mrmlSegmentEditorNode()
        if editor is None or self.mrmlScene() is None:
            return
        segmentation = editor.GetSegmentationNode()
        if segmentation is not self._shown_segmentation:
            self._shown_segmentation = segmentation
            self._segments.clear()
            if segmentation is not None:
                self._list_segments(segmentation)
                self._logic.SetSourceVolumeNode(segmentation.GetNodeReference(_REFERENCE_VOLUME))
                self.setCurrentSegmentID(segmentation.GetSegmentation().GetNthSegmentID(0))
        if self.currentSegmentID() != self._shown_segment:
            self._shown_segment = self.currentSegmentID()
            for row in range(self._segments.count):
                item = self._segments.item(row)
                item.setSelected(item.data(_ID) == self._shown_segment)
            self.currentSegmentIDChanged.emit(self._shown_segment)

    def _list_segments(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        for identifier in node.GetSegmentation().GetSegmentIDs():
            segment = node.GetSegmentation().GetSegment(identifier)
            item = QtWidgets.QListWidgetItem(segment.GetName(), self._segments)
            item.setData(_ID, identifier)
            picture = QtGui.QPixmap(12, 12)
            picture.fill(QtGui.QColor.fromRgbF(*segment.GetColor()))
            item.setIcon(QtGui.QIcon(picture))

    def _has_editor_node(self, method: str) -> bool:
        """Without a node that keeps its choices, the editor forgets them."""
        if self.mrmlSegmentEditorNode() is None:
            report(f"qMRMLSegmentEditorWidget: {method} before setMRMLSegmentEditorNode")
            return False
        return True

    def saveStateForUndo(self) -> None:
        self._logic.SaveStateForUndo()

    def undo(self) -> None:
        self._logic.Undo()

    def redo(self) -> None:
        self._logic.Redo()

    def setActiveEffect(self, effect: object) -> None:
        if effect is not None:
            report("qMRMLSegmentEditorWidget: effects have no stand-in")

    def setEffectNameOrder(self, names: list[str]) -> None:
        """Ignore the order: there are no effects."""

    def installKeyboardShortcuts(self, parent: QtWidgets.QWidget | None = None) -> None:
        self.__dict__["has_shortcuts"] = True

    def uninstallKeyboardShortcuts(self) -> None:
        self.__dict__["has_shortcuts"] = False

    def setupViewObservations(self) -> None:
        self.__dict__["observes_views"] = True

    def removeViewObservations(self) -> None:
        self.__dict__["observes_views"] = False


# A property only: the setter is neither slot nor invokable, so Python does not see it.
del qMRMLSegmentEditorWidget.setUnorderedEffectsVisible
