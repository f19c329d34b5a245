"""The page's outputs by name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Parts:
    """The outputs of the page by name, in the order of their values for Gradio."""

    scans: Any
    setup: Any
    start: Any
    cancel: Any
    deletion: Any
    timer: Any
    results: Any
    batch: Any
    everything: Any
    choice: Any
    news: Any
    said: Any

    def values(self) -> list:
        return [getattr(self, name) for name in OUTPUTS]


OUTPUTS = tuple(part.name for part in fields(Parts))


@dataclass(frozen=True)
class ResultParts:
    """The parts that show the chosen result."""

    heading: Any
    verdict: Any
    key: Any
    report: Any
    flags: Any
    viewer: Any
    numbers: Any
    files: Any

    def values(self) -> list:
        return [getattr(self, part.name) for part in fields(self)]
