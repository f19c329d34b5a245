"""The engine's command line, as the panel's settings ask for it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from HypothalamusSegLib.options import Options

MODULE_FOLDER = Path(__file__).resolve().parents[2]


class SettingsError(ValueError):
    """Settings that no run can be made of; the message says what to change."""


def engine_arguments(options: Options, scan: Path, output: Path) -> list[str]:
    """Arguments of ``python`` for one scan, progress as JSON lines."""
    run = ["-m", "HypothalamusSegLib", "segment", str(scan), "--output", str(output)]
    return [
        *run,
        *options.as_arguments(),
        "--progress",
        "json",
        "--no-overview",
        "--stop-with-stdin",
    ]


def python_executable() -> str:
    """Slicer's Python, or this one where there is no Slicer around it."""
    return shutil.which("PythonSlicer") or sys.executable


def python_path() -> str:
    """PYTHONPATH of the engine's process: this module's folder first."""
    there = os.environ.get("PYTHONPATH")
    return str(MODULE_FOLDER) + (os.pathsep + there if there else "")
