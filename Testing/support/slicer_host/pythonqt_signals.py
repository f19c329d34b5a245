"""Signals as PythonQt has them: ``button.connect("clicked(bool)", slot)``, checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6 import QtCore

from .problems import report, report_exception

QObject = QtCore.QObject


@dataclass
class _Connection:
    signature: str
    slot: Callable
    disconnect: Callable[[], object]


def install(classes: Iterable[type]) -> None:
    """Put PythonQt's ``connect`` and ``disconnect`` in the place of PySide6's.

    PySide6 finds its own two before it looks at the class, hence ``__getattribute__``. Most classes
    inherit QObject's, but not the devices, such as processes.

    Parameters
    ----------
    classes
        All classes of PySide6 that are QObjects.
    """
    for owner in classes:
        if "__getattribute__" in vars(owner):
            owner.__getattribute__ = _get_attribute_like(owner.__getattribute__)


def _get_attribute_like(original: Callable[[QtCore.QObject, str], Any]) -> Callable:
    replacements = {"connect": connect, "disconnect": disconnect}

    def get_attribute(self: QtCore.QObject, name: str) -> Any:
        if name not in replacements:
            return original(self, name)

        def either(*arguments: Any) -> Any:
            chosen = original(self, name) if _is_own_call(arguments) else replacement
            return chosen(*arguments)

        replacement = partial(replacements[name], self)
        return either

    return get_attribute


def _is_own_call(arguments: tuple) -> bool:
    """Whether PySide6 calls, for ``button.clicked.connect(slot)``: it numbers its signatures."""
    return bool(arguments) and (not isinstance(arguments[0], str) or arguments[0][:1] in ("1", "2"))


def connect(sender: QtCore.QObject, signature: str, *target: Any) -> bool:
    """Call a slot whenever a signal is emitted.

    Parameters
    ----------
    sender
        Whose signal.
    signature
        The signal with the types of its arguments, as ``"valueChanged(int)"``.
    target
        A callable, or an object and the name of its method. It gets as many of the signal's
        arguments as it takes, which is PythonQt's rule.

    Returns
    -------
    bool
        False when there is no such signal. Slicer then prints a line and goes on; here the line is
        also a problem.
    """
    slot = target[0] if len(target) == 1 else getattr(target[0], str(target[1]).partition("(")[0])
    normalized = normalized_signature(signature)
    name = _signal_attribute(sender, normalized)
    if name is None:
        report(f"connect: {type(sender).__name__} has no signal '{signature}'")
        return False

    def forward(*values: Any) -> None:
        try:
            slot(*values[: _arguments_taken(slot)])
        except Exception as error:
            report_exception(f"slot {getattr(slot, '__qualname__', slot)} of {signature}", error)

    if name:
        signal = getattr(sender, name)
        signal.connect(forward)
        undo = partial(signal.disconnect, forward)
    else:
        connection = QObject.connect(sender, QtCore.SIGNAL(normalized), forward)
        undo = partial(QObject.disconnect, connection)
    _connections(sender).append(_Connection(normalized, slot, undo))
    return True


def disconnect(sender: QtCore.QObject, signature: str | None = None, *target: Any) -> bool:
    """Undo `connect`: of one slot, of all slots of a signal, or of all.

    Returns
    -------
    bool
        Whether there was anything to undo.
    """
    wanted = None if signature is None else normalized_signature(signature)
    slot = target[0] if len(target) == 1 else None
    if len(target) == 2:
        slot = getattr(target[0], str(target[1]).partition("(")[0])
    connections = _connections(sender)
    undone = [
        connection
        for connection in connections
        if wanted in (None, connection.signature) and slot in (None, connection.slot)
    ]
    for connection in undone:
        connection.disconnect()
        connections.remove(connection)
    return bool(undone)


def normalized_signature(signature: str) -> str:
    return QtCore.QMetaObject.normalizedSignature(signature).data().decode()


def argument_types(signature: str) -> list[str]:
    """The types in a signature, ``["int", "bool"]`` for ``"changed(int,bool)"``."""
    inside = normalized_signature(signature).partition("(")[2].rpartition(")")[0]
    return inside.split(",") if inside else []


def _signal_attribute(sender: QtCore.QObject, signature: str) -> str | None:
    """The attribute of a stand-in's signal, "" for a signal of Qt's own, None for no signal.

    A stand-in names those signals in ``vtk_signals`` whose arguments are VTK objects, because Qt
    here does not know such types.
    """
    for owner in type(sender).__mro__:
        if signature in owner.__dict__.get("vtk_signals", {}):
            return owner.vtk_signals[signature]
    return "" if sender.metaObject().indexOfSignal(signature) >= 0 else None


def _arguments_taken(slot: Callable) -> int | None:
    """How many arguments PythonQt passes to a function at most; None for all."""
    function = slot.__func__ if inspect.ismethod(slot) else slot
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return None
    return code.co_argcount - inspect.ismethod(slot)


def _connections(sender: QtCore.QObject) -> list[_Connection]:
    return sender.__dict__.setdefault("_connections", [])
