"""What tests use: the application started, modules loaded, panels opened, time given to events.

::

    from slicer_host import application as host

The lists here are cleared by whoever wants them empty, ``host.problems.clear()``, not replaced.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets

from . import (
    ctk_widgets,
    mrml_widgets,
    node_combo_box,
    pythonqt,
    scene,
    scripted_modules,
    segment_editor_widget,
    table_view,
)
from . import dialogs as dialog_stand_ins
from . import problems as problem_list
from .dialogs import Dialog
from .problems import problems
from .scripted_modules import sample_data_sources
from .slicer_app import Application
from .ui_loader import QUiLoader

__all__ = [
    "answers",
    "clear_scene",
    "close_widget",
    "dialogs",
    "load_module",
    "open_widget",
    "problems",
    "pump",
    "pump_until",
    "sample_data_sources",
    "start",
]

# What the next questions to the user are answered, first come, first served; True when it is empty.
answers: list[Any] = []
# What the user was asked and told.
dialogs: list[Dialog] = []

# Between two looks for events. Who waits for seconds looks less often, and leaves the processor to
# what is waited for.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.02

_MRML_WIDGETS = [
    mrml_widgets.qMRMLWidget,
    node_combo_box.qMRMLNodeComboBox,
    segment_editor_widget.qMRMLSegmentEditorWidget,
    table_view.qMRMLTableView,
]
# Slicer's parameterNodeWrapper mentions these, so they must be there when it is used itself.
_NAMES_ONLY = ["qMRMLRangeWidget", "qMRMLSliderWidget", "qMRMLSpinBox"]


def start() -> Application:
    """Start the application; later calls change nothing.

    Returns
    -------
    slicer_host.slicer_app.Application
        What is then ``slicer.app``.
    """
    if getattr(slicer, "app", None) is not None:
        return slicer.app
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    problem_list.watch()
    scene.start()
    pythonqt.install()
    _install_widgets()
    slicer.app = Application()
    scripted_modules.install()
    dialog_stand_ins.install(_next_answer, _note_dialog)
    return slicer.app


def load_module(path: str | Path) -> tuple[mrml_widgets.ScriptedModule, ModuleType]:
    """Load a scripted module as the application does when it starts.

    Parameters
    ----------
    path
        The module's Python file.

    Returns
    -------
    module : slicer_host.mrml_widgets.ScriptedModule
        What is then ``slicer.modules.<name>``.
    code : types.ModuleType
        The Python module.
    """
    path = Path(path).resolve()
    name = path.stem
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    code = importlib.util.module_from_spec(spec)
    sys.modules[name] = code
    spec.loader.exec_module(code)
    module = mrml_widgets.ScriptedModule(name, str(path))
    setattr(slicer.modules, f"{name}Instance", getattr(code, name)(module))
    scene.register_module(module)
    # Emitted once in Slicer, when all modules are there; hence no module hears it a second time.
    slicer.app.startupCompleted.emit()
    slicer.app.disconnect("startupCompleted()")
    return module, code


def open_widget(module: mrml_widgets.ScriptedModule, code: ModuleType) -> Any:
    """Open a module's panel: make its widget, set it up, enter it.

    Parameters
    ----------
    module, code
        From `load_module`.

    Returns
    -------
    object
        The module's widget, an instance of its class ``<Name>Widget``.
    """
    parent = mrml_widgets.qSlicerScriptedLoadableModuleWidget()
    parent.objectName = f"{module.name}ModuleWidget"
    parent.setMRMLScene(slicer.mrmlScene)
    widget = getattr(code, f"{module.name}Widget")(parent)
    setattr(slicer.modules, f"{module.name}Widget", widget)
    parent._python_self = widget
    module._widget = parent
    widget.setup()
    parent.isEntered = True
    if hasattr(widget, "enter"):
        widget.enter()
    return widget


def close_widget(widget: Any) -> None:
    """Leave a panel and delete it, with its cleanup, as when its module is reloaded.

    Parameters
    ----------
    widget
        From `open_widget`.
    """
    if hasattr(widget, "exit"):
        widget.exit()
    widget.cleanup()
    slicer.app.moduleManager().disconnect(
        "moduleAboutToBeUnloaded(QString)", widget._onModuleAboutToBeUnloaded
    )
    name = widget.moduleName
    slicer.util.getModule(name)._widget = None
    delattr(slicer.modules, f"{name}Widget")
    widget.parent.deleteLater()
    pump(0)


def pump(milliseconds: float = 50) -> None:
    """Let events happen for a while, and at least once.

    Parameters
    ----------
    milliseconds
        How long.
    """
    started = time.monotonic()
    pump_until(lambda: time.monotonic() - started >= milliseconds / 1000, milliseconds / 1000 + 1)


def pump_until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Let events happen until something is so.

    Parameters
    ----------
    condition
        Asked after each round of events.
    seconds
        How long to wait at most.

    Returns
    -------
    bool
        Whether the condition came true.
    """
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE_S
    while True:
        slicer.app.processEvents()
        # Left to a running event loop otherwise, which a test has not.
        slicer.app.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)
        if condition():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(1.2 * pause, LONGEST_PAUSE_S)


def clear_scene() -> None:
    """Close the scene, and let the panels see it."""
    slicer.mrmlScene.Clear(0)
    pump(0)


def _install_widgets() -> None:
    """Make the stand-ins known to ``ctk``, ``slicer`` and the form loader."""
    ctk = ModuleType("ctk", "Stand-ins for the Common Toolkit")
    sys.modules["ctk"] = ctk
    for owner, classes, names in (
        (ctk, ctk_widgets.WIDGETS, ctk_widgets.NAMES_ONLY),
        (slicer, _MRML_WIDGETS, _NAMES_ONLY),
    ):
        for widget_class in classes:
            setattr(owner, widget_class.__name__, widget_class)
            QUiLoader.custom_widgets[widget_class.__name__] = widget_class
        for name in names:
            setattr(owner, name, type(name, (QtWidgets.QWidget,), {}))
    slicer.qSlicerScriptedLoadableModule = mrml_widgets.ScriptedModule
    slicer.qSlicerScriptedLoadableModuleWidget = mrml_widgets.qSlicerScriptedLoadableModuleWidget


def _next_answer() -> Any:
    return answers.pop(0) if answers else True


def _note_dialog(dialog: Dialog) -> None:
    dialogs.append(dialog)
