"""Dialogs that never wait: they note what was asked, and answer what the test has laid ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import slicer.util
from PySide6 import QtWidgets


class Dialog(NamedTuple):
    """What a module asked or told its user."""

    kind: str  # one of those below, or "file"
    text: str
    title: str = ""
    answer: Any = None


_QUESTIONS = {
    "confirmYesNoDisplay": "yes or no",
    "confirmOkCancelDisplay": "ok or cancel",
}
_STATEMENTS = {
    "errorDisplay": "error",
    "warningDisplay": "warning",
}
_FILE_QUESTIONS = ("getOpenFileName", "getSaveFileName", "getExistingDirectory")


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
    _install_file_dialogs(next_answer, note)


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


def _install_file_dialogs(next_answer: Callable[[], Any], note: Callable[[Dialog], None]) -> None:
    """PythonQt gives a path or a text alone, where PySide6 gives a pair. No answer means Cancel."""

    def ask_text(parent: object = None, title: str = "", *more: Any) -> str:
        answer = next_answer()
        chosen = "" if isinstance(answer, bool) else str(answer)
        note(Dialog("file", title, title, chosen))
        return chosen

    for name in _FILE_QUESTIONS:
        setattr(QtWidgets.QFileDialog, name, staticmethod(ask_text))
