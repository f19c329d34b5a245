"""PyTorch is installed in the background: the window lives, and Cancel ends pip itself."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

from HypothalamusSegLib.machine.processes import may_be_alive
from HypothalamusSegSlicer.engine_run import torch_setup
from HypothalamusSegSlicer.panel.states import State

from Testing.support.drawn_head import draw_head
from Testing.support.engine_choice import Replay
from Testing.support.slicer_results import load_volume

PIP = "import sys; print('Collecting', sys.argv[-1])"
# Waits until the test has seen it; what it installs is a file.
LIGHT_THE_TORCH = """
import pathlib, sys, time
here = pathlib.Path(__file__).parent.parent
print("Downloading", *sys.argv[1:])
while not (here / "go on").exists():
    time.sleep(0.01)
if (here / "fail").exists():
    sys.exit("No space left on device")
(here / "torch is there").touch()
"""


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """A pip and a light-the-torch that are found before the real ones, and the extension."""
    for name, text in (("pip", PIP), ("light_the_torch", LIGHT_THE_TORCH)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__main__.py").write_text(text, encoding="utf-8")
        (tmp_path / name / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(torch_setup, "is_installed", (tmp_path / "torch is there").exists)
    extension = ModuleType("PyTorchUtils")
    extension.PyTorchUtilsLogic = lambda: SimpleNamespace(
        _getPipInstallArguments=lambda backend, version: ["install", f"torch{version}"]
    )
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    return tmp_path


@pytest.fixture
def ready(panel, tmp_path):
    """The panel with a volume."""
    panel.parameters.inputVolume = load_volume(draw_head(tmp_path / "heads").scan)
    host.pump(20)
    return panel


def begin(panel) -> int:
    """Press Apply and wait until the second program runs; its process ID."""
    panel.ui.applyButton.click()
    assert panel.state is State.INSTALLING
    assert host.pump_until(lambda: "Downloading" in panel.ui.stepLabel.text, seconds=30)
    return panel.run.torch._steps._process_id


def test_apply_installs_and_then_runs(ready, programs, monkeypatch, tmp_path):
    begin(ready)
    assert "install torch>=2.2" in ready.ui.stepLabel.text
    assert "Collecting light-the-torch" in ready.ui.logText.plainText
    runs = []
    monkeypatch.setattr(ready.logic, "process", lambda *a, **k: runs.append("run") or done())
    (programs / "go on").touch()
    assert host.pump_until(lambda: runs == ["run"], seconds=30)
    assert ready.state is State.READY
    assert len(host.dialogs) == 1  # the question


def done() -> SimpleNamespace:
    return SimpleNamespace(result=object())


def test_cancel_ends_pip_itself_behind_the_launcher(ready, programs, tmp_path, monkeypatch):
    Replay(tmp_path, monkeypatch).use_launcher(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(programs))
    launcher = tmp_path / "PythonSlicer"
    monkeypatch.setattr(
        "HypothalamusSegSlicer.engine_run.python_steps.python_executable", lambda: str(launcher)
    )
    process_id = begin(ready)
    assert may_be_alive(process_id)
    ready.ui.applyButton.click()
    assert host.pump_until(lambda: ready.state is State.READY, seconds=10)
    assert not may_be_alive(process_id)
    assert "canceled" in ready.ui.stepLabel.text
    assert ready.job is None


def test_a_failure_is_said_with_pips_last_line(ready, programs):
    (programs / "fail").touch()
    (programs / "go on").touch()
    ready.ui.applyButton.click()
    assert host.pump_until(lambda: ready.state is State.READY, seconds=30)
    assert "No space left on device" in host.dialogs[-1].text


def test_closing_the_module_ends_the_installation(ready, programs):
    process_id = begin(ready)
    ready.close()
    assert not may_be_alive(process_id)


def test_no_python_is_said(ready, programs, monkeypatch):
    monkeypatch.setattr(
        "HypothalamusSegSlicer.engine_run.python_steps.python_executable", lambda: "/no/python"
    )
    ready.ui.applyButton.click()
    assert host.pump_until(lambda: ready.state is State.READY, seconds=10)
    assert "could not be installed" in host.dialogs[-1].text
