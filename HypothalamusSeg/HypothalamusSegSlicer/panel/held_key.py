"""A key that does something as long as it is held."""

from __future__ import annotations

from collections.abc import Callable

import qt

from ..engine_run.process import weakly
from .keyboard import is_typing, shortcut

# X11 sends a release and a press for each repetition of a held key: only a release that no press
# follows is one.
RELEASE_MS = 80


class HeldKey:
    """Calls for press and release of a key in a window, except while the user types.

    Qt tells of a pressed shortcut, not of its release. That goes to the widget which has the
    keyboard, so this one is watched from press to release.

    Parameters
    ----------
    parent : QWidget
    key : str
    on_press, on_release : callable
    """

    def __init__(
        self, parent, key: str, on_press: Callable[[], None], on_release: Callable[[], None]
    ) -> None:
        self.shortcut = shortcut(parent, key, self._pressed)
        self._parent = parent
        self._on_press, self._on_release = on_press, on_release
        self._watch = _ReleaseWatch(weakly(self._maybe_released))
        self._watched = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(RELEASE_MS)
        self._timer.connect("timeout()", weakly(self.release))

    def _pressed(self) -> None:
        self._timer.stop()
        if self._watched is not None or is_typing():
            return
        self._watched = qt.QApplication.focusWidget() or self._parent
        self._watched.installEventFilter(self._watch)
        self._on_press()

    def _maybe_released(self) -> None:
        self._timer.start()

    def release(self) -> None:
        """The key is up, or its widget has lost the keyboard."""
        if self._watched is not None:
            self._watched.removeEventFilter(self._watch)
            self._watched = None
            self._on_release()

    def close(self) -> None:
        self.release()
        self.shortcut.setParent(None)


class _ReleaseWatch(qt.QWidget):
    """Sees the events of a widget; a widget itself, as PythonQt passes events to those only."""

    def __init__(self, on_release: Callable[[], None]) -> None:
        qt.QWidget.__init__(self)
        self._on_release = on_release

    def eventFilter(self, watched, event) -> bool:  # noqa: N802 – Qt's spelling
        if event.type() in (qt.QEvent.KeyRelease, qt.QEvent.FocusOut):
            self._on_release()
        return False
