"""Qt properties as PythonQt shows them: attributes, not methods, and no others can be made.

``button.text`` is a string, so ``button.text()`` raises; ``button.txet = "Apply"`` raises too.
PySide6 has it the other way round: it would take both silently.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from PySide6 import QtCore

QObject = QtCore.QObject

# C++ calls these virtual methods through the Python class; an attribute there would call itself.
_VIRTUAL_METHODS = frozenset({"sizeHint", "minimumSizeHint"})
DIRECT_CHILDREN = QtCore.Qt.FindChildOption.FindDirectChildrenOnly
_NUMBERS = ("int", "double", "float", "uint")


class PropertyAttribute:
    """A Qt property, read and written as an attribute, that takes no value of a wrong type.

    Parameters
    ----------
    name
        Name of the property in Qt's meta-object.
    hidden
        What the class has under this name otherwise: ``QTimer.singleShot`` is a property of a
        timer and a static function of its class.
    """

    def __init__(self, name: str, hidden: Any = None) -> None:
        self.name = name
        self.hidden = hidden

    def __get__(self, instance: QtCore.QObject | None, owner: type) -> Any:
        if instance is not None:
            return QObject.property(instance, self.name)
        if hasattr(self.hidden, "__get__"):
            return self.hidden.__get__(None, owner)
        return self.hidden

    def __set__(self, instance: QtCore.QObject, value: Any) -> None:
        meta = instance.metaObject()
        qt_property = meta.property(meta.indexOfProperty(self.name))
        title = f"Property '{self.name}' of {type(instance).__name__}"
        if not qt_property.isWritable():
            raise AttributeError(f"{title} is not writable")
        kind = qt_property.typeName()
        if not _accepts(qt_property, value) or not qt_property.write(instance, value):
            raise AttributeError(f"{title} is of type {kind} and does not accept {value!r}")


def _accepts(qt_property: QtCore.QMetaProperty, value: Any) -> bool:
    """PythonQt converts numbers into numbers, but nothing else into a number or a string."""
    if qt_property.isEnumType():
        return True
    if qt_property.typeName() == "QString":
        return isinstance(value, str)
    if qt_property.typeName() in _NUMBERS:
        return hasattr(value, "__int__")
    return True


def install(modules: list[ModuleType]) -> None:
    """Give every QObject class of PySide6 the attributes of PythonQt.

    Parameters
    ----------
    modules
        The PySide6 modules whose classes are to be changed.
    """
    for qt_class in qobject_classes(modules):
        meta = qt_class.staticMetaObject
        for index in range(meta.propertyOffset(), meta.propertyCount()):
            name = meta.property(index).name()
            if name not in _VIRTUAL_METHODS:
                setattr(qt_class, name, PropertyAttribute(name, qt_class.__dict__.get(name)))
        # Not inherited: PySide6 gives each of its classes its own.
        qt_class.__setattr__ = _set_attribute
        qt_class.__getattr__ = _get_dynamic_attribute
    QObject.name = PropertyAttribute("objectName")
    QObject.className = lambda self: type(self).__name__
    QObject.delete = lambda self: self.deleteLater()


def qobject_classes(modules: list[ModuleType]) -> Iterator[type]:
    """All classes of the modules that are QObjects."""
    return (each for each in _classes(modules) if issubclass(each, QObject))


def _classes(modules: list[ModuleType]) -> Iterator[type]:
    for module in modules:
        # `vars(module)` has only the classes that were used before; PySide6 makes them when asked.
        for name in dir(module):
            value = getattr(module, name)
            if isinstance(value, type):
                yield value


def _is_foreign(owner: type) -> bool:
    """Whether a class is C++ in Slicer; a module's own subclasses may have any attributes."""
    return owner.__module__.startswith(("PySide6", __package__))


def _set_attribute(self: QtCore.QObject, name: str, value: Any) -> None:
    owner = type(self)
    is_own_state = name.startswith("_") and not owner.__module__.startswith("PySide6")
    # PySide6 itself sets a signal as an attribute when it is first used.
    is_signal = isinstance(value, QtCore.SignalInstance)
    if _set_by_descriptor(self, name, value) or _is_named_child(name, value):
        return
    if not _is_foreign(owner) or is_own_state or is_signal:
        # What `object.__setattr__` would do, which PySide6's objects refuse.
        self.__dict__[name] = value
    elif hasattr(owner, name):
        raise AttributeError(f"'{name}' of {owner.__name__} can not be overwritten")
    elif QObject.property(self, name) is not None:
        QObject.setProperty(self, name, value)
    else:
        raise AttributeError(
            f"'{name}' does not exist on {owner.__name__}, and creating new attributes on C++ "
            "objects is not allowed"
        )


def _set_by_descriptor(self: QtCore.QObject, name: str, value: Any) -> bool:
    """Set what the class has as a property, of Qt or of Python; false when it has none."""
    for owner in type(self).__mro__:
        attribute = owner.__dict__.get(name)
        if isinstance(attribute, QtCore.Property):
            if attribute.fset is None:
                raise AttributeError(f"Property '{name}' of {owner.__name__} is not writable")
            attribute.fset(self, value)
            return True
        if hasattr(type(attribute), "__set__"):
            attribute.__set__(self, value)
            return True
    return False


def _is_named_child(name: str, value: Any) -> bool:
    """PySide6's form loader sets every child as an attribute; PythonQt finds children by itself."""
    return isinstance(value, QObject) and QObject.property(value, "objectName") == name


def _get_dynamic_attribute(self: QtCore.QObject, name: str) -> Any:
    """Dynamic properties, then named children, as in PythonQt."""
    if not name.startswith("_"):
        value = QObject.property(self, name)
        if value is not None:
            return value
        child = QObject.findChild(self, QObject, name, DIRECT_CHILDREN)
        if child is not None:
            return child
    raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")


def make_enums_numbers(modules: list[ModuleType]) -> None:
    """Let Qt's enumerations equal their numbers, as PythonQt's do; half of PySide6's do not."""
    for enumeration in set(_plain_enums(modules)):
        enumeration.__eq__ = lambda self, other: self.value == getattr(other, "value", other)
        enumeration.__hash__ = lambda self: hash(self.value)
        enumeration.__int__ = enumeration.__index__ = lambda self: int(self.value)


def _plain_enums(modules: list[ModuleType]) -> Iterator[type[enum.Enum]]:
    for owner in _classes(modules):
        for value in (owner, *vars(owner).values()):
            is_enum = isinstance(value, type) and issubclass(value, enum.Enum)
            if is_enum and not issubclass(value, int):
                yield value
