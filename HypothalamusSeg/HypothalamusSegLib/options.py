"""What to segment and how: options shared by all faces. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

STRUCTURES = ("hypothalamus", "icv")
GRID_NAMES = ("0.5", "native", "ulm")
DEVICES = ("auto", "cpu", "cuda", "mps")
FOLDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Options:
    """What to segment and how.

    Attributes
    ----------
    structures : tuple of str
        Any of ``hypothalamus`` and ``icv``.
    subunits : bool
    grid : {"0.5", "native", "ulm"}
        Grid of the hypothalamus labels.
    device : {"auto", "cpu", "cuda", "mps"}
    threads : int or None
        None: torch decides.
    folds : tuple of int

    Examples
    --------
    >>> Options(subunits=True, folds=(0, 1)).as_arguments()
    ['--structures', 'hypothalamus,icv', '--grid', '0.5', '--device', 'auto', '--folds', '0,1', \
'--subunits']
    """

    structures: tuple[str, ...] = STRUCTURES
    subunits: bool = False
    grid: str = "0.5"
    device: str = "auto"
    threads: int | None = None
    folds: tuple[int, ...] = FOLDS

    def as_arguments(self) -> list[str]:
        """Convert to the equivalent command-line arguments."""
        arguments = ["--structures", ",".join(self.structures), "--grid", self.grid]
        arguments += ["--device", self.device, "--folds", ",".join(map(str, self.folds))]
        arguments += ["--subunits"] if self.subunits else []
        return arguments + (["--threads", str(self.threads)] if self.threads else [])


def parse_folds(text: str) -> tuple[int, ...]:
    """Read "0,2,4"; raises ValueError if it is not a list of different folds.

    Examples
    --------
    >>> parse_folds("0,2,4")
    (0, 2, 4)
    """
    try:
        folds = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a list of folds. Write, for example, 0,1,2") from error
    if len(set(folds)) != len(folds):
        raise ValueError(f"{text}: the same fold is listed twice")
    return folds


def check_structures(names: Sequence[str]) -> tuple[str, ...]:
    """Check structure names and sort them as in `STRUCTURES`; raises ValueError if unknown."""
    unknown = sorted(set(names) - set(STRUCTURES))
    if unknown or not names:
        raise ValueError(f"unknown structure {unknown[0] if unknown else ''!r}")
    return tuple(name for name in STRUCTURES if name in names)
