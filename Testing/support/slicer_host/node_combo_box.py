"""``qMRMLNodeComboBox``: the choice of a node, which follows the scene."""
# ruff: noqa: N801, N802, N815 (names of Slicer)

from __future__ import annotations

import re
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .observers import WidgetObserver
from .problems import report
from .stand_in import StandIn

# Of entries that are commands and not nodes.
_ADD, _REMOVE, _RENAME = "!add ", "!remove", "!rename"
_SCENE_EVENTS = (
    slicer.vtkMRMLScene.NodeAddedEvent,
    slicer.vtkMRMLScene.NodeRemovedEvent,
    slicer.vtkMRMLScene.EndBatchProcessEvent,
)


class qMRMLNodeComboBox(StandIn, QtWidgets.QWidget):
    """A combo box of the scene's nodes of some classes."""

    properties = {
        "nodeTypes": [],
        "hideChildNodeTypes": [],
        "showHidden": False,
        "showChildNodeTypes": True,
        "baseName": "",
        "noneEnabled": False,
        "noneDisplay": "",
        "addEnabled": True,
        "removeEnabled": True,
        "editEnabled": False,
        "renameEnabled": False,
        "interactionNodeSingletonTag": "",
        "selectNodeUponCreation": True,
    }
    currentNodeChanged = QtCore.Signal(object)
    currentNodeValid = QtCore.Signal(bool)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeActivated = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    vtk_signals = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "currentNodeValid",
        "nodeActivated(vtkMRMLNode*)": "nodeActivated",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = None
        self._scene_observer = WidgetObserver(self._scene_changed)
        self._name_observer = WidgetObserver(self._rename)
        self._attributes: list[tuple[str, str, Any]] = []
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
        self._box.activated.connect(self._activated)
        self.setEnabled(False)

    # --- the scene

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        self._scene = scene
        self._scene_observer.observe([] if scene is None else [scene], _SCENE_EVENTS)
        self._refill()
        self.setEnabled(scene is not None)

    def _scene_changed(self, scene: slicer.vtkMRMLScene) -> None:
        if not scene.IsBatchProcessing():
            self._refill()

    def nodes(self) -> list[slicer.vtkMRMLNode]:
        if self._scene is None:
            return []
        every = (self._scene.GetNthNode(n) for n in range(self._scene.GetNumberOfNodes()))
        return [node for node in every if self._is_offered(node)]

    def nodeCount(self) -> int:
        return len(self.nodes())

    def nodeFromIndex(self, index: int) -> slicer.vtkMRMLNode | None:
        nodes = self.nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def addAttribute(self, node_class: str, name: str, value: Any = None) -> None:
        """Of a class, offer only nodes with an attribute; with this value, if one is given."""
        self._attributes.append((node_class, name, value))
        self._refill()

    def removeAttribute(self, node_class: str, name: str) -> None:
        self._attributes = [each for each in self._attributes if each[:2] != (node_class, name)]
        self._refill()

    def _is_offered(self, node: slicer.vtkMRMLNode) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if self.showChildNodeTypes:
            right_class = any(node.IsA(each) for each in self.nodeTypes)
            right_class = right_class and not any(
                node.IsA(each) for each in self.hideChildNodeTypes
            )
        else:
            right_class = node.GetClassName() in self.nodeTypes
        return right_class and all(_has_attribute(node, *each) for each in self._attributes)

    # --- the list

    def _refill(self) -> None:
        before = [self._box.itemData(index) for index in range(self._box.count)]
        chosen, nodes = self.currentNodeID, self.nodes()
        self._name_observer.observe(nodes, [vtk.vtkCommand.ModifiedEvent])
        blocked = self._box.blockSignals(True)
        self._box.clear()
        self._box.setPlaceholderText(f"Select a {_tag_name((self.nodeTypes or ['node'])[0])}")
        if self.noneEnabled:
            self._box.addItem(self.noneDisplay or "None", "")
        for node in nodes:
            self._box.addItem(node.GetName(), node.GetID())
        self._add_commands()
        index = self._box.findData(chosen)
        if nodes and chosen and index < 0:
            # It is gone; Qt then goes on to what stands in its place.
            index = min(before.index(chosen), len(nodes) - 1 + self.noneEnabled)
        elif nodes and not before and self._box.count == len(nodes):
            index = 0  # Qt chooses the first of what is put into an empty box.
        self._box.setCurrentIndex(index)
        self._box.blockSignals(blocked)
        self._announce()

    def _rename(self, node: slicer.vtkMRMLNode) -> None:
        index = self._box.findData(node.GetID())
        if index >= 0 and self._box.itemText(index) != node.GetName():
            self._box.setItemText(index, node.GetName())

    _nodeTypes_changed = _hideChildNodeTypes_changed = _showHidden_changed = _refill
    _showChildNodeTypes_changed = _noneEnabled_changed = _noneDisplay_changed = _refill
    _addEnabled_changed = _removeEnabled_changed = _renameEnabled_changed = _refill

    def _baseName_changed(self) -> None:
        if not self.nodeTypes:
            report("qMRMLNodeComboBox: baseName is lost, because no node types have been set yet")

    def _add_commands(self) -> None:
        if self._scene is None or not (self.addEnabled or self.removeEnabled or self.renameEnabled):
            return
        kind = self._kind_of_nodes()
        self._box.insertSeparator(self._box.count)
        if self.addEnabled:
            for node_class in self.nodeTypes:
                label = f"Create new {_tag_name(node_class)}"
                self._box.addItem(label, _ADD + node_class)
        if self.renameEnabled:
            self._box.addItem(f"Rename current {kind}", _RENAME)
        if self.removeEnabled:
            self._box.addItem(f"Delete current {kind}", _REMOVE)

    def _kind_of_nodes(self) -> str:
        return _tag_name(self.nodeTypes[0]) if len(self.nodeTypes) == 1 else "Node"

    def _activated(self, index: int) -> None:
        """Do what the user chose: a node or a command."""
        data = self._box.itemData(index)
        if not data or data[0] != "!":
            self.nodeActivated.emit(self.currentNode())
            return
        self.setCurrentNodeID(self._announced_id)
        if data.startswith(_ADD):
            self.addNode(data.removeprefix(_ADD))
        elif data == _REMOVE:
            self.removeCurrentNode()
        else:
            report("qMRMLNodeComboBox: renaming by dialog has no stand-in")

    # --- the current node

    def _get_current_node_id(self) -> str:
        data = self._box.itemData(self._box.currentIndex)
        # While a command is being chosen, the node before it is still the current one.
        return (data or "") if not str(data).startswith("!") else self._announced_id

    def setCurrentNodeID(self, node_id: str | None) -> None:
        # Without the entry "None", no node is no entry.
        self._box.setCurrentIndex(self._box.findData(node_id or ""))

    currentNodeID = QtCore.Property(str, _get_current_node_id, setCurrentNodeID)

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        node_id = self.currentNodeID
        return self._scene.GetNodeByID(node_id) if self._scene is not None and node_id else None

    def setCurrentNode(self, node: slicer.vtkMRMLNode | str | None) -> None:
        self.setCurrentNodeID(node if isinstance(node, str) or node is None else node.GetID())

    def setCurrentNodeIndex(self, index: int) -> None:
        self.setCurrentNode(self.nodeFromIndex(index))

    def _announce(self) -> None:
        node_id = self.currentNodeID
        if node_id != self._announced_id:
            self._announced_id = node_id
            node = self.currentNode()
            self.currentNodeChanged.emit(node)
            self.currentNodeValid.emit(node is not None)
            self.currentNodeIDChanged.emit(node_id)

    def addNode(self, node_class: str | None = None) -> slicer.vtkMRMLNode | None:
        """Make a node, as the entry "Create new" does."""
        node_class = node_class or self.nodeTypes[0]
        if node_class not in self.nodeTypes:
            report(f"qMRMLNodeComboBox: {node_class} is not among the node types {self.nodeTypes}")
            return None
        name = self._scene.GenerateUniqueName(self.baseName or _tag_name(node_class))
        node = self._scene.AddNewNodeByClass(node_class, name)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        if self.currentNode() is not None:
            self._scene.RemoveNode(self.currentNode())


def _has_attribute(node: slicer.vtkMRMLNode, node_class: str, name: str, value: Any) -> bool:
    if not node.IsA(node_class):
        return True
    attribute = node.GetAttribute(name)
    return attribute is not None and value in (None, attribute)


def _tag_name(node_class: str) -> str:
    """What Slicer calls a class of nodes: "Segmentation" for vtkMRMLSegmentationNode."""
    if hasattr(slicer, node_class):
        return getattr(slicer, node_class)().GetNodeTagName()
    return re.sub("^vtkMRML|Node$", "", node_class)
