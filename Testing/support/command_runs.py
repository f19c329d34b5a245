"""Runs of the command line as processes of their own, and where the repository's files are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@dataclass(frozen=True)
class CommandRun:
    """A finished process of the command line."""

    code: int
    stdout: str
    stderr: str
    output: Path

    @property
    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.stdout.splitlines()]


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "HypothalamusSegLib", *map(str, arguments)]


def environment() -> dict[str, str]:
    paths = {"PYTHONPATH": str(REPOSITORY / "HypothalamusSeg"), "PYTHONIOENCODING": "utf-8"}
    return {**os.environ, **paths}


def run_command(output: Path, *arguments: object, seconds: float = 300) -> CommandRun:
    done = subprocess.run(
        command_line(*arguments),
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=seconds,
    )
    return CommandRun(done.returncode, done.stdout, done.stderr, output)


def read_labels(path: Path) -> tuple[np.ndarray, float]:
    """A label map's array (k, j, i) and its voxel's volume in mm³."""
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), float(np.prod(image.GetSpacing()))
