"""The module ``qt`` on PySide6, with PythonQt's semantics."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

from . import pythonqt_properties, pythonqt_signals
from .problems import report_exception
from .ui_loader import QUiLoader

_MODULES = [QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets]
_WITH_EXEC = (QtCore.QCoreApplication, QtCore.QEventLoop, QtWidgets.QDialog, QtWidgets.QMenu)


def install() -> ModuleType:
    """Make the module ``qt`` and change PySide6's classes to PythonQt's ways, once.

    Returns
    -------
    types.ModuleType
        The module, as ``import qt`` then gives it.
    """
    if "qt" in sys.modules:
        return sys.modules["qt"]
    qt = ModuleType("qt", "PySide6 with PythonQt's semantics")
    for module in _MODULES:
        # PythonQt has one flat module; only in Qt 6 do QShortcut and QAction lie in QtGui.
        vars(qt).update({name: getattr(module, name) for name in dir(module) if name[0] == "Q"})
    qt.Qt = QtCore.Qt
    qt.QUiLoader = QUiLoader
    pythonqt_properties.install(_MODULES)
    pythonqt_properties.make_enums_numbers(_MODULES)
    pythonqt_signals.install(pythonqt_properties.qobject_classes(_MODULES))
    for owner in _WITH_EXEC:
        owner.exec_ = lambda self, *arguments: self.exec(*arguments)
    _report_exceptions_of_single_shots()
    sys.modules["qt"] = qt
    return qt


def _report_exceptions_of_single_shots() -> None:
    """PySide6 would raise them out of the event loop; Qt prints them."""
    original = QtCore.QTimer.singleShot

    def single_shot(milliseconds: int, callback: Callable, *rest: Any) -> None:
        if rest:  # receiver and the name of its slot
            callback = getattr(callback, str(rest[0]).partition("(")[0])

        def guarded() -> None:
            try:
                callback()
            except Exception as error:
                report_exception("single shot of a timer", error)

        original(milliseconds, guarded)

    # The property of the same name hides the function of the class.
    vars(QtCore.QTimer)["singleShot"].hidden = staticmethod(single_shot)
