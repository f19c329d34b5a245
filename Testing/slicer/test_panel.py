"""The panel as a newcomer uses it: real clicks, a real scene, an engine in a process of its own.

One test runs the real engine; for the others it replays one real run.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegLib.flags import FLAG_TITLES
from HypothalamusSegSlicer.panel.quality_text import flag_titles
from HypothalamusSegSlicer.panel.states import State
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from PySide6 import QtCore, QtTest

from Testing.support.panel_use import choose_input, click, wait_for_end
from Testing.support.slicer_results import HandEditor, load_volume, take

MODULE = REPOSITORY / "HypothalamusSeg" / "HypothalamusSeg.py"
LEFT_ROW = 0


@pytest.fixture
def panel(panel, replay):
    """The engine replays a run by one network."""
    panel.parameters.folds, panel.parameters.threads = "0", 1
    return panel


@pytest.fixture
def volume(panel, sample_path):
    return choose_input(panel, sample_path)


@pytest.fixture
def nodes(panel, volume, files) -> ResultNodes:
    """A result as after Apply, without the seconds that a run takes."""
    found = take(files, volume)
    panel.show_results_of(volume)
    return found


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


def test_a_newcomers_whole_way(panel, volume, quick_run, tmp_path, monkeypatch, replay):
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
    assert_numbers_are_those_of_the_command_line(panel, quick_run)

    before = cell(panel, LEFT_ROW, "value")
    nodes = ResultNodes(volume)
    editor = HandEditor(nodes.segmentation("hypothalamus"), volume, "hypothalamus_left")
    editor.erase_half()
    assert host.pump_until(lambda: cell(panel, LEFT_ROW, "status") == "edited", seconds=5)
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


def assert_numbers_are_those_of_the_command_line(panel, quick_run) -> None:
    (path,) = quick_run.output.glob("*_volumes.csv")
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = {cells[0]: float(cells[1]) for cells in lines[1:]}
    rows = {row.structure: row.value for row in panel.export.rows}
    assert rows["hypothalamus_left"] == wanted["hypothalamus_left"]
    assert rows["hypothalamus_right"] == wanted["hypothalamus_right"]
    assert rows["icv"] * 1000 == pytest.approx(wanted["icv"], abs=1e-6)


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
