"""What Slicer would only print, collected so that a test can assert that there is none of it."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

from PySide6 import QtCore

problems: list[str] = []

# Said by Qt's offscreen platform and its fonts, never by a module.
_HARMLESS = ("This plugin does not support", "QFontDatabase:", "Populating font family aliases")
_SERIOUS = (QtCore.QtMsgType.QtWarningMsg, QtCore.QtMsgType.QtCriticalMsg)


def report(problem: str) -> None:
    """Note a problem and print it, so that it also stands in the log of a failing test."""
    problems.append(problem)
    print(problem, file=sys.stderr)


def report_exception(where: str, error: BaseException) -> None:
    """Note an exception that Qt or VTK would print and forget."""
    report(f"{where}: {''.join(traceback.format_exception(error)).rstrip()}")


def watch() -> None:
    """Collect unhandled exceptions of slots and VTK observers, and Qt's own warnings."""
    sys.excepthook = _excepthook
    QtCore.qInstallMessageHandler(_qt_message)


def _excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Both PySide6 and VTK print an exception that they cannot pass on through this hook."""
    report_exception("exception in a callback", error.with_traceback(trace))


def _qt_message(kind: QtCore.QtMsgType, context: QtCore.QMessageLogContext, message: str) -> None:
    if kind in _SERIOUS and not message.startswith(_HARMLESS):
        report(f"Qt: {message}")
    else:
        print(message, file=sys.stderr)
