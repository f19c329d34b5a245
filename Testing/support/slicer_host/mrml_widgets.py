"""``qMRML`` and ``qSlicer`` widgets: the bases that a form and a module's widget are made of."""
# ruff: noqa: N801, N802, N815 (names of Slicer)

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .stand_in import StandIn


class qMRMLWidget(StandIn, QtWidgets.QWidget):
    """A widget with a scene; forms hand the scene on by its signal."""

    mrmlSceneChanged = QtCore.Signal(object)
    vtk_signals = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene = None

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """What a scripted module's widget gets as its ``parent``."""

    properties = {"isEntered": False}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._python_self = None
        QtWidgets.QVBoxLayout(self)

    def self(self) -> Any:
        """The module's own widget object, written in Python."""
        return self._python_self


class ScriptedModule(StandIn, QtCore.QObject):
    """``qSlicerScriptedLoadableModule``: what a scripted module's class gets as its ``parent``.

    Parameters
    ----------
    name
        Name of the module, that of its file.
    path
        The module's file.
    """

    properties = {
        "title": "",
        "path": "",
        "categories": [],
        "contributors": [],
        "dependencies": [],
        "helpText": "",
        "acknowledgementText": "",
    }

    def __init__(self, name: str, path: str) -> None:
        super().__init__()
        self.objectName = name
        self.path = path
        self._icon = QtGui.QIcon()
        self._widget = None

    def setIcon(self, icon: QtGui.QIcon) -> None:
        self._icon = icon

    # Set by Slicer's own ScriptedLoadableModule (SLICER_SRC).
    icon = QtCore.Property(QtGui.QIcon, lambda self: self._icon, setIcon)

    def widgetRepresentation(self) -> qSlicerScriptedLoadableModuleWidget | None:
        return self._widget
