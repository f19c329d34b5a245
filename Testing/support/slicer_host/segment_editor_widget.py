"""``qMRMLSegmentEditorWidget``: what a panel that embeds the Segment Editor asks of it."""
# ruff: noqa: N801, N802, N815 (names of Slicer)

from __future__ import annotations

import slicer
from PySide6 import QtCore, QtWidgets

from .mrml_widgets import qMRMLWidget
from .problems import report
from .segmentation_widgets import qMRMLSegmentsTableView


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """The Segment Editor on its true logic, but without effects.

    Edits are made in tests through ``vtkSlicerSegmentEditorLogic`` or on the labelmaps themselves.
    """

    properties = {
        "segmentationNodeSelectorVisible": True,
        "sourceVolumeNodeSelectorVisible": True,
        "maskingSectionVisible": True,
        "specifyGeometryButtonVisible": True,
        "show3DButtonVisible": True,
        "addRemoveSegmentButtonsVisible": True,
        "autoShowSourceVolumeNode": True,
        "switchToSegmentationsButtonVisible": True,
        "undoEnabled": True,
        "maximumNumberOfUndoStates": 10,
        "readOnly": False,
        "effectColumnCount": 2,
        "effectButtonStyle": 0,
        "unorderedEffectsVisible": True,
        "defaultTerminologyEntrySettingsKey": "",
        "defaultTerminologyEntry": "",
        "jumpToSelectedSegmentEnabled": False,
    }
    currentSegmentIDChanged = QtCore.Signal(str)
    segmentationNodeChanged = QtCore.Signal(object)
    sourceVolumeNodeChanged = QtCore.Signal(object)
    vtk_signals = {
        "segmentationNodeChanged(vtkMRMLSegmentationNode*)": "segmentationNodeChanged",
        "sourceVolumeNodeChanged(vtkMRMLVolumeNode*)": "sourceVolumeNodeChanged",
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._segments = qMRMLSegmentsTableView()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._segments)
        layout.addWidget(QtWidgets.QLabel("Effects of the Segment Editor (none in this stand-in)"))

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        self._logic.SetMRMLScene(scene)
        super().setMRMLScene(scene)

    def mrmlSegmentEditorNode(self) -> slicer.vtkMRMLSegmentEditorNode | None:
        return self._logic.GetSegmentEditorNode()

    def setMRMLSegmentEditorNode(self, node: slicer.vtkMRMLSegmentEditorNode | None) -> None:
        self._logic.SetSegmentEditorNode(node)
        self._segments.setSegmentationNode(self.segmentationNode())

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        node = self.mrmlSegmentEditorNode()
        return node.GetSegmentationNode() if node is not None else None

    def segmentationNodeID(self) -> str:
        node = self.segmentationNode()
        return node.GetID() if node is not None else ""

    def setSegmentationNode(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        if self._has_editor_node("setSegmentationNode") and node is not self.segmentationNode():
            self._logic.SetSegmentationNode(node)
            self._segments.setSegmentationNode(node)
            self.segmentationNodeChanged.emit(node)

    def sourceVolumeNode(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        node = self.mrmlSegmentEditorNode()
        return node.GetSourceVolumeNode() if node is not None else None

    def sourceVolumeNodeID(self) -> str:
        node = self.sourceVolumeNode()
        return node.GetID() if node is not None else ""

    def setSourceVolumeNode(self, node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        if self._has_editor_node("setSourceVolumeNode") and node is not self.sourceVolumeNode():
            self._logic.SetSourceVolumeNode(node)
            self.sourceVolumeNodeChanged.emit(node)

    def currentSegmentID(self) -> str:
        node = self.mrmlSegmentEditorNode()
        return (node.GetSelectedSegmentID() or "") if node is not None else ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        if self._has_editor_node("setCurrentSegmentID") and segment_id != self.currentSegmentID():
            self._logic.SetCurrentSegmentID(segment_id)
            self.currentSegmentIDChanged.emit(segment_id)

    def _has_editor_node(self, method: str) -> bool:
        """Without a node that keeps its choices, the editor forgets them."""
        if self.mrmlSegmentEditorNode() is None:
            report(f"qMRMLSegmentEditorWidget: {method} before setMRMLSegmentEditorNode")
            return False
        return True

    def setActiveEffectByName(self, name: str) -> None:
        if name:
            report(f"qMRMLSegmentEditorWidget: the effect '{name}' has no stand-in")

    def activeEffect(self) -> None:
        """None, because there are no effects."""

    def setActiveEffect(self, effect: object) -> None:
        if effect is not None:
            report("qMRMLSegmentEditorWidget: effects have no stand-in")

    def setEffectNameOrder(self, names: list[str]) -> None:
        """Ignore the order: there are no effects."""

    def updateWidgetFromMRML(self) -> None:
        self._segments.setSegmentationNode(self.segmentationNode())

    def installKeyboardShortcuts(self, parent: QtWidgets.QWidget | None = None) -> None:
        """Install nothing: the shortcuts are those of effects."""

    def uninstallKeyboardShortcuts(self) -> None:
        """Remove nothing, see `installKeyboardShortcuts`."""

    def setupViewObservations(self) -> None:
        """Observe nothing: effects would."""

    def removeViewObservations(self) -> None:
        """Nothing to remove, see `setupViewObservations`."""
