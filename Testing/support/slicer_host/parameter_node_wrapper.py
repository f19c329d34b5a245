"""Stand-in for ``slicer.parameterNodeWrapper``: a class body becomes typed access to a node.

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

from .parameter_types import Default, Parameter, WidgetConnector, WithinRange, connector_for

__all__ = ["Default", "WithinRange", "parameterNodeWrapper"]


def parameterNodeWrapper(classtype: type) -> type:
    """Class decorator: annotated names become parameters, kept in a ``vtkMRMLScriptedModuleNode``.

    Raises
    ------
    ValueError
        When a name of the class is one that the wrapper needs itself.
    """
    hints = typing.get_type_hints(classtype, include_extras=True)
    parameters = {name: Parameter(name, datatype) for name, datatype in hints.items()}
    reserved = {name for name in vars(_Wrapper) if not name.startswith("__")}
    for name in sorted(reserved & {*vars(classtype), *parameters}):
        raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
    members = {name: _parameter_property(parameter) for name, parameter in parameters.items()}
    for name in ("__module__", "__doc__", "__qualname__"):
        members[name] = getattr(classtype, name)
    members["allParameters"] = parameters
    return type(classtype.__name__, (_Wrapper, classtype), members)


def _parameter_property(parameter: Parameter) -> property:
    return property(
        lambda self: parameter.read(self.parameterNode),
        lambda self, value: parameter.write(self.parameterNode, value),
    )


class _Wrapper:
    """What every decorated class gets beside its parameters."""

    allParameters: Mapping[str, Parameter] = {}

    def __init__(self, parameterNode: slicer.vtkMRMLScriptedModuleNode) -> None:  # noqa: N803
        self.parameterNode = parameterNode
        self._connections: dict[int, list[tuple[Any, Callable]]] = {}
        self._observers: dict[int, int] = {}
        self._updating_widgets = False
        for parameter in self.allParameters.values():
            if not parameter.is_in(parameterNode):
                parameter.write(parameterNode, parameter.default)

    def __setattr__(self, name: str, value: Any) -> None:
        known = name == "parameterNode" or name.startswith("_") or hasattr(type(self), name)
        if not known:
            raise AttributeError(f"{type(self).__name__} has no parameter '{name}'")
        super().__setattr__(name, value)

    def connectGui(self, gui: Any) -> int:
        """Bind the widgets that have the property ``SlicerParameterName``.

        Parameters
        ----------
        gui
            What `slicer.util.childWidgetVariables` gives.

        Returns
        -------
        int
            A tag for `disconnectGui`.
        """
        tag = max(self._observers, default=-1) + 1
        connectors = {}
        for widget in vars(gui).values():
            name = widget.property("SlicerParameterName")
            if name and name not in self.allParameters:
                raise ValueError(f"no parameter '{name}' among {list(self.allParameters)}")
            if name:
                connectors[name] = connector_for(widget, self.allParameters[name])
        self._connections[tag] = []
        for name, connector in connectors.items():
            connector.write(getattr(self, name))
            slot = self._taker(name, connector)
            connector.signal.connect(slot)
            self._connections[tag].append((connector.signal, slot))
        self._observers[tag] = self.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._update(connectors)
        )
        return tag

    def _taker(self, name: str, connector: WidgetConnector) -> Callable[[], None]:
        def take(*_values: object) -> None:
            if not self._updating_widgets:
                with slicer.util.NodeModify(self):
                    setattr(self, name, connector.read())

        return take

    def _update(self, connectors: Mapping[str, WidgetConnector]) -> None:
        if self._updating_widgets:
            return
        self._updating_widgets = True
        try:
            for name, connector in connectors.items():
                connector.write(getattr(self, name))
        finally:
            self._updating_widgets = False

    def disconnectGui(self, tag: int) -> None:
        """Undo `connectGui`."""
        for signal, slot in self._connections.pop(tag, []):
            signal.disconnect(slot)
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
