"""A list of cases in the panel: real clicks, a replayed engine, and a reader's whole way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.scene.reading_layout import LAYOUTS
from PySide6 import QtCore, QtTest, QtWidgets

from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_tables import CONTRAST
from Testing.support.panel_use import click
from Testing.support.slicer_results import load_volume
from Testing.support.worklist_panel import add_case, open_list, rows, shown, wait_for_result


def test_a_folder_is_read_with_one_click_a_case(panel, scans, engine):
    open_list(panel, scans)
    assert shown(panel) == "sub-p0"
    assert "0 of 3" in panel.ui.worklistLabel.text
    assert panel.parameters.inputVolume.GetName() == "sub-p0"
    click(panel.ui.acceptNextButton)
    wait_for_result(panel)
    assert shown(panel) == "sub-p1"
    click(panel.ui.rejectNextButton)
    wait_for_result(panel)
    assert rows(scans)["sub-p1"].mark == "rejected"
    assert "2 of 3, 1 rejected" in panel.ui.worklistLabel.text
    click(panel.ui.acceptNextButton)
    assert "Every case" in panel.ui.worklistLabel.text
    found = rows(scans)
    assert [found[f"sub-p{n}"].mark for n in range(3)] == ["accepted", "rejected", "accepted"]
    assert {row.rater for row in found.values()} == {"AB"}
    assert host.dialogs == [host.dialogs[0]]  # the folder was asked for, and nothing else


class ClickCounter(QtCore.QObject):
    """Counts the clicks of the whole application."""

    def __init__(self) -> None:
        super().__init__()
        self.clicks = 0
        QtWidgets.QApplication.instance().installEventFilter(self)

    def eventFilter(self, watched, event) -> bool:  # noqa: N802
        is_click = event.type() == QtCore.QEvent.Type.MouseButtonRelease
        self.clicks += is_click and isinstance(watched, QtWidgets.QWidget)
        return False


def test_a_case_with_nothing_to_correct_needs_at_most_four_clicks(panel, derivative):
    """Here two: a look at the most doubtful slice, and the verdict that opens the next case."""
    for labels in derivative.glob("sub-*/anat/*_dseg.nii.gz"):  # any map will do
        shutil.copyfile(labels, labels.with_name(labels.name.replace("_res-0p5mm_dseg", "_spread")))
    open_list(panel, derivative)
    counter, per_case = ClickCounter(), []
    while panel.worklist.shown is not None:
        before = counter.clicks
        assert panel.review.layout.is_on  # coronal large, both sides, window of the region
        assert "Last changed" not in panel.ui.reviewTimeLabel.text
        if panel.ui.doubtfulButton.enabled:
            click(panel.ui.doubtfulButton)
        click(panel.ui.acceptNextButton)
        per_case.append(counter.clicks - before)
    QtWidgets.QApplication.instance().removeEventFilter(counter)
    assert len(per_case) == 3
    assert 1 <= max(per_case) <= 4
    assert {row.mark for row in rows(derivative).values()} == {"accepted"}


def test_the_views_do_not_change_to_and_fro_between_cases(panel, derivative):
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    node.SetViewArrangement(node.SlicerLayoutFourUpView)
    open_list(panel, derivative)
    seen = []
    tag = node.AddObserver("ModifiedEvent", lambda *_: seen.append(node.GetViewArrangement()))
    click(panel.ui.acceptNextButton)
    assert set(seen) <= set(LAYOUTS)
    node.RemoveObserver(tag)
    click(panel.ui.closeListButton)
    assert node.GetViewArrangement() == node.SlicerLayoutFourUpView


def test_a_cohort_is_reviewed_and_its_group_level_reads_it(panel, drawn, tmp_path):
    """From the participant level through the panel to the group level."""
    from Cohort.group.analysis import analyse
    from Cohort.group.options import GroupOptions
    from Cohort.index.results_table import read_results

    data, out = tmp_path / "data", tmp_path / "out"
    patients, controls = ("1", "22", "333", "4444"), ("5", "66", "777", "8888")
    run_stub(write_cohort(data, dict.fromkeys((*patients, *controls), "fine")), data, out)
    people = [*((name, "als") for name in patients), *((name, "control") for name in controls)]
    lines = ["participant_id\tgroup", *(f"sub-{name}\t{group}" for name, group in people)]
    (data / "participants.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for number, (name, _group) in enumerate(people):
        add_case(drawn[number % 3], data, out, f"sub-{name}")
    open_list(panel, out)
    while panel.worklist.shown is not None:
        is_bad = shown(panel) == "sub-333"
        click(panel.ui.rejectNextButton if is_bad else panel.ui.acceptNextButton)
        wait_for_result(panel)
    options = GroupOptions(
        out, data / "participants.tsv", data, CONTRAST, reviews=(out / "review.tsv",)
    )
    analysis = analyse(options, read_results(out))
    assert analysis.rejected == {"sub-333": "AB"}
    assert set(analysis.volumes["scan"]) == {f"sub-{name}" for name, _ in people} - {"sub-333"}


def test_memory_does_not_grow_with_the_list(panel, scans, engine, drawn):
    for number in range(3, 7):
        shutil.copyfile(drawn[number % 3].scan, scans / f"p{number}.nii.gz")
    open_list(panel, scans)
    counts = []
    for _case in range(6):
        click(panel.ui.acceptNextButton)
        wait_for_result(panel)
        temporary = list(Path(slicer.app.temporaryPath).glob("hypothalamus-seg-*"))
        assert len(temporary) <= 3
        assert panel.worklist.ahead.count <= 3
        counts.append(slicer.mrmlScene.GetNumberOfNodes())
    assert len(set(counts[1:])) == 1
    click(panel.ui.closeListButton)
    assert not list(Path(slicer.app.temporaryPath).glob("hypothalamus-seg-*"))
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode") is None


def test_the_list_goes_on_after_the_scene_was_closed(panel, derivative):
    open_list(panel, derivative)
    click(panel.ui.acceptNextButton)
    host.clear_scene()
    assert not panel.ui.acceptNextButton.enabled
    panel.ui.caseList.setCurrentRow(1)
    panel.worklist._clicked()
    wait_for_result(panel)
    click(panel.ui.acceptNextButton)
    assert shown(panel) == "sub-03"


def test_a_list_is_resumed_after_a_restart(loaded, panel, derivative):
    open_list(panel, derivative)
    click(panel.ui.acceptNextButton)
    panel.close()
    host.clear_scene()
    widget = host.open_widget(*loaded)
    again = widget.panel
    click(again.ui.resumeListButton)
    wait_for_result(again)
    assert shown(again) == "sub-02"
    assert "1 of 3" in again.ui.worklistLabel.text
    again.close()


def test_flagged_cases_come_first_if_wanted(panel, derivative):
    path = derivative / "sub-03" / "anat" / "sub-03_volumes.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["quality"]["flags"] = [{"code": "fov_cut", "message": "Cut."}]
    path.write_text(json.dumps(description), encoding="utf-8")
    panel.ui.orderComboBox.currentIndex = 1
    open_list(panel, derivative)
    assert shown(panel) == "sub-03"
    assert "■" in panel.ui.caseList.item(0).text()


def test_the_users_own_nodes_stay(panel, derivative, drawn):
    own = load_volume(drawn[0].scan)
    open_list(panel, derivative)
    click(panel.ui.acceptNextButton)
    click(panel.ui.closeListButton)
    assert own.GetScene() is slicer.mrmlScene
    assert own.GetDisplayNode() is not None


def test_the_keys_give_verdicts_but_not_while_typing(panel, derivative):
    open_list(panel, derivative)
    window = panel.ui.applyButton.window()
    window.show()
    QtTest.QTest.qWaitForWindowExposed(window)
    window.activateWindow()
    both = QtCore.Qt.ControlModifier | QtCore.Qt.ShiftModifier
    for widget, wanted in ((panel.ui.noteText, "sub-01"), (panel.ui.caseList, "sub-02")):
        widget.setFocus()
        host.pump(20)
        QtTest.QTest.keyClick(widget, QtCore.Qt.Key_A, both)
        host.pump(20)
        assert shown(panel) == wanted
    window.hide()


def test_a_table_is_opened(panel, derivative):
    table = derivative.parent / "list.tsv"
    paths = sorted((derivative.parent / "data").glob("sub-*/anat/*.nii.gz"))
    lines = ["participant_id\tpath", *(f"{n}\t{path}" for n, path in enumerate(paths))]
    table.write_text("\n".join(lines), encoding="utf-8")
    panel.ui.reviewerLineEdit.text = "AB"
    host.answers.append(str(table))
    click(panel.ui.openTableButton)
    assert shown(panel) == "sub-0"
    click(panel.ui.rejectNextButton)
    assert rows(table.parent)["sub-0"].mark == "rejected"
    panel.worklist.ahead.close()
