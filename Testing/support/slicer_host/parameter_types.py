"""The types of a panel's parameters: how they lie in their node, and which widgets show them.

Texts, references and pairs of type and widget are those of Slicer's parameterNodeWrapper.
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import slicer
import slicer.util
from PySide6 import QtWidgets

from .node_combo_box import qMRMLNodeComboBox

Node = Any  # vtkMRMLScriptedModuleNode


@dataclass
class Default:
    """The value of a parameter that has none yet."""

    value: Any = None


@dataclass
class WithinRange:
    """A number from ``minimum`` to ``maximum``, both included."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        """Raise ``ValueError`` for a value that is not allowed."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


class Parameter:
    """A parameter with its type, its default and its range.

    Parameters
    ----------
    name
        Its name in the class and in the node.
    datatype
        bool, int, str, an enumeration or a node class, annotated or not.

    Raises
    ------
    TypeError
        For other types. Slicer has more, this stand-in has those of the panel.
    """

    def __init__(self, name: str, datatype: Any) -> None:
        self.name = name
        # Another annotation around it makes one form of both kinds; annotations do not nest.
        self.type, *annotations = typing.get_args(Annotated[datatype, "mark"])
        self.limits = next((each for each in annotations if isinstance(each, WithinRange)), None)
        given = next((each for each in annotations if isinstance(each, Default)), None)
        self.default = given.value if given is not None else self._default_of_type()

    @property
    def is_node(self) -> bool:
        return issubclass(self.type, slicer.vtkMRMLNode)

    @property
    def is_enumeration(self) -> bool:
        return issubclass(self.type, enum.Enum)

    def _default_of_type(self) -> Any:
        if self.is_node:
            return None
        if self.is_enumeration:
            return next(iter(self.type))
        if self.type in (bool, int, str):
            return self.type()
        raise TypeError(f"the stand-in for parameterNodeWrapper has no storage for {self.type}")

    def is_in(self, node: Node) -> bool:
        return node.HasParameter(self.name)

    def read(self, node: Node) -> Any:
        if not self.is_in(node):  # it was lost with the scene
            self.write(node, self.default)
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self.is_enumeration:
            return self.type[text]
        return text == "True" if self.type is bool else self.type(text)

    def write(self, node: Node, value: Any) -> None:
        """Write a value; ``TypeError`` or ``ValueError`` for one of another type or range."""
        if value is None and not self.is_node:
            raise ValueError("Value must not be None")
        if value is not None and not isinstance(value, self.type):
            raise TypeError(f"Value must be of type {self.type}, is {value!r}")
        if self.limits is not None:
            self.limits.validate(value)
        with slicer.util.NodeModify(node):
            if self.is_node:
                node.SetParameter(self.name, "")
                node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            else:
                node.SetParameter(self.name, value.name if self.is_enumeration else str(value))


@dataclass
class WidgetConnector:
    """A widget as the place of a value.

    Attributes
    ----------
    read, write
        Give and take the widget's value.
    signal
        Tells of a new value.
    """

    read: Callable[[], Any]
    write: Callable[[Any], None]
    signal: Any


def connector_for(widget: QtWidgets.QWidget, parameter: Parameter) -> WidgetConnector:
    """The connector of a widget for a parameter.

    Subclasses of a widget's class do not fit, as in Slicer.

    Raises
    ------
    RuntimeError
        When Slicer has none for this pair.
    """
    kind, wanted = type(widget), parameter.type
    if wanted is bool and kind is QtWidgets.QCheckBox:
        return _property_connector(widget, "checked", widget.stateChanged)
    if wanted is int and kind is QtWidgets.QSpinBox:
        if parameter.limits is not None:
            widget.setRange(parameter.limits.minimum, parameter.limits.maximum)
        return _property_connector(widget, "value", widget.valueChanged)
    if wanted is str and kind is QtWidgets.QLineEdit:
        return _property_connector(widget, "text", widget.textChanged)
    if parameter.is_enumeration and kind is QtWidgets.QComboBox:
        return _enumeration(widget, wanted)
    if parameter.is_node and kind is qMRMLNodeComboBox:
        # What a form says about node types is overridden by what the class says.
        widget.nodeTypes = [wanted().GetClassName()]
        signal = widget.currentNodeChanged
        return WidgetConnector(widget.currentNode, widget.setCurrentNode, signal)
    raise RuntimeError(
        f"Unable to create GUI connector from datatype '{wanted}' to widget type '{kind}'"
    )


def _property_connector(widget: QtWidgets.QWidget, name: str, signal: Any) -> WidgetConnector:
    def write(value: Any) -> None:
        if value != getattr(widget, name):  # writing a text moves the cursor to its end
            setattr(widget, name, value)

    return WidgetConnector(lambda: getattr(widget, name), write, signal)


def _enumeration(widget: QtWidgets.QComboBox, enumeration: type[enum.Enum]) -> WidgetConnector:
    label = getattr(enumeration, "label", lambda member: member.name)
    members = list(enumeration)
    selected = widget.currentIndex
    widget.clear()
    widget.addItems([label(member) for member in members])
    widget.currentIndex = max(selected, 0)
    return WidgetConnector(
        lambda: members[widget.currentIndex],
        lambda value: widget.setCurrentIndex(members.index(value)),
        widget.currentIndexChanged,
    )
