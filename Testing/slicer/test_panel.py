"""The panel as a newcomer uses it: real clicks, a real scene, an engine in a process of its own.

Three tests run the real engine; for the others it replays one real run.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegLib.flags import FLAG_TITLES
from HypothalamusSegLib.machine.processes import may_be_alive
from HypothalamusSegSlicer.engine_run import torch_setup
from HypothalamusSegSlicer.panel.quality_text import flag_titles
from HypothalamusSegSlicer.panel.states import State
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from PySide6 import QtCore, QtTest

from Testing.support.slicer_results import HandEditor, load_volume, take

MODULE = REPOSITORY / "HypothalamusSeg" / "HypothalamusSeg.py"
LEFT_ROW = 0


@pytest.fixture(autouse=True)
def own_temporary_folder(monkeypatch, tmp_path):
    """What other test processes leave for a moment is not this module's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def panel(loaded, replay, own_temporary_folder):
    host.clear_scene()
    host.dialogs.clear()
    widget = host.open_widget(*loaded)
    widget.panel.parameters.folds = "0"
    widget.panel.parameters.threads = 1
    before = engine_folders()
    yield widget.panel
    host.close_widget(widget)
    host.clear_scene()
    host.answers.clear()
    assert engine_folders() == before
    problems = list(host.problems)
    host.problems.clear()
    assert problems == []


@pytest.fixture
def volume(panel, sample_path):
    node = load_volume(sample_path)
    panel.parameters.inputVolume = node
    host.pump(20)
    return node


@pytest.fixture
def nodes(panel, volume, files) -> ResultNodes:
    """A result as after Apply, without the seconds that a run takes."""
    found = take(files, volume)
    panel.show_results_of(volume)
    return found


def engine_folders() -> set[str]:
    folders = (tempfile.gettempdir(), slicer.app.temporaryPath)
    return {path.name for folder in folders for path in Path(folder).glob("hypothalamus-seg-*")}


def click(button) -> None:
    # At its left: a check box is wider than what reacts to a click.
    place = QtCore.QPoint(8, button.height // 2)
    QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, place)


def wait_for_end(panel) -> None:
    assert host.pump_until(lambda: panel.job is None, seconds=180)


def wait_for_step(panel, text: str) -> None:
    assert host.pump_until(lambda: text in panel.ui.stepLabel.text, seconds=120)


def segment(panel) -> None:
    click(panel.ui.applyButton)
    assert panel.state is State.RUNNING
    wait_for_end(panel)
    assert "Done" in panel.ui.stepLabel.text


def cell(panel, row: int, column: str) -> str:
    table = panel.ui.tableView.mrmlTableNode()
    return table.GetTable().GetColumnByName(column).GetVariantValue(row).ToString()


def test_a_disabled_apply_says_what_is_missing(panel, sample_path):
    assert not panel.ui.applyButton.enabled
    assert "input volume" in panel.ui.applyButton.toolTip
    panel.parameters.inputVolume = load_volume(sample_path)
    host.pump(20)
    assert panel.ui.applyButton.enabled
    click(panel.ui.hypothalamusCheckBox)
    click(panel.ui.icvCheckBox)
    assert "hypothalamus, the ICV or both" in panel.ui.applyButton.toolTip
    click(panel.ui.icvCheckBox)
    panel.parameters.folds = "0,7"
    assert "0 to 4" in panel.ui.applyButton.toolTip


def test_a_newcomers_whole_way(panel, volume, tmp_path, monkeypatch, replay):
    replay.off()
    seen = []
    monkeypatch.setattr(panel.run, "_progressed", _recording(panel.run._progressed, seen))
    QtTest.QTest.keyClick(
        panel.ui.applyButton.window(), QtCore.Qt.Key_Return, QtCore.Qt.ControlModifier
    )
    if panel.state is not State.RUNNING:  # a window that is not shown gets no shortcuts
        click(panel.ui.applyButton)
    assert panel.ui.applyButton.text == "Cancel"
    assert not panel.ui.inputSelector.enabled
    wait_for_end(panel)
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) >= 5
    assert any("hypothalamus" in step for _, step in seen)
    assert panel.ui.applyButton.text == "Apply"
    quality = panel.ui.qualityBrowser.toPlainText()
    assert "Skull removed. The skull was removed" in quality

    before = cell(panel, LEFT_ROW, "value")
    nodes = ResultNodes(volume)
    editor = HandEditor(nodes.segmentation("hypothalamus"), volume, "hypothalamus_left")
    edited_at = time.monotonic()
    editor.erase_half()
    assert host.pump_until(lambda: cell(panel, LEFT_ROW, "status") == "edited", seconds=5)
    # 300 ms on an idle machine; here others may be at work.
    assert time.monotonic() - edited_at < 2
    assert float(cell(panel, LEFT_ROW, "value")) < float(before)
    panel.ui.segmentComboBox.currentIndex = 0
    click(panel.ui.revertButton)
    assert host.pump_until(lambda: cell(panel, LEFT_ROW, "value") == before, seconds=5)

    host.answers.append(str(tmp_path))
    click(panel.ui.exportButton)
    assert (tmp_path / "brain_report.png").stat().st_size > 10_000
    assert "files written" in panel.ui.stepLabel.text
    host.clear_scene()
    assert panel.ui.tableView.mrmlTableNode() is None
    assert panel.state is State.NOT_READY


