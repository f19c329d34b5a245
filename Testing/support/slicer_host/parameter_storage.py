"""How parameters lie in their node: the same texts and references that Slicer writes."""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable, Iterable, MutableSequence
from pathlib import PurePath
from typing import Any

import slicer
import slicer.util

from .parameter_annotations import Default, Validator, split_annotations

Node = Any  # vtkMRMLScriptedModuleNode


class Storage:
    """Reads and writes values of one type; here for those that are one text."""

    def __init__(
        self,
        types: type | tuple[type, ...],
        default: Any,
        decode: Callable[[str], Any],
        encode: Callable[[Any], str] = str,
    ) -> None:
        self.types = types
        self._default = default
        self._decode = decode
        self._encode = encode

    def default(self) -> Any:
        return self._default

    def check(self, value: Any) -> None:
        """Raise ``TypeError`` or ``ValueError`` for a value of another type."""
        if value is None:
            raise ValueError("Value must not be None")
        if not isinstance(value, self.types):
            raise TypeError(f"Value must be of type {self.types}, is {value!r}")

    def is_in(self, node: Node, name: str) -> bool:
        return node.HasParameter(name)

    def read(self, node: Node, name: str) -> Any:
        return self._decode(node.GetParameter(name))

    def write(self, node: Node, name: str, value: Any) -> None:
        node.SetParameter(name, self._encode(value))

    def remove(self, node: Node, name: str) -> None:
        node.UnsetParameter(name)


class NodeStorage(Storage):
    """A reference to another node; a parameter of the same name tells that one was set."""

    def __init__(self, node_class: type) -> None:
        super().__init__(node_class, None, str)

    def check(self, value: Any) -> None:
        if value is not None:
            super().check(value)

    def read(self, node: Node, name: str) -> slicer.vtkMRMLNode | None:
        return node.GetNodeReference(name)

    def write(self, node: Node, name: str, value: slicer.vtkMRMLNode | None) -> None:
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def remove(self, node: Node, name: str) -> None:
        super().remove(node, name)
        node.RemoveNodeReferenceIDs(name)


class NoneStorage(Storage):
    """None, of ``X | None``."""

    def __init__(self) -> None:
        super().__init__(type(None), None, lambda text: None, lambda value: "True")

    def check(self, value: Any) -> None:
        if value is not None:
            raise ValueError("Value must be None")


class UnionStorage(Storage):
    """One of several types; the number of the type is part of the parameter's name."""

    def __init__(self, members: list[Storage]) -> None:
        self._members = members

    def default(self) -> Any:
        has_none = len(self._members) == 2 and isinstance(self._members[1], NoneStorage)
        return None if has_none else self._members[0].default()

    def check(self, value: Any) -> None:
        self._index_for(value)

    def _index_for(self, value: Any) -> int:
        for index, member in enumerate(self._members):
            # A node may be None too, but then the other member shall say so.
            if value is None and not isinstance(member, NoneStorage):
                continue
            try:
                member.check(value)
            except (TypeError, ValueError):
                continue
            return index
        raise TypeError(f"{value!r} is of none of the types of the union")

    def _index_in(self, node: Node, name: str) -> int | None:
        indices = range(len(self._members))
        return next((n for n in indices if self._members[n].is_in(node, f"{name}.{n}")), None)

    def is_in(self, node: Node, name: str) -> bool:
        return self._index_in(node, name) is not None

    def read(self, node: Node, name: str) -> Any:
        index = self._index_in(node, name)
        return self._members[index].read(node, f"{name}.{index}")

    def write(self, node: Node, name: str, value: Any) -> None:
        index = self._index_for(value)
        self.remove(node, name)
        self._members[index].write(node, f"{name}.{index}", value)

    def remove(self, node: Node, name: str) -> None:
        for index, member in enumerate(self._members):
            member.remove(node, f"{name}.{index}")


