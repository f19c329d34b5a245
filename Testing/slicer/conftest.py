"""The engine of the panel's tests: a process that replays what the real one said and wrote."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from HypothalamusSegLib.options import Options

from Testing.support.command_runs import REPOSITORY
from Testing.support.replay_engine import GO_ON

RECORDED = Options(threads=1, folds=(0,))


@pytest.fixture(scope="session")
def recordings(sample_path, tmp_path_factory) -> Path:
    """Of one real run; tests that need other structures record them, too."""
    from Testing.support.slicer_results import record

    folder = tmp_path_factory.mktemp("recordings")
    record(sample_path, folder, RECORDED)
    return folder


@pytest.fixture(scope="module")
def loaded():
    """The extension's module, as Slicer loads it; the stand-in has been started by the tests."""
    from Testing.support.slicer_host import application as host

    return host.load_module(str(REPOSITORY / "HypothalamusSeg" / "HypothalamusSeg.py"))


@pytest.fixture
def panel(loaded, monkeypatch, tmp_path):
    """An opened panel in an empty scene; nothing may have gone wrong unseen in the end."""
    import slicer

    from Testing.support.slicer_host import application as host

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    host.clear_scene()
    host.dialogs.clear()
    host.answers.clear()
    slicer.app.settings().clear()
    widget = host.open_widget(*loaded)
    yield widget.panel
    host.close_widget(widget)
    host.clear_scene()
    problems = list(host.problems)
    host.problems.clear()
    assert problems == []


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


LOADED_ENGINE = "HypothalamusSegSlicer.engine_run.loaded_engine"


@pytest.fixture
def replay(recordings, monkeypatch):
    yield Replay(recordings, monkeypatch)
    (recordings / GO_ON).unlink(missing_ok=True)
