"""VTK events for widgets, no longer than the widgets live."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

import shiboken6
import vtk


class WidgetObserver:
    """Calls a widget's method for events of VTK objects, until Qt deletes the widget.

    Parameters
    ----------
    method
        A method of a widget, called with the object that changed.
    """

    def __init__(self, method: Callable[[vtk.vtkObject], None]) -> None:
        self._method = weakref.WeakMethod(method)
        self._tags: list[tuple[vtk.vtkObject, int]] = []

    def observe(self, objects: Iterable[vtk.vtkObject], events: Iterable[int]) -> None:
        """Observe these events of these objects, and no others any more."""
        self.stop()
        events = tuple(events)
        self._tags = [
            (each, each.AddObserver(event, self._called)) for each in objects for event in events
        ]

    def stop(self) -> None:
        for each, tag in self._tags:
            each.RemoveObserver(tag)
        self._tags = []

    def _called(self, caller: vtk.vtkObject, event: str) -> None:
        method = self._method()
        if method is not None and shiboken6.isValid(method.__self__):
            method(caller)
        else:
            self.stop()
