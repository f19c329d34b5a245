"""Runs of the command line, and where the repository's files are."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
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
    """A finished run of the command line."""

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


def call_command(output: Path, *arguments: object) -> CommandRun:
    """Run the command in this process, which spares the start of Python and torch.

    For what does not depend on signals, streams or memory of a process.
    """
    from HypothalamusSegLib.command_line import main

    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    stdout, stderr = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = main([*map(str, arguments)])
    except SystemExit as end:  # argparse's
        code = end.code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return CommandRun(code, stdout.getvalue(), stderr.getvalue(), output)


def read_labels(path: Path) -> tuple[np.ndarray, float]:
    """A label map's array (k, j, i) and its voxel's volume in mm³."""
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), float(np.prod(image.GetSpacing()))