class ListStorage(Storage):
    """A list: its length, and a parameter for each element."""

    def __init__(self, element: Storage) -> None:
        self._element = element

    def default(self) -> list:
        return []

    def check(self, value: Iterable[Any]) -> None:
        for each in value:
            self._element.check(each)

    def is_in(self, node: Node, name: str) -> bool:
        return node.HasParameter(f"{name}.len")

    def _length(self, node: Node, name: str) -> int:
        return int(node.GetParameter(f"{name}.len")) if self.is_in(node, name) else 0

    def read(self, node: Node, name: str) -> ObservedList:
        length = self._length(node, name)
        elements = [self._element.read(node, f"{name}.{n}") for n in range(length)]
        return ObservedList(elements, lambda changed: self.write(node, name, changed))

    def write(self, node: Node, name: str, value: Iterable[Any]) -> None:
        elements = list(value)
        self.check(elements)
        for index in range(len(elements), self._length(node, name)):
            self._element.remove(node, f"{name}.{index}")
        for index, each in enumerate(elements):
            self._element.write(node, f"{name}.{index}", each)
        node.SetParameter(f"{name}.len", str(len(elements)))

    def remove(self, node: Node, name: str) -> None:
        for index in range(self._length(node, name)):
            self._element.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")


class ObservedList(MutableSequence):
    """A list that writes each change of itself into the node.

    Parameters
    ----------
    elements
        What it holds at first.
    save
        Called with all elements after a change.
    """

    def __init__(self, elements: list, save: Callable[[list], None]) -> None:
        self._elements = elements
        self._save = save

    def __len__(self) -> int:
        return len(self._elements)

    def __getitem__(self, index: Any) -> Any:
        return self._elements[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._change(lambda elements: elements.__setitem__(index, value))

    def __delitem__(self, index: Any) -> None:
        self._change(lambda elements: elements.__delitem__(index))

    def insert(self, index: int, value: Any) -> None:
        self._change(lambda elements: elements.insert(index, value))

    def _change(self, change: Callable[[list], Any]) -> None:
        changed = list(self._elements)
        change(changed)
        self._save(changed)  # first, because it raises for a wrong value
        self._elements = changed

    def __eq__(self, other: object) -> bool:
        return self._elements == (other._elements if isinstance(other, ObservedList) else other)

    __hash__ = None

    def __repr__(self) -> str:
        return f"ObservedList({self._elements})"


class Parameter:
    """A parameter with its type, its default and its rules.

    Parameters
    ----------
    name
        Its name in the class and in the node.
    datatype
        Its type, annotated or not.
    default
        What stands after the equals sign; a `Default` without one where nothing does.
    """

    def __init__(self, name: str, datatype: Any, default: Default | None) -> None:
        bare, annotations = split_annotations(datatype)
        self.name = name
        self.datatype = datatype
        self._storage = storage_for(bare)
        self._validators = [each for each in annotations if isinstance(each, Validator)]
        defaults = [each for each in annotations if isinstance(each, Default)]
        self.default = default or (defaults or [Default(self._storage.default())])[0]

    def is_in(self, node: Node) -> bool:
        return self._storage.is_in(node, self.name)

    def read(self, node: Node) -> Any:
        if not self.is_in(node):  # it was lost with the scene
            self.write(node, self.default.value)
        return self._storage.read(node, self.name)

    def write(self, node: Node, value: Any) -> None:
        self._storage.check(value)
        for validator in self._validators:
            validator.validate(value)
        with slicer.util.NodeModify(node):
            self._storage.write(node, self.name, value)


def storage_for(datatype: Any) -> Storage:
    """The storage for a type without annotations.

    Raises
    ------
    TypeError
        When this stand-in has none; Slicer may have.
    """
    if typing.get_origin(datatype) is list:
        return ListStorage(storage_for(split_annotations(typing.get_args(datatype)[0])[0]))
    if typing.get_origin(datatype) is typing.Union:
        members = [split_annotations(each)[0] for each in typing.get_args(datatype)]
        return UnionStorage([storage_for(each) for each in members])
    if datatype is bool:
        return Storage(bool, False, lambda text: text == "True")
    if datatype in (int, float):
        return Storage(int if datatype is int else (int, float), 0, datatype)
    if datatype is str:
        return Storage(str, "", str)
    if datatype is type(None):
        return NoneStorage()
    if isinstance(datatype, type) and issubclass(datatype, PurePath):
        return Storage(datatype, datatype(), datatype)
    if isinstance(datatype, type) and issubclass(datatype, enum.Enum):
        return Storage(datatype, next(iter(datatype)), datatype.__getitem__, lambda each: each.name)
    if isinstance(datatype, type) and issubclass(datatype, slicer.vtkMRMLNode):
        return NodeStorage(datatype)
    raise TypeError(f"the stand-in for parameterNodeWrapper has no storage for {datatype}")
