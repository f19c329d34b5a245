"""Build the command line of the engine from the panel settings."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from HypothalamusSegLib.options import Options

MODULE_FOLDER = Path(__file__).resolve().parents[2]


class SettingsError(ValueError):
    """Invalid settings; the message says what to change."""


def engine_arguments(options: Options, scan: Path, output: Path) -> list[str]:
    """Build the arguments of ``python`` for one scan, with progress as JSON lines."""
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
    """Path of Slicer's Python, or of this Python outside Slicer."""
    return shutil.which("PythonSlicer") or sys.executable


def python_path() -> str:
    """PYTHONPATH of the engine process, with the folder of this module first."""
    there = os.environ.get("PYTHONPATH")
    return str(MODULE_FOLDER) + (os.pathsep + there if there else "")