def _recording(function, seen: list):
    def record(fraction: float, step: str) -> None:
        seen.append((fraction, step))
        function(fraction, step)

    return record


def test_the_panels_numbers_are_those_of_the_command_line(panel, volume, quick_run, replay):
    replay.off()
    segment(panel)
    (path,) = quick_run.output.glob("*_volumes.csv")
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = {cells[0]: float(cells[1]) for cells in lines[1:]}
    rows = {row.structure: row.value for row in panel.export.rows}
    assert rows["hypothalamus_left"] == wanted["hypothalamus_left"]
    assert rows["hypothalamus_right"] == wanted["hypothalamus_right"]
    assert rows["icv"] * 1000 == pytest.approx(wanted["icv"], abs=1e-6)


def test_cancel_ends_the_process_at_once_and_leaves_nothing(panel, volume, replay):
    replay.off()
    click(panel.ui.applyButton)
    wait_for_step(panel, "hypothalamus")
    process_id = panel.job.process_id
    asked = time.monotonic()
    click(panel.ui.applyButton)
    assert panel.state is State.CANCELLING
    assert not panel.ui.applyButton.enabled
    wait_for_end(panel)
    assert time.monotonic() - asked < 2.5
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


def test_results_follow_the_input_volume(panel, volume, nodes, sample_path):
    shown = panel.ui.tableView.mrmlTableNode().GetID()
    other = load_volume(sample_path)
    panel.parameters.inputVolume = other
    host.pump(20)
    assert panel.ui.tableView.mrmlTableNode() is None
    assert "No result" in panel.ui.resultLabel.text
    panel.parameters.inputVolume = volume
    host.pump(20)
    assert panel.ui.tableView.mrmlTableNode().GetID() == shown


def test_deleted_result_nodes_leave_a_panel_that_works(panel, volume, nodes):
    slicer.mrmlScene.RemoveNode(nodes.segmentation("icv"))
    host.pump(300)
    slicer.mrmlScene.RemoveNode(nodes.segmentation("hypothalamus"))
    host.pump(300)
    click(panel.ui.goToButton)
    assert "nothing to go to" in host.dialogs[-1].text
    segment(panel)
    assert nodes.segmentation("hypothalamus") is not None


def test_edits_are_replaced_only_after_a_question(panel, volume, nodes):
    HandEditor(nodes.segmentation("icv"), volume, "icv").erase_half()
    assert host.pump_until(lambda: panel.watch.has_edits, seconds=5)
    host.answers.append(False)
    click(panel.ui.applyButton)
    assert panel.job is None
    assert "edited by hand" in host.dialogs[-1].text
    assert panel.watch.has_edits
    segment(panel)
    assert not panel.watch.has_edits


def test_the_review_is_kept_in_the_scene(panel, volume, nodes):
    panel.ui.reviewerLineEdit.text = "AB"
    panel.ui.statusComboBox.currentIndex = 1
    panel.ui.noteText.plainText = "good"
    review = nodes.record.review
    assert (review.status, review.note, review.reviewer) == ("accepted", "good", "AB")
    assert review.time in panel.ui.reviewTimeLabel.text


def test_slices_go_to_the_hypothalamus_and_step_through_it(panel, volume, nodes):
    click(panel.ui.goToButton)
    coronal = next(
        node
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")
        if node.GetOrientationString() == "Coronal"
    )
    bounds = [0.0] * 6
    nodes.segmentation("hypothalamus").GetRASBounds(bounds)
    y = coronal.GetSliceToRAS().GetElement(1, 3)
    assert bounds[2] < y < bounds[3]
    click(panel.ui.anteriorButton)
    assert coronal.GetSliceToRAS().GetElement(1, 3) == pytest.approx(y + 0.5)
    click(panel.ui.posteriorButton)
    click(panel.ui.posteriorButton)
    assert coronal.GetSliceToRAS().GetElement(1, 3) == pytest.approx(y - 0.5)


def test_the_table_is_saved_and_copied(panel, volume, nodes, tmp_path):
    panel.results.save_table(str(tmp_path / "table.tsv"))
    header, first, *_ = (tmp_path / "table.tsv").read_text(encoding="utf-8").splitlines()
    row = dict(zip(header.split("\t"), first.split("\t"), strict=True))
    assert float(row["value"]) == panel.export.rows[0].value
    assert row["fold_sd"] == ""
    assert math.isnan(panel.export.rows[0].fold_sd)
    click(panel.ui.copyButton)
    panel.results.save_table(str(tmp_path / "missing" / "table.csv"))
    assert "Choose another folder" in host.dialogs[-1].text


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


def test_opening_the_module_imports_neither_torch_nor_simpleitk():
    script = (
        "import sys; from Testing.support.slicer_host import application as host; host.start();"
        "before = set(sys.modules);"
        f"host.open_widget(*host.load_module({str(MODULE)!r}));"
        "new = set(sys.modules) - before;"
        "print(sorted(n for n in new if n.split('.')[0] in ('torch', 'SimpleITK', 'matplotlib')));"
        "print(host.problems)"
    )
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "HypothalamusSeg")])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.splitlines()[-2:] == ["[]", "[]"], done.stderr


def test_flag_titles_for_translators_are_the_engines():
    assert flag_titles() == FLAG_TITLES
