"""The engine's command line, as the panel's settings ask for it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

MODULE_FOLDER = Path(__file__).resolve().parents[1]
STRUCTURES = ("hypothalamus", "icv")
FOLDS = (0, 1, 2, 3, 4)


class SettingsError(ValueError):
    """Settings that no run can be made of; the message says what to change."""


@dataclass(frozen=True)
class EngineSettings:
    """What to segment and how; the words are those of the command line.

    Attributes
    ----------
    structures : tuple of str
        ``hypothalamus``, ``icv`` or both.
    subunits : bool
    grid : {"0.5", "native", "ulm"}
    device : {"auto", "cpu", "cuda", "mps"}
    threads : int
        0: as many as torch chooses.
    folds : tuple of int
    """

    structures: tuple[str, ...] = STRUCTURES
    subunits: bool = False
    grid: str = "0.5"
    device: str = "auto"
    threads: int = 0
    folds: tuple[int, ...] = FOLDS

    def arguments(self, scan: Path, output: Path) -> list[str]:
        """Arguments of ``python`` for one scan, progress as JSON lines."""
        arguments = ["-m", "HypothalamusSegLib", "segment", str(scan), "--output", str(output)]
        arguments += ["--structures", ",".join(self.structures), "--grid", self.grid]
        arguments += ["--device", self.device, "--folds", ",".join(map(str, self.folds))]
        arguments += ["--subunits"] if self.subunits else []
        arguments += ["--threads", str(self.threads)] if self.threads else []
        return [*arguments, "--progress", "json", "--no-overview", "--stop-with-stdin"]


def parse_folds(text: str) -> tuple[int, ...]:
    """Read "0,2,4"; raises `SettingsError` with the reason."""
    try:
        folds = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(
            f"Folds are numbers with commas between, as 0,1,2; not “{text}”."
        ) from error
    if len(set(folds)) != len(folds) or not set(folds) <= set(FOLDS):
        raise SettingsError(f"Folds are different numbers from 0 to 4; not “{text}”.")
    return folds


def python_executable() -> str:
    """Slicer's Python, or this one where there is no Slicer around it."""
    return shutil.which("PythonSlicer") or sys.executable


def python_path() -> str:
    """PYTHONPATH of the engine's process: this module's folder first."""
    there = os.environ.get("PYTHONPATH")
    return str(MODULE_FOLDER) + (os.pathsep + there if there else "")
