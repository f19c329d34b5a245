"""``slicer.app``: settings, folders and managers of the application."""
# ruff: noqa: N802, N815 (names of Slicer)

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import slicer
from PySide6 import QtCore, QtWidgets

from .scene import application_logic, temporary_folder
from .views import LayoutManager


class ModuleManager(QtCore.QObject):
    """``slicer.app.moduleManager()``: which modules there are."""

    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def module(self, name: str) -> object | None:
        return getattr(slicer.modules, name.lower(), None)

    def isLoaded(self, name: str) -> bool:
        return self.module(name) is not None

    def modulesNames(self) -> list[str]:
        return [name for name in vars(slicer.moduleNames).values() if isinstance(name, str)]

    loadedModuleNames = modulesNames

    def loadModules(self, names: Sequence[str]) -> bool:
        return all(self.isLoaded(name) for name in names)

    def factoryManager(self) -> ModuleManager:
        """The same object, as Slicer's factory manager answers the same questions."""
        return self


class Application(QtWidgets.QApplication):
    """The application object, with a temporary folder for its settings and files."""

    startupCompleted = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__(["Slicer"])
        self._folder = temporary_folder("files")
        formats, settings = QtCore.QSettings.Format, QtCore.QSettings
        settings.setPath(formats.IniFormat, settings.Scope.UserScope, self._folder)
        settings.setDefaultFormat(formats.IniFormat)
        self.setOrganizationName("Slicer")
        self.setApplicationName("Slicer")
        # The very file that `qt.QSettings()` opens, so that both see the same values.
        self._settings = settings()
        self._modules = ModuleManager()
        self._layout = LayoutManager()
        self._main_window = QtWidgets.QMainWindow()
        self._main_window.objectName = "qSlicerMainWindow"  # what slicer.util.mainWindow() finds

    def _get_folder(self) -> str:
        return self._folder

    temporaryPath = QtCore.Property(str, _get_folder)
    documentationBaseUrl = QtCore.Property(str, lambda self: "https://slicer.readthedocs.io/")

    def applicationLogic(self) -> slicer.vtkSlicerApplicationLogic:
        return application_logic()

    def moduleManager(self) -> ModuleManager:
        return self._modules

    def layoutManager(self) -> LayoutManager:
        return self._layout

    def settings(self) -> QtCore.QSettings:
        return self._settings

    userSettings = settings

    def translate(self, context: str, text: str, *more: object) -> str:
        return text

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}en/latest/user_guide/modules/{name.lower()}.html"

    def pauseRender(self) -> None:
        """Do nothing: the views draw only when they are asked for a picture."""

    def resumeRender(self) -> None:
        """Do nothing, see `pauseRender`."""

    def launcherExecutableFilePath(self) -> str:
        return str(Path(self._folder) / "Slicer")
