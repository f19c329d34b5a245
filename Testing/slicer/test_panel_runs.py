"""Runs that are canceled, fail, are killed or lack PyTorch: the panel says it and goes on."""

from __future__ import annotations

import os
import signal
import sys
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegLib.machine.processes import may_be_alive
from HypothalamusSegSlicer.engine_run import torch_setup
from HypothalamusSegSlicer.panel.states import State
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes

from Testing.support.panel_use import choose_input, click, wait_for_end, wait_for_step
from Testing.support.slicer_results import load_volume


@pytest.fixture
def panel(panel, replay):
    """The engine replays a run by one network."""
    panel.parameters.folds, panel.parameters.threads = "0", 1
    return panel


@pytest.fixture
def volume(panel, sample_path):
    return choose_input(panel, sample_path)


def test_cancel_ends_the_process_at_once_and_leaves_nothing(panel, volume, replay):
    replay.off()
    click(panel.ui.applyButton)
    wait_for_step(panel, "ICV")
    process_id = panel.job.process_id
    click(panel.ui.applyButton)
    assert panel.state is State.CANCELLING
    assert not panel.ui.applyButton.enabled
    wait_for_end(panel)
    assert not may_be_alive(process_id)
    assert panel.state is State.READY
    assert "nothing was changed" in panel.ui.stepLabel.text
    assert ResultNodes(volume).record is None


def test_the_key_does_not_start_a_second_run(panel, volume, replay):
    replay.use("--pause", "coarse")
    click(panel.ui.applyButton)
    job = panel.job
    panel.run.apply_by_key()
    assert panel.job is job
    click(panel.ui.applyButton)
    wait_for_end(panel)


def test_a_killed_engine_is_said_and_apply_is_there_again(panel, volume, replay):
    replay.use("--pause", "coarse")
    click(panel.ui.applyButton)
    wait_for_step(panel, "ICV")
    os.kill(panel.job.process_id, signal.SIGKILL)
    wait_for_end(panel)
    assert panel.state is State.READY
    assert "memory" in host.dialogs[-1].text
    assert not panel.ui.logCollapsible.collapsed


def test_an_engine_that_cannot_be_started_is_said(panel, volume, monkeypatch):
    monkeypatch.setattr(
        "HypothalamusSegSlicer.engine_run.loaded_engine.python_executable",
        lambda: "/no/such/python",
    )
    click(panel.ui.applyButton)
    wait_for_end(panel)
    assert panel.state is State.READY
    assert "could not be started" in host.dialogs[-1].text


def test_an_error_of_the_engine_is_said(panel, volume, replay):
    replay.use("--fail", "weights")
    click(panel.ui.applyButton)
    wait_for_end(panel)
    assert host.dialogs[-1].text == "An error of the kind weights."
    assert ResultNodes(volume).record is None


def test_an_image_that_is_no_head_is_said(panel, sample_path, replay):
    replay.use("--read")
    empty = load_volume(sample_path)
    slicer.util.arrayFromVolume(empty)[:] = 0
    slicer.util.arrayFromVolumeModified(empty)
    panel.parameters.inputVolume = empty
    host.pump(20)
    click(panel.ui.applyButton)
    wait_for_end(panel)
    assert panel.state is State.READY
    assert "same value" in host.dialogs[-1].text


@pytest.mark.parametrize("what", ["delete the input", "close the scene", "close the module"])
def test_what_is_running_ends_with_what_it_works_on(panel, volume, what, replay):
    replay.use("--pause", "coarse")
    click(panel.ui.applyButton)
    wait_for_step(panel, "ICV")
    process_id = panel.job.process_id
    if what == "delete the input":
        slicer.mrmlScene.RemoveNode(volume)
    elif what == "close the scene":
        host.clear_scene()
    else:
        panel.close()
    host.pump(200)
    assert not may_be_alive(process_id)
    assert panel.job is None
    assert not slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")


class FakePyTorchUtils(ModuleType):
    """The PyTorch extension, as far as it is called."""

    def __init__(self, installed) -> None:
        super().__init__("PyTorchUtils")
        self.calls: list[str] = []
        self.PyTorchUtilsLogic = lambda: SimpleNamespace(
            installTorch=lambda **_: self.calls.append("install") or installed,
            uninstallTorch=lambda: self.calls.append("uninstall"),
        )


def test_missing_torch_is_installed_after_a_question(panel, volume, monkeypatch, replay):
    replay.use("--pause", "coarse")
    monkeypatch.setattr(torch_setup, "is_installed", lambda: False)
    click(panel.ui.applyButton)
    assert "Extensions Manager" in host.dialogs[-1].text
    assert panel.state is State.READY

    extension = FakePyTorchUtils(installed=object())
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    host.answers.append(False)
    click(panel.ui.applyButton)
    assert "200 MB" in host.dialogs[-1].text
    assert (extension.calls, panel.job) == ([], None)

    click(panel.ui.applyButton)
    assert extension.calls == ["install"]
    assert panel.state is State.RUNNING
    click(panel.ui.applyButton)
    wait_for_end(panel)


def test_a_broken_torch_is_repaired_after_a_question(panel, volume, monkeypatch, tmp_path, replay):
    """By the real engine, which finds this torch, and no networks."""
    replay.off()
    broken = tmp_path / "torch"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('half installed')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    extension = FakePyTorchUtils(installed=object())
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    click(panel.ui.applyButton)
    wait_for_end(panel)
    assert "half installed" in host.dialogs[-1].text
    assert extension.calls == ["uninstall", "install"]
    assert "Press Apply" in panel.ui.stepLabel.text
