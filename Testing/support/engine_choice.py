"""Which engine Slicer's side starts: the real one, one that replays, one behind a launcher."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from HypothalamusSegLib.options import Options

from Testing.support.command_runs import REPOSITORY
from Testing.support.replay_engine import GO_ON

LOADED_ENGINE = "HypothalamusSegSlicer.engine_run.loaded_engine"
# Of the run that is recorded for the whole suite.
RECORDED = Options(threads=1, folds=(0,))


class Replay:
    """Which engine Slicer's side starts next."""

    def __init__(self, recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.recordings, self._patch = recordings, monkeypatch
        self._patch.setenv("PYTHONPATH", str(REPOSITORY))
        self.use()

    def use(self, *arguments: str) -> None:
        """Replay; the arguments are those of `replay_engine`."""
        command = ["-m", "Testing.support.replay_engine", str(self.recordings), *arguments]
        self._patch.setattr(f"{LOADED_ENGINE}.worker_arguments", lambda: command)

    def off(self) -> None:
        """Use the real engine."""
        from HypothalamusSegSlicer.engine_run import command_line

        self._patch.setattr(f"{LOADED_ENGINE}.worker_arguments", command_line.worker_arguments)

    def go_on(self) -> None:
        """Let a paused engine finish."""
        (self.recordings / GO_ON).touch()

    def use_launcher(self, folder: Path) -> None:
        """Let a launcher stand between Slicer and the engine."""
        program = folder / "PythonSlicer"
        script = REPOSITORY / "Testing" / "support" / "launcher.py"
        program.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding="utf-8"
        )
        program.chmod(0o755)
        self._patch.setattr(f"{LOADED_ENGINE}.python_executable", lambda: str(program))
