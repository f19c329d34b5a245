"""The engine of the panel's tests: a process that replays what the real one said and wrote."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from HypothalamusSegLib.options import Options

from Testing.support.command_runs import REPOSITORY
from Testing.support.engine_choice import RECORDED, Replay
from Testing.support.made_once import made_once
from Testing.support.protocol_folders import HTML_NAME, protocol_folder
from Testing.support.replay_engine import GO_ON, RECORDED_NAME, recording_of


@pytest.fixture(scope="session")
def engine_runs(sample_path, tmp_path_factory, request) -> Path:
    """A run of the real engine on the sample, and the files of one with subunits; made once."""
    from Testing.support.slicer_results import record

    def run(folder: Path) -> None:
        (folder / "recordings").mkdir()
        record(sample_path, folder / "recordings", RECORDED)
        (folder / "files").mkdir()
        # The command's, but for their names those that the engine writes for Slicer.
        for path in request.getfixturevalue("quick_run").output.iterdir():
            shutil.copy(path, folder / "files" / path.name.replace("brain", RECORDED_NAME, 1))

    return made_once("engine_runs", tmp_path_factory, run)


@pytest.fixture(scope="session")
def recordings(engine_runs, tmp_path_factory) -> Path:
    """Of one real run; tests that need other structures record them, too."""
    return shutil.copytree(
        engine_runs / "recordings", tmp_path_factory.mktemp("own") / "recordings"
    )


@pytest.fixture(scope="session")
def files(engine_runs, sample_path):
    """What the real engine wrote with subunits; only to be read."""
    from Testing.support.slicer_results import EngineFiles

    folder = engine_runs / "files"
    text = (folder / f"{RECORDED_NAME}_volumes.json").read_text(encoding="utf-8")
    return EngineFiles(sample_path, folder, json.loads(text))


@pytest.fixture(scope="module")
def loaded():
    """The extension's module, as Slicer loads it; the stand-in has been started by the tests."""
    from Testing.support.slicer_host import application as host

    return host.load_module(str(REPOSITORY / "HypothalamusSeg" / "HypothalamusSeg.py"))


@pytest.fixture
def scene(monkeypatch, tmp_path):
    """An empty scene; nothing may have gone wrong unseen in the end."""
    import slicer

    from Testing.support.slicer_host import application as host

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    host.clear_scene()
    host.dialogs.clear()
    host.answers.clear()
    yield slicer.mrmlScene
    host.clear_scene()
    problems = list(host.problems)
    host.problems.clear()
    assert problems == []


@pytest.fixture
def panel(scene, loaded):
    """An opened panel in an empty scene; it leaves no folder of an engine."""
    import slicer

    from Testing.support.panel_use import engine_folders
    from Testing.support.slicer_host import application as host

    slicer.app.settings().clear()
    widget = host.open_widget(*loaded)
    before = engine_folders()
    yield widget.panel
    host.close_widget(widget)
    host.clear_scene()
    assert engine_folders() == before


@pytest.fixture
def replay(recordings, monkeypatch):
    yield Replay(recordings, monkeypatch)
    (recordings / GO_ON).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Three different heads, each with what the engine would write."""
    from Testing.support.drawn_head import draw_head

    folder = tmp_path_factory.mktemp("drawn")
    return [draw_head(folder, f"p{number}", seed=number) for number in range(3)]


@pytest.fixture
def scans(drawn, tmp_path) -> Path:
    """A folder of three scans."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for files in drawn:
        shutil.copyfile(files.scan, folder / files.scan.name)
    return folder


@pytest.fixture(scope="module")
def drawn_recordings(drawn, tmp_path_factory) -> Path:
    """The engine's answer to any scan, in the form that is replayed."""
    folder = tmp_path_factory.mktemp("recordings")
    recording = recording_of(folder, Options())
    shutil.copytree(drawn[0].folder, recording)
    progress = {"event": "progress", "fraction": 0.1, "stage": "coarse", "step": "ICV fold 1/5"}
    result = {"event": "result", "result": drawn[0].description, "files": []}
    text = json.dumps([progress, result])
    (recording / "events.json").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def engine(drawn_recordings, monkeypatch):
    """Replays the drawn answer."""
    yield Replay(drawn_recordings, monkeypatch)
    (drawn_recordings / GO_ON).unlink(missing_ok=True)


@pytest.fixture
def volume(scene, files):
    """The scan of the engine's run, without a panel."""
    from Testing.support.slicer_results import load_volume

    return load_volume(files.scan)


@pytest.fixture
def nodes(files, volume):
    """The result of the engine's run."""
    from Testing.support.slicer_results import take

    return take(files, volume)


@pytest.fixture
def ours(tmp_path) -> Path:
    """A protocol of one's own, whose name is a page to whom it is not text."""
    return protocol_folder(tmp_path / "ours", HTML_NAME)


@pytest.fixture
def derivative(drawn, tmp_path) -> Path:
    """OUT of the cohort tool, beside its data."""
    from Testing.support.worklist_panel import write_derivative

    return write_derivative(drawn, tmp_path)
