"""``qt.QUiLoader``: loads a .ui file with the stand-ins, and tells what Slicer could not do."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import cache, lru_cache

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import pythonqt_signals
from .problems import report

# In Qt Designer's file format, but no class of its own.
_DESIGNER_CLASSES = frozenset({"Line"})


class QUiLoader:
    """The form loader, with all stand-ins registered; Qt's own is made once."""

    custom_widgets: dict[str, type[QtWidgets.QWidget]] = {}

    def __init__(self) -> None:
        self._loader = _loader()

    def load(
        self, device: QtCore.QIODevice, parent: QtWidgets.QWidget | None = None
    ) -> QtWidgets.QWidget | None:
        """Make the widgets of a form.

        Parameters
        ----------
        device
            The open .ui file.
        parent
            Parent of the form's top widget.

        Returns
        -------
        PySide6.QtWidgets.QWidget or None
            The top widget; None when the file is not a form.
        """
        form, connections, rest = _parts(device.readAll().data())
        self._report_unknown_classes(form)
        buffer = QtCore.QBuffer()
        buffer.setData(QtCore.QByteArray(rest))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        top = self._loader.load(buffer, parent)
        if top is None:
            return None
        named = {child.objectName: child for child in [top, *top.findChildren(QtCore.QObject)]}
        _report_unknown_properties(form, named)
        for connection in connections:
            _connect(connection, named)
        return top

    def _report_unknown_classes(self, form: ET.Element) -> None:
        known = {*self._loader.availableWidgets(), *self.custom_widgets, *_DESIGNER_CLASSES}
        for widget in form.iter("widget"):
            if widget.get("class") not in known:
                report(f".ui: no class {widget.get('class')} for widget {widget.get('name')}")


@cache
def _loader() -> QtUiTools.QUiLoader:
    loader = QtUiTools.QUiLoader()
    for widget_class in QUiLoader.custom_widgets.values():
        loader.registerCustomWidget(widget_class)
    return loader


@lru_cache(maxsize=1)
def _parts(text: bytes) -> tuple[ET.Element, list[ET.Element], bytes]:
    """A form without its connections, those, and the form as text."""
    form = ET.fromstring(text)
    # Taken out, because Qt would look for the slots of stand-ins among those written in C++.
    connections = list(form.iter("connection"))
    for section in form.findall("connections"):
        form.remove(section)
    return form, connections, ET.tostring(form)


def _report_unknown_properties(form: ET.Element, named: dict[str, QtCore.QObject]) -> None:
    """Qt makes a dynamic property of a misspelt name; intended ones say that they are dynamic."""
    for element in form.iter("widget"):
        widget = named.get(element.get("name", ""))
        if widget is None or element.get("class") in _DESIGNER_CLASSES:
            continue
        for qt_property in element.findall("property"):
            name = qt_property.get("name", "")
            declared = widget.metaObject().indexOfProperty(name) >= 0
            if not declared and qt_property.get("stdset") != "0":
                report(
                    f".ui: {element.get('class')} {element.get('name')} has no property '{name}'"
                )


def _connect(connection: ET.Element, named: dict[str, QtCore.QObject]) -> None:
    """Connect signal and slot by name, as a form's ``<connections>`` say."""
    names = [connection.findtext(key, "") for key in ("sender", "signal", "receiver", "slot")]
    sender, signal, receiver, slot = names
    if sender not in named or receiver not in named:
        report(f".ui: connection between unknown widgets: {sender} to {receiver}")
        return
    method = getattr(named[receiver], slot.partition("(")[0], None)
    taken, given = (pythonqt_signals.argument_types(each) for each in (slot, signal))
    if not callable(method) or taken != given[: len(taken)]:
        report(
            f".ui: {type(named[receiver]).__name__} {receiver} has no slot '{slot}' for '{signal}'"
        )
        return
    pythonqt_signals.connect(named[sender], signal, lambda *values: method(*values[: len(taken)]))
