"""The keys that give a verdict on the case of a list."""

from __future__ import annotations

from collections.abc import Callable

from .keyboard import is_typing, shortcut

ACCEPTED, REJECTED = "accepted", "rejected"


class VerdictKeys:
    """Ctrl+Shift+A and Ctrl+Shift+R, as long as their buttons can be pressed.

    Parameters
    ----------
    ui : namespace of widgets
    root : QWidget
        Where the keys work.
    judge : callable(str)
        Told the verdict.
    """

    def __init__(self, ui, root, judge: Callable[[str], None]) -> None:
        self.ui, self._judge = ui, judge
        self._shortcuts = [
            shortcut(root, "Ctrl+Shift+A", self._accept),
            shortcut(root, "Ctrl+Shift+R", self._reject),
        ]

    def close(self) -> None:
        for each in self._shortcuts:
            each.setParent(None)
        self._shortcuts = []

    def _accept(self) -> None:
        if self.ui.acceptNextButton.enabled and not is_typing():
            self._judge(ACCEPTED)

    def _reject(self) -> None:
        if self.ui.rejectNextButton.enabled and not is_typing():
            self._judge(REJECTED)
