"""Keys of the panel."""

from __future__ import annotations

from collections.abc import Callable

import qt

TEXT_FIELDS = ("QLineEdit", "QTextEdit", "QPlainTextEdit")


def shortcut(parent, keys: str, slot: Callable[[], None]) -> qt.QShortcut:
    """Call a slot for keys while the window of ``parent`` has the keyboard and shows it."""
    made = qt.QShortcut(qt.QKeySequence(keys), parent)
    made.connect("activated()", slot)
    return made


def is_typing() -> bool:
    """Whether the keyboard is in a text field, where Ctrl+Return is a slip."""
    widget = qt.QApplication.focusWidget()
    return widget is not None and any(widget.inherits(name) for name in TEXT_FIELDS)
