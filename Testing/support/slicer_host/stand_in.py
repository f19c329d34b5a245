"""What the stand-ins of C++ widgets have in common: declared properties with their setters."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore

_QT_TYPES = {bool: "bool", int: "int", float: "double", str: "QString", list: "QStringList"}


class StandIn:
    """Mixed into a widget whose class lists its Qt properties.

    ``properties`` maps their names to their defaults. Each becomes a true Qt property, which form
    files can set, with a setter such as ``setCollapsed``; a method ``_collapsed_changed``, where
    there is one, runs after a change. ``vtk_signals`` maps the signatures of signals that carry VTK
    objects, which Qt here does not know, to the attributes that emit them.
    """

    properties: dict[str, bool | int | float | str | list[str]] = {}
    vtk_signals: dict[str, str] = {}

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name, default in cls.__dict__.get("properties", {}).items():
            _declare(cls, name, default)


def _declare(owner: type, name: str, default: Any) -> None:
    kind, key, hook = type(default), f"_property_{name}", f"_{name}_changed"

    def get(self: StandIn) -> Any:
        value = self.__dict__.get(key, default)
        return list(value) if kind is list else value

    def set_(self: StandIn, value: Any) -> None:
        converted = _converted(kind, name, value)
        changed = converted != get(self)
        self.__dict__[key] = converted
        if changed and hasattr(type(self), hook):
            getattr(self, hook)()

    setattr(owner, name, QtCore.Property(_QT_TYPES[kind], get, set_))
    setattr(owner, f"set{name[0].upper()}{name[1:]}", set_)


def _converted(kind: type, name: str, value: Any) -> Any:
    """PythonQt makes a number of a number, but a string or a list of nothing else."""
    fits = isinstance(value, (list, tuple) if kind is list else str)
    if kind in (bool, int, float):
        fits = hasattr(value, "__int__")
    if not fits:
        raise AttributeError(f"Property '{name}' of type {kind.__name__} does not accept {value!r}")
    return kind(value)
