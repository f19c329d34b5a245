"""Which widgets show which parameters: the pairs of Slicer's parameterNodeWrapper, no others."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from PySide6 import QtWidgets

from .ctk_widgets import ctkCheckBox, ctkComboBox, ctkPathLineEdit, ctkSliderWidget
from .node_combo_box import qMRMLNodeComboBox
from .parameter_annotations import (
    Choice,
    Decimals,
    Maximum,
    Minimum,
    SingleStep,
    WithinRange,
    find_annotation,
    node_classes,
    split_annotations,
)

_INT_LIMITS = (-(2**31), 2**31 - 1)


class WidgetConnector:
    """A widget as the place of a value.

    Parameters
    ----------
    widget
        The widget.
    signal
        Name of the signal that tells of a new value; None when the widget never changes it.
    read
        Gives the widget's value.
    write
        Shows a value.
    """

    def __init__(
        self,
        widget: QtWidgets.QWidget,
        signal: str | None,
        read: Callable[[], Any],
        write: Callable[[Any], None],
    ) -> None:
        self._widget = widget
        self._signal = signal
        self._callback: Callable[[], None] | None = None
        self.read = read
        self.write = write

    def on_changed(self, callback: Callable[[], None] | None) -> None:
        """Call back for each change of the widget; None ends that."""
        if self._signal is not None:
            signal = getattr(self._widget, self._signal)
            if callback is not None:
                signal.connect(self._changed)
            elif self._callback is not None:
                signal.disconnect(self._changed)
        self._callback = callback

    def _changed(self) -> None:
        if self._callback is not None:
            self._callback()


def connector_for(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    """The connector of a widget for a type.

    Subclasses of a widget's class do not fit, as in Slicer.

    Raises
    ------
    RuntimeError
        When Slicer has none for this pair, or when a slider's number has no limits, or when a combo
        box's values have no `Choice`.
    """
    bare, kind = split_annotations(datatype)[0], type(widget)
    for fits, make in (
        (bare is bool and kind in (QtWidgets.QCheckBox, ctkCheckBox), _check_box),
        (bare is bool and kind is QtWidgets.QPushButton, _push_button),
        (bare is int and kind in (QtWidgets.QSpinBox, QtWidgets.QSlider), _whole_number),
        (bare in (int, float) and kind in (QtWidgets.QDoubleSpinBox, ctkSliderWidget), _number),
        (_is_combo_box(kind) and bare in (int, float, str, bool), _choice),
        (_is_combo_box(kind) and isinstance(bare, enum.EnumMeta), _enumeration),
        (bare is str and kind is QtWidgets.QLineEdit, _line),
        (bare is str and kind is QtWidgets.QLabel, _label),
        (bare is str and kind is QtWidgets.QTextEdit, _text),
        (_is_path(bare) and kind is ctkPathLineEdit, _path),
        (kind is qMRMLNodeComboBox and node_classes(datatype) is not None, _node),
    ):
        if fits:
            return make(widget, datatype)
    raise RuntimeError(
        f"Unable to create GUI connector from datatype '{datatype}' to widget type '{kind}'"
    )


def _is_combo_box(kind: type) -> bool:
    return kind in (QtWidgets.QComboBox, ctkComboBox)


def _is_path(bare: Any) -> bool:
    return isinstance(bare, type) and issubclass(bare, PurePath)


def _property_connector(
    widget: QtWidgets.QWidget, signal: str | None, name: str
) -> WidgetConnector:
    read, write = lambda: getattr(widget, name), lambda value: setattr(widget, name, value)
    return WidgetConnector(widget, signal, read, write)


def _check_box(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    return _property_connector(widget, "stateChanged", "checked")


def _push_button(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    widget.checkable = True
    return _property_connector(widget, "toggled", "checked")


def _line(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    def write(value: str) -> None:
        if value != widget.text:  # writing moves the cursor to the end
            widget.text = value

    return WidgetConnector(widget, "textChanged", lambda: widget.text, write)


def _label(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    return _property_connector(widget, None, "text")


def _text(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    return WidgetConnector(widget, "textChanged", widget.toPlainText, widget.setPlainText)


def _path(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    path_class = split_annotations(datatype)[0]
    return WidgetConnector(
        widget,
        "currentPathChanged",
        lambda: path_class(widget.currentPath),
        lambda value: widget.setCurrentPath(str(value)),
    )


def _node(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    # What a form says about node types is overridden by what the class says.
    widget.nodeTypes = [each().GetClassName() for each in node_classes(datatype)]
    return WidgetConnector(widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode)


def _whole_number(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    minimum, maximum = _limits(datatype)
    if type(widget) is QtWidgets.QSlider and None in (minimum, maximum):
        raise RuntimeError("Cannot have a connection to QSlider where the int type is unbounded.")
    widget.setMinimum(_INT_LIMITS[0] if minimum is None else minimum)
    widget.setMaximum(_INT_LIMITS[1] if maximum is None else maximum)
    _set_step(widget, datatype)
    return _property_connector(widget, "valueChanged", "value")


def _number(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    minimum, maximum = _limits(datatype)
    if type(widget) is ctkSliderWidget and None in (minimum, maximum):
        raise RuntimeError(
            "Cannot have a connection to ctkSliderWidget where the float types is unbounded."
        )
    whole = split_annotations(datatype)[0] is int
    decimals = find_annotation(datatype, Decimals)
    if whole or decimals is not None:
        widget.decimals = 0 if whole else decimals.value
    _set_step(widget, datatype)
    widget.minimum = float("-inf") if minimum is None else minimum
    widget.maximum = float("inf") if maximum is None else maximum
    convert = int if whole else float
    write = lambda value: setattr(widget, "value", value)  # noqa: E731
    return WidgetConnector(widget, "valueChanged", lambda: convert(widget.value), write)


def _limits(datatype: Any) -> tuple[float | None, float | None]:
    within = find_annotation(datatype, WithinRange)
    lower = within or find_annotation(datatype, Minimum)
    upper = within or find_annotation(datatype, Maximum)
    return (lower.minimum if lower else None, upper.maximum if upper else None)


def _set_step(widget: QtWidgets.QWidget, datatype: Any) -> None:
    step = find_annotation(datatype, SingleStep)
    if step is not None:
        widget.singleStep = step.value


def _choice(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    choice = find_annotation(datatype, Choice)
    if choice is None:
        raise RuntimeError(
            "ComboBoxToStringableConnector requires the Choice annotation to be used."
        )
    widget.clear()
    widget.addItems([str(each) for each in choice.choices])
    return _index_connector(widget, list(choice.choices))


def _enumeration(widget: QtWidgets.QWidget, datatype: Any) -> WidgetConnector:
    enumeration = split_annotations(datatype)[0]
    label = getattr(enumeration, "label", lambda member: member.name)
    members = list(enumeration)
    selected = widget.currentIndex
    widget.clear()
    widget.addItems([label(member) for member in members])
    widget.currentIndex = max(selected, 0)
    return _index_connector(widget, members)


def _index_connector(widget: QtWidgets.QWidget, values: list[Any]) -> WidgetConnector:
    return WidgetConnector(
        widget,
        "currentIndexChanged",
        lambda: values[widget.currentIndex],
        lambda value: widget.setCurrentIndex(values.index(value)),
    )
