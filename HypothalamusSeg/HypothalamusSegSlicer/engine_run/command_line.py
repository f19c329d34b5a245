"""How the engine is started, and its requests."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from HypothalamusSegLib.options import Options

MODULE_FOLDER = Path(__file__).resolve().parents[2]
# An engine holds several hundred megabytes between two scans.
IDLE_SECONDS = 300


class SettingsError(ValueError):
    """Invalid settings; the message says what to change."""


def worker_arguments() -> list[str]:
    """Arguments of ``python`` for an engine that stays loaded; see Docs/WORKER.md."""
    return ["-m", "HypothalamusSegLib", "worker", "--idle-seconds", str(IDLE_SECONDS)]


def segment_request(options: Options, scan: Path, output: Path) -> dict:
    """The request for one scan."""
    files = {"input": str(scan), "output": str(output), "overview": False}
    return {"request": "segment", **files, "options": options.as_json()}


def follow_request(
    options: Options, scans: Sequence[Path], dates: Sequence[str | None], output: Path
) -> dict:
    """The request for several scans of one patient."""
    files = {"inputs": [str(scan) for scan in scans], "output": str(output), "name": "patient"}
    # The page needs matplotlib, which Slicer does not bundle.
    others = {"dates": list(dates), "page": False}
    return {"request": "follow", **files, **others, "options": options.as_json()}


def python_executable() -> str:
    """Path of Slicer's Python, or of this Python outside Slicer."""
    return shutil.which("PythonSlicer") or sys.executable


def python_path() -> str:
    """PYTHONPATH of the engine process, with the folder of this module first."""
    there = os.environ.get("PYTHONPATH")
    return str(MODULE_FOLDER) + (os.pathsep + there if there else "")
