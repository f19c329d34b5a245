"""What the user asks of an adaptation. Imports no torch, so that requests are checked at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .case_files import CaseFile


@dataclass(frozen=True)
class LabelOptions:
    """What the user says about the labels: values of the sides, and their kind."""

    sides: tuple[int, int] | None = None
    as_whole: bool = False


@dataclass(frozen=True)
class AdaptOptions:
    """What the user asks for.

    Attributes
    ----------
    cases : Path or tuple of CaseFile
        A folder, or the scans one by one.
    output : Path
        Where weights and page go.
    name : str
        Of the protocol.
    minutes : float
        Aimed at; the number of steps follows.
    weights : str or None
        The parent; None: the published weights.
    rater : str or None
    labels : LabelOptions
    skip_bad : bool
        Leave out cases whose labels cannot be used.
    write_anyway : bool
        Write weights even if adaptation has not helped.
    with_names : bool
        Name the cases in the manifest.
    threads : int or None
    seed : int
    """

    cases: Path | tuple[CaseFile, ...]
    output: Path
    name: str
    minutes: float = 60.0
    weights: str | None = None
    rater: str | None = None
    labels: LabelOptions = field(default_factory=LabelOptions)
    skip_bad: bool = False
    write_anyway: bool = False
    with_names: bool = False
    threads: int | None = None
    seed: int = 1
