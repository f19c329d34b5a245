"""Stand-in for ``slicer.parameterNodeWrapper``: a class body becomes typed access to a node.

It covers bool, int, float, str, paths, enumerations, nodes, ``X | None`` and lists of these, with
`Default` and validators, and their widgets. Parameter packs, tuples and dictionaries are left out.

In one thing it is stricter than Slicer, where a misspelt parameter is set as a mere attribute and
lost: here that raises AttributeError.
"""
# ruff: noqa: N802, N815 (names of Slicer)

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any

import slicer.util
import vtk
from PySide6 import QtWidgets

from .parameter_annotations import (
    Choice,
    Decimals,
    Default,
    Maximum,
    Minimum,
    SingleStep,
    Validator,
    WithinRange,
)
from .parameter_storage import Parameter
from .parameter_widgets import WidgetConnector, connector_for

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Maximum",
    "Minimum",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]

SlicerParameterNamePropertyName = "SlicerParameterName"


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Class decorator: annotated names become parameters, kept in a ``vtkMRMLScriptedModuleNode``.

    Parameters
    ----------
    classtype
        The class; None when the decorator is written with brackets.

    Returns
    -------
    type or callable
        The class, whose instances are made of a node.

    Raises
    ------
    ValueError
        When a name of the class is one that the wrapper needs itself.
    """
    if classtype is None:
        return parameterNodeWrapper
    reserved = {name for name in vars(_Wrapper) if not name.startswith("__")}
    parameters = {}
    for name, datatype in typing.get_type_hints(classtype, include_extras=True).items():
        default = Default(getattr(classtype, name)) if hasattr(classtype, name) else None
        parameters[name] = Parameter(name, datatype, default)
    for name in sorted(reserved & {*vars(classtype), *parameters}):
        raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
    members = {name: _parameter_property(name) for name in parameters}
    for name in ("__module__", "__doc__", "__qualname__"):
        members[name] = getattr(classtype, name)
    members["allParameters"] = parameters
    return type(classtype.__name__, (_Wrapper, classtype), members)


def isParameterNodeWrapper(class_or_object: Any) -> bool:
    return getattr(class_or_object, "_is_parameter_node_wrapper", False)


def _parameter_property(name: str) -> property:
    def read(self: _Wrapper) -> Any:
        return self.getValue(name)

    def write(self: _Wrapper, value: Any) -> None:
        self.setValue(name, value)

    return property(read, write)


class _Wrapper:
    """What every decorated class gets beside its parameters."""

    allParameters: Mapping[str, Parameter] = {}
    _is_parameter_node_wrapper = True

    def __init__(self, parameterNode: slicer.vtkMRMLScriptedModuleNode) -> None:  # noqa: N803
        self.parameterNode = parameterNode
        self._connectors: dict[int, dict[str, WidgetConnector]] = {}
        self._observers: dict[int, int] = {}
        self._updating_widgets = False
        for parameter in self.allParameters.values():
            if not parameter.is_in(parameterNode):
                parameter.write(parameterNode, parameter.default.value)

    def __setattr__(self, name: str, value: Any) -> None:
        known = name == "parameterNode" or name.startswith("_") or hasattr(type(self), name)
        if not known:
            raise AttributeError(f"{type(self).__name__} has no parameter '{name}'")
        super().__setattr__(name, value)

    def _parameter(self, name: str) -> Parameter:
        if name not in self.allParameters:
            raise ValueError(f"no parameter '{name}' among {list(self.allParameters)}")
        return self.allParameters[name]

    def getValue(self, name: str) -> Any:
        return self._parameter(name).read(self.parameterNode)

    def setValue(self, name: str, value: Any) -> None:
        self._parameter(name).write(self.parameterNode, value)

    def default(self, name: str) -> Default:
        return self._parameter(name).default

    @classmethod
    def dataType(cls, name: str) -> Any:
        return cls.allParameters[name].datatype

    def isCached(self, name: str) -> bool:
        """True, as in Slicer for all types that this stand-in has; here nothing is kept twice."""
        return self._parameter(name) is not None

    # --- widgets

    def connectGui(self, gui: Any) -> int:
        """Bind the widgets that have the property ``SlicerParameterName``.

        Parameters
        ----------
        gui
            A widget, whose children are looked through, or what `slicer.util.childWidgetVariables`
            gives.

        Returns
        -------
        int
            A tag for `disconnectGui`.
        """
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(QtWidgets.QWidget) if is_widget else vars(gui).values()
        names = [(each.property(SlicerParameterNamePropertyName), each) for each in widgets]
        return self.connectParametersToGui({name: widget for name, widget in names if name})

    def connectParametersToGui(self, mapping: Mapping[str, QtWidgets.QWidget]) -> int:
        """Bind widgets to the parameters of the given names; returns a tag for `disconnectGui`."""
        tag = max(self._connectors, default=-1) + 1
        connectors = {
            name: connector_for(widget, self._parameter(name).datatype)
            for name, widget in mapping.items()
        }
        self._connectors[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.on_changed(self._taker(name, connector))
        self._observers[tag] = self.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._update_widgets()
        )
        return tag

    def _taker(self, name: str, connector: WidgetConnector) -> Callable[[], None]:
        def take() -> None:
            if not self._updating_widgets:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return take

    def _update_widgets(self) -> None:
        if self._updating_widgets:
            return
        self._updating_widgets = True
        try:
            for connectors in self._connectors.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._updating_widgets = False

    def disconnectGui(self, tag: int) -> None:
        """Undo `connectGui`."""
        for connector in self._connectors.pop(tag, {}).values():
            connector.on_changed(None)
        if tag in self._observers:
            self.RemoveObserver(self._observers.pop(tag))

    # --- what is the node's own

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, was_modifying: int) -> int:
        return self.parameterNode.EndModify(was_modifying)

    def AddObserver(self, event: int | str, callback: Callable, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()
