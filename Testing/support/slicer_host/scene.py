"""The core of Slicer on the ``slicer-core`` wheel: the MRML scene and the modules' logics."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

import slicer
import slicer.util
import vtk

# Names of `slicer.modules`, and the classes of their logics.
_LOGICS = {
    "Units": "vtkSlicerUnitsLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Plots": "vtkSlicerPlotsLogic",
}
# Modules that are only switched to or looked for.
_WITHOUT_LOGIC = ("SampleData",)


class Module:
    """A module of the application, as ``slicer.modules.volumes`` is one.

    Parameters
    ----------
    name
        Its name, in capitals and small letters.
    logic
        Its logic, if it has one.
    """

    def __init__(self, name: str, logic: vtk.vtkObject | None = None) -> None:
        self.name = name
        self.title = name
        self.path = ""
        self._logic = logic
        self._widget = None

    def logic(self) -> vtk.vtkObject | None:
        return self._logic

    def widgetRepresentation(self) -> object | None:  # noqa: N802 (name of Slicer)
        return self._widget


def source_tree() -> Path | None:
    """The Slicer source tree named by ``SLICER_SRC``, whose Python files replace stand-ins."""
    named = os.environ.get("SLICER_SRC")
    folder = Path(named) if named else None
    return folder if folder and (folder / "Base" / "Python" / "slicer").is_dir() else None


def temporary_folder(purpose: str) -> str:
    """A new folder that is removed when Python ends."""
    folder = tempfile.mkdtemp(prefix=f"slicer_host_{purpose}_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def register_module(module: Module) -> None:
    """Make a module known as ``slicer.modules.<name>`` and ``slicer.moduleNames.<Name>``."""
    setattr(slicer.modules, module.name.lower(), module)
    setattr(slicer.moduleNames, module.name, module.name)


def start() -> None:
    """Make ``slicer.mrmlScene``, ``slicer.modules`` and the logics, once."""
    if getattr(slicer, "mrmlScene", None) is not None:
        return
    _add_modules_of_slicer()
    vtk.vtkOutputWindow.GetInstance().SetDisplayModeToAlwaysStdErr()
    slicer.mrmlScene = _new_scene()
    _add_logics(application_logic(), slicer.mrmlScene)
    for name in _WITHOUT_LOGIC:
        register_module(Module(name))


def _add_modules_of_slicer() -> None:
    """Python modules that the application has beside the wheel's classes."""
    for name in ("modules", "moduleNames"):
        module = ModuleType(f"slicer.{name}")
        sys.modules[module.__name__] = module
        setattr(slicer, name, module)
    for name, module in vars(importlib.import_module("slicer_core")).items():
        if isinstance(module, ModuleType):
            # `import vtkITK` and `import MRMLCorePython` are what the application offers.
            sys.modules.setdefault(name, module)
            sys.modules.setdefault(f"{name}Python", module)
    if source_tree():
        slicer.__path__.append(str(source_tree() / "Base" / "Python" / "slicer"))


def _new_scene() -> slicer.vtkMRMLScene:
    """A scene with the nodes that the application always has."""
    scene = slicer.vtkMRMLScene()
    # Bundles (.mrb) are only read by a scene with a cache folder.
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(temporary_folder("cache"))
    data_io = slicer.vtkDataIOManager()
    data_io.SetCacheManager(cache)
    scene.SetDataIOManager(data_io)
    scene.SetCacheManager(cache)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    for node in (crosshair, slicer.vtkMRMLSelectionNode(), slicer.vtkMRMLInteractionNode()):
        scene.AddNode(node)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    return scene


@cache
def application_logic() -> slicer.vtkSlicerApplicationLogic:
    """The application's logic, made for the scene when it is first asked for."""
    logic = slicer.vtkSlicerApplicationLogic()
    home = temporary_folder("home")
    os.makedirs(os.path.join(home, "share", "ColorFiles"))
    logic.SetHomeDirectory(home)
    logic.SetShareDirectory("share")
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    for factory in (
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
        slicer.vtkMRMLSliceViewDisplayableManagerFactory,
    ):
        factory.GetInstance().SetMRMLApplicationLogic(logic)
    return logic


def _add_logics(application: slicer.vtkSlicerApplicationLogic, scene: slicer.vtkMRMLScene) -> None:
    colours = slicer.vtkSlicerColorLogic()
    _add_logic(application, scene, "Colors", colours)
    colours.AddDefaultColorNodes()
    # The terminologies that Slicer ships are no part of the wheel, and their absence is an error.
    vtk.vtkObject.GlobalWarningDisplayOff()
    try:
        for name, class_name in _LOGICS.items():
            _add_logic(application, scene, name, getattr(slicer, class_name)())
    finally:
        vtk.vtkObject.GlobalWarningDisplayOn()


def _add_logic(
    application: slicer.vtkSlicerApplicationLogic,
    scene: slicer.vtkMRMLScene,
    name: str,
    logic: vtk.vtkObject,
) -> None:
    terminologies = "Modules/Loadable/Terminologies/Resources"
    if name == "Terminologies" and source_tree() and (source_tree() / terminologies).is_dir():
        logic.SetModuleShareDirectory(str(source_tree() / terminologies))
    application.SetModuleLogic(name, logic)
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(scene)
    register_module(Module(name, logic))
