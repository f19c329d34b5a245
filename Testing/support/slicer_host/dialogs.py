"""Dialogs that never wait: they note what was asked, and answer what the test has laid ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import slicer.util
from PySide6 import QtGui, QtWidgets


class Dialog(NamedTuple):
    """What a module asked or told its user."""

    kind: str  # one of those below, or "box", "file" or "browser"
    text: str
    title: str = ""
    answer: Any = None


_QUESTIONS = {
    "confirmYesNoDisplay": "yes or no",
    "confirmOkCancelDisplay": "ok or cancel",
    "confirmRetryCloseDisplay": "retry or close",
}
_STATEMENTS = {
    "errorDisplay": "error",
    "warningDisplay": "warning",
    "infoDisplay": "info",
    "delayDisplay": "info",
    "messageBox": "info",
}
_FILE_QUESTIONS = ("getOpenFileName", "getSaveFileName", "getExistingDirectory")
_AFFIRMATIVE = ("Ok", "Yes", "Retry", "Open", "Save")
_NEGATIVE = ("Cancel", "No", "Close")


def install(next_answer: Callable[[], Any], note: Callable[[Dialog], None]) -> None:
    """Put the stand-ins in the place of all that would wait for the user.

    Parameters
    ----------
    next_answer
        Gives the next question's answer: True or False, or a path or a text where one is asked.
    note
        Takes what was asked or told.
    """
    for name, kind in _QUESTIONS.items():
        setattr(slicer.util, name, _question(kind, next_answer, note))
    for name, kind in _STATEMENTS.items():
        setattr(slicer.util, name, _statement(kind, note))
    _install_boxes(next_answer, note)
    _install_file_dialogs(next_answer, note)
    QtGui.QDesktopServices.openUrl = staticmethod(
        lambda url: note(Dialog("browser", url.toString())) or True
    )


def _question(
    kind: str, next_answer: Callable[[], Any], note: Callable[[Dialog], None]
) -> Callable[..., bool]:
    def ask(text: str, windowTitle: str | None = None, parent: object = None, **more: Any) -> bool:  # noqa: N803
        answer = bool(next_answer())
        note(Dialog(kind, text, windowTitle or "", answer))
        return answer

    return ask


def _statement(kind: str, note: Callable[[Dialog], None]) -> Callable[..., None]:
    def tell(text: str, windowTitle: object = None, parent: object = None, **more: Any) -> None:  # noqa: N803
        note(Dialog(kind, text, windowTitle if isinstance(windowTitle, str) else ""))

    return tell


def _install_boxes(next_answer: Callable[[], Any], note: Callable[[Dialog], None]) -> None:
    """``exec_`` of any dialog, and the static functions of message boxes."""
    boxes, buttons = QtWidgets.QMessageBox, QtWidgets.QMessageBox.StandardButton

    def run(dialog: QtWidgets.QDialog) -> int:
        answer = bool(next_answer())
        text = dialog.text if isinstance(dialog, boxes) else ""
        note(Dialog("box", text, dialog.windowTitle, answer))
        if not isinstance(dialog, boxes):
            return int(answer)
        offered = int(dialog.standardButtons)
        return _button(offered or int(buttons.Ok), answer)

    def ask(parent: object, title: str, text: str, offered: int = 0, *more: Any) -> int:
        answer = bool(next_answer())
        note(Dialog("box", text, title, answer))
        return _button(int(offered) or int(buttons.Yes) | int(buttons.No), answer)

    def tell(parent: object, title: str, text: str, *more: Any) -> int:
        note(Dialog("box", text, title))
        return int(buttons.Ok)

    QtWidgets.QDialog.exec = QtWidgets.QDialog.exec_ = run
    boxes.exec = boxes.exec_ = run
    boxes.question = staticmethod(ask)
    for name in ("information", "warning", "critical"):
        setattr(boxes, name, staticmethod(tell))
    QtWidgets.QMenu.exec = QtWidgets.QMenu.exec_ = lambda menu, *place: None


def _button(offered: int, answer: bool) -> int:
    """The number of the button that means yes or no among those offered."""
    standard = QtWidgets.QMessageBox.StandardButton
    numbers = [int(getattr(standard, name)) for name in (_AFFIRMATIVE if answer else _NEGATIVE)]
    return next((number for number in numbers if number & offered), offered)


def _install_file_dialogs(next_answer: Callable[[], Any], note: Callable[[Dialog], None]) -> None:
    """PythonQt gives a path or a text alone, where PySide6 gives a pair. No answer means Cancel."""

    def ask_text(parent: object = None, title: str = "", *more: Any) -> str:
        answer = next_answer()
        chosen = "" if isinstance(answer, bool) else str(answer)
        note(Dialog("file", title, title, chosen))
        return chosen

    def ask_files(parent: object = None, title: str = "", *more: Any) -> list[str]:
        answer = next_answer()
        chosen = [str(each) for each in answer] if isinstance(answer, (list, tuple)) else []
        note(Dialog("file", title, title, chosen))
        return chosen

    for name in _FILE_QUESTIONS:
        setattr(QtWidgets.QFileDialog, name, staticmethod(ask_text))
    QtWidgets.QFileDialog.getOpenFileNames = staticmethod(ask_files)
    QtWidgets.QInputDialog.getText = staticmethod(ask_text)
