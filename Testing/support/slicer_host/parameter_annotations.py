"""What may stand in ``Annotated[float, WithinRange(0, 1)]`` of a parameter node class."""

from __future__ import annotations

import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import slicer


class Default:
    """The value of a parameter that has none yet.

    Parameters
    ----------
    value
        The value.
    generator
        Called for the value each time instead, if given.
    """

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value = value
        self._generator = generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator else self._value


class Validator(ABC):
    """Base class of annotations that refuse values."""

    @abstractmethod
    def validate(self, value: Any) -> None:
        """Raise ``ValueError`` for a value that is not allowed."""


@dataclass
class WithinRange(Validator):
    """A number from ``minimum`` to ``maximum``, both included."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


@dataclass
class Minimum(Validator):
    """A number not below ``minimum``."""

    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is below {self.minimum}")


@dataclass
class Maximum(Validator):
    """A number not above ``maximum``."""

    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is above {self.maximum}")


@dataclass
class Choice(Validator):
    """One of the ``choices``."""

    choices: Sequence[Any]

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclass
class Decimals:
    """Decimals that a number's widget shows."""

    value: int


@dataclass
class SingleStep:
    """Step of a number's widget."""

    value: float


def split_annotations(datatype: Any) -> tuple[Any, list[Any]]:
    """The bare type, and the annotations of an ``Annotated`` one.

    Parameters
    ----------
    datatype
        A type as in a class body.

    Returns
    -------
    bare : type
        The type itself; ``X | None`` is a `typing.Union`.
    annotations : list
        In the order in which they stand; empty for a type without any.
    """
    # Another annotation around it makes one form of both kinds; annotations do not nest.
    bare, *annotations = typing.get_args(Annotated[datatype, "mark"])
    if isinstance(bare, types.UnionType):
        bare = typing.Union[typing.get_args(bare)]  # noqa: UP007 (made from a tuple)
    return bare, annotations[:-1]


def find_annotation(datatype: Any, kind: type) -> Any:
    """The first annotation of a kind, or None."""
    return next((each for each in split_annotations(datatype)[1] if isinstance(each, kind)), None)


def node_classes(datatype: Any) -> list[type] | None:
    """The classes of ``SomeNode`` or ``SomeNode | OtherNode | None``; None for other types."""
    bare = split_annotations(datatype)[0]
    members = typing.get_args(bare) if typing.get_origin(bare) is typing.Union else (bare,)
    classes = [each for each in members if each is not type(None)]
    if all(isinstance(each, type) and issubclass(each, slicer.vtkMRMLNode) for each in classes):
        return classes
    return None
