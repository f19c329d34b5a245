"""``qMRMLNodeComboBox``: the choice of a node, which follows the scene."""
# ruff: noqa: N801, N802, N815 (names of Slicer)

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .observers import WidgetObserver
from .stand_in import StandIn

_SCENE_EVENTS = (
    slicer.vtkMRMLScene.NodeAddedEvent,
    slicer.vtkMRMLScene.NodeRemovedEvent,
    slicer.vtkMRMLScene.EndBatchProcessEvent,
)


class qMRMLNodeComboBox(StandIn, QtWidgets.QWidget):
    """A combo box of the scene's nodes of some classes, without Slicer's entries to make more."""

    properties = {
        "nodeTypes": [],
        "showChildNodeTypes": True,
        "noneEnabled": False,
        "addEnabled": True,
        "removeEnabled": True,
    }
    currentNodeChanged = QtCore.Signal(object)
    vtk_signals = {"currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = None
        self._scene_observer = WidgetObserver(self._scene_changed)
        self._name_observer = WidgetObserver(self._rename)
        self._offered: list[slicer.vtkMRMLNode] = []
        self._announced_id = ""
        sizes = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(sizes.Preferred, sizes.Fixed)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._box = QtWidgets.QComboBox()
        policies = QtWidgets.QComboBox.SizeAdjustPolicy
        self._box.setSizeAdjustPolicy(policies.AdjustToMinimumContentsLengthWithIcon)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(lambda index: self._announce())
        self.setEnabled(False)

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        self._scene = scene
        self._scene_observer.observe([] if scene is None else [scene], _SCENE_EVENTS)
        self._refill()
        self.setEnabled(scene is not None)

    def _scene_changed(self, scene: slicer.vtkMRMLScene) -> None:
        if not scene.IsBatchProcessing() and self._nodes() != self._offered:
            self._refill()

    def _nodes(self) -> list[slicer.vtkMRMLNode]:
        if self._scene is None:
            return []
        if self.showChildNodeTypes and len(self.nodeTypes) == 1:
            found = self._scene.GetNodesByClass(self.nodeTypes[0])
            found.UnRegister(self._scene)
            every = [found.GetItemAsObject(n) for n in range(found.GetNumberOfItems())]
        else:
            every = [self._scene.GetNthNode(n) for n in range(self._scene.GetNumberOfNodes())]
        return [node for node in every if self._is_offered(node)]

    def nodeCount(self) -> int:
        return len(self._nodes())

    def _is_offered(self, node: slicer.vtkMRMLNode) -> bool:
        if node.GetHideFromEditors():
            return False
        if self.showChildNodeTypes:
            return any(node.IsA(each) for each in self.nodeTypes)
        return node.GetClassName() in self.nodeTypes

    def _refill(self) -> None:
        before = [self._box.itemData(index) for index in range(self._box.count)]
        node, nodes = self.currentNode(), self._nodes()
        self._offered = nodes
        chosen = self._box.currentData or ""
        self._name_observer.observe(nodes, [vtk.vtkCommand.ModifiedEvent])
        blocked = self._box.blockSignals(True)
        self._box.clear()
        if self.noneEnabled:
            self._box.addItem("None", "")
        for each in nodes:
            self._box.addItem(each.GetName(), each.GetID())
        index = self._box.findData(chosen)
        if nodes and chosen and node is None and index < 0:
            # It is gone; Qt then goes on to what stands in its place.
            index = min(before.index(chosen), len(nodes) - 1 + self.noneEnabled)
        elif nodes and not before and self._has_nodes_only():
            index = 0  # Qt chooses the first of what is put into an empty box.
        self._box.setCurrentIndex(index)
        self._box.blockSignals(blocked)
        self._announce()

    def _has_nodes_only(self) -> bool:
        return not (self.noneEnabled or self.addEnabled or self.removeEnabled)

    def _rename(self, node: slicer.vtkMRMLNode) -> None:
        index = self._box.findData(node.GetID())
        if index >= 0 and self._box.itemText(index) != node.GetName():
            self._box.setItemText(index, node.GetName())

    _nodeTypes_changed = _showChildNodeTypes_changed = _noneEnabled_changed = _refill

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        node_id = self._box.currentData
        return self._scene.GetNodeByID(node_id) if self._scene is not None and node_id else None

    def setCurrentNode(self, node: slicer.vtkMRMLNode | None) -> None:
        # Without the entry "None", no node is no entry.
        self._box.setCurrentIndex(self._box.findData(node.GetID() if node is not None else ""))

    def _announce(self) -> None:
        node_id = self._box.currentData or ""
        if node_id != self._announced_id:
            self.__dict__["_announced_id"] = node_id
            self.currentNodeChanged.emit(self.currentNode())
