"""A list of cases in the panel: real clicks, a replayed engine, and a reader's whole way."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegLib.options import Options
from HypothalamusSegSlicer.panel.states import State
from HypothalamusSegSlicer.scene.reading_layout import LAYOUTS
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.worklist import dicom_cases
from HypothalamusSegSlicer.worklist.review_table import ReviewRow, ReviewTable
from PySide6 import QtCore, QtTest, QtWidgets

from Testing.slicer.conftest import Replay
from Testing.support.cohort_stub import run_stub, write_cohort
from Testing.support.cohort_tables import CONTRAST
from Testing.support.drawn_head import draw_head
from Testing.support.replay_engine import GO_ON, recording_of
from Testing.support.slicer_results import HandEditor, load_volume

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Three different heads, each with what the engine would write."""
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
def derivative(drawn, tmp_path) -> Path:
    """OUT of the cohort tool, beside its data."""
    return write_derivative(drawn, tmp_path)


def write_derivative(drawn, root: Path) -> Path:
    for number, files in enumerate(drawn, start=1):
        add_case(files, root / "data", root / "out", f"sub-{number:02d}")
    description = {"DatasetType": "derivative", "DatasetLinks": {"raw": "../data"}}
    text = json.dumps(description)
    (root / "out" / "dataset_description.json").write_text(text, encoding="utf-8")
    return root / "out"


def add_case(files, data: Path, out: Path, name: str) -> None:
    """A scan and its results, where the cohort tool has them."""
    anat, derived = data / name / "anat", out / name / "anat"
    for folder in (anat, derived):
        folder.mkdir(parents=True, exist_ok=True)
    scan = anat / f"{name}_T1w.nii.gz"
    shutil.copyfile(files.scan, scan)
    for old, new in (
        ("scan_hypothalamus_dseg", "seg-hypothalamus_res-0p5mm_dseg"),
        ("scan_icv_mask", "label-icv_mask"),
    ):
        shutil.copyfile(files.folder / f"{old}.nii.gz", derived / f"{name}_{new}.nii.gz")
        sidecar = json.dumps({"Sources": [f"bids:raw:{scan.relative_to(data).as_posix()}"]})
        (derived / f"{name}_{new}.json").write_text(sidecar, encoding="utf-8")
    text = json.dumps({**files.description, "name": name})
    (derived / f"{name}_volumes.json").write_text(text, encoding="utf-8")


def click(button) -> None:
    assert button.enabled, button.objectName
    place = QtCore.QPoint(8, button.height // 2)
    QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, place)


def open_list(panel, source: Path, reader: str = "AB") -> None:
    """Open a list, and wait for its first result."""
    begin_list(panel, source, reader)
    wait_for_result(panel)


def begin_list(panel, source: Path, reader: str = "AB") -> None:
    panel.ui.reviewerLineEdit.text = reader
    panel.ui.reviewerLineEdit.editingFinished.emit()
    host.answers.append(str(source))
    click(panel.ui.openFolderButton)


def wait_for_result(panel) -> None:
    assert host.pump_until(
        lambda: panel.worklist.shown is None or panel.ui.acceptNextButton.enabled, seconds=30
    ), panel.ui.worklistLabel.text


def shown(panel) -> str:
    return panel.worklist.shown.case.name if panel.worklist.shown else ""


def nodes_of(panel) -> ResultNodes:
    return ResultNodes(panel.parameters.inputVolume)


def edit(panel, identifier: str = LEFT) -> None:
    nodes = nodes_of(panel)
    HandEditor(nodes.segmentation("hypothalamus"), nodes.volume, identifier).erase_half()


def rows(folder: Path) -> dict[str, ReviewRow]:
    return {row.scan: row for row in ReviewTable(folder).rows()}


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


def test_next_cases_are_segmented_while_one_is_read_and_no_more_than_two(panel, scans, engine):
    shutil.copyfile(scans / "p0.nii.gz", scans / "p3.nii.gz")
    open_list(panel, scans)
    ahead = panel.worklist.ahead
    second, third, fourth = panel.worklist.cases.cases[1:]
    assert host.pump_until(lambda: ahead.get(third).result is not None, seconds=30)
    assert not ahead.is_to_come(second)
    assert ahead.count == 3
    assert [each.case.name for each in ahead._prepared.values()].count(fourth.name) == 0


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


def test_edits_of_an_accepted_case_are_kept_as_a_correction(panel, derivative):
    open_list(panel, derivative)
    before = nodes_of(panel).record.engine["hypothalamus"]["left"]["mask_volume_mm3"]
    edit(panel)
    click(panel.ui.acceptNextButton)  # before the watch's delay is over
    row = rows(derivative)["sub-01"]
    assert row.mark == "corrected"
    assert row.left_mm3 < 0.7 * before < row.right_mm3 * 1.01
    (kept,) = row.labels
    assert (derivative / kept).is_file()
    wait_for_result(panel)
    click(panel.ui.backButton)
    wait_for_result(panel)
    assert shown(panel) == "sub-01"
    assert panel.watch.edited_roles == ["hypothalamus"]
    assert nodes_of(panel).record.review.status == "corrected"


def test_edits_without_a_verdict_are_kept_when_another_case_is_opened(panel, derivative):
    open_list(panel, derivative)
    edit(panel)
    panel.ui.noteText.plainText = "ask\tB\u2028about\nit"
    panel.ui.caseList.setCurrentRow(2)
    panel.worklist._clicked()
    wait_for_result(panel)
    assert shown(panel) == "sub-03"
    row = rows(derivative)["sub-01"]
    assert (row.mark, len(row.labels)) == ("", 1)
    assert "begun" in panel.ui.caseList.item(0).text()
    click(panel.ui.backButton)
    click(panel.ui.backButton)
    wait_for_result(panel)
    assert panel.watch.has_edits
    assert panel.ui.noteText.plainText.split() == ["ask", "B", "about", "it"]
    assert "0 of 3" in panel.ui.worklistLabel.text


@pytest.mark.parametrize("how", ["close the scene", "quit", "close the list"])
def test_edits_are_kept_whatever_ends_the_case(panel, derivative, how):
    open_list(panel, derivative)
    edit(panel)
    if how == "close the scene":
        host.clear_scene()
    elif how == "quit":
        panel.close()
    else:
        click(panel.ui.closeListButton)
    (kept,) = rows(derivative)["sub-01"].labels
    assert (derivative / kept).is_file()


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


def test_a_case_that_cannot_be_read_is_said_and_passed(panel, scans, engine):
    (scans / "p0.nii.gz").write_bytes(b"no image")
    gone = scans / "p3.nii.gz"
    shutil.copyfile(scans / "p1.nii.gz", gone)
    begin_list(panel, scans)
    assert shown(panel) == "sub-p0"
    assert "cannot be read" in panel.ui.worklistLabel.text
    assert not panel.ui.acceptNextButton.enabled
    gone.unlink()  # meanwhile
    click(panel.ui.rejectNextButton)
    assert "cannot be read" in rows(scans)["sub-p0"].note
    for _case in range(2):
        wait_for_result(panel)
        click(panel.ui.acceptNextButton)
    assert shown(panel) == "sub-p3"
    assert "is not there" in panel.ui.worklistLabel.text


def test_a_case_whose_segmentation_fails_is_shown_and_can_be_rejected(panel, scans, engine):
    engine.use("--fail", "head_not_found")
    begin_list(panel, scans)
    assert host.pump_until(lambda: "An error" in panel.ui.worklistLabel.text, seconds=30)
    assert panel.parameters.inputVolume is not None
    assert panel.ui.applyButton.enabled
    assert not panel.ui.acceptNextButton.enabled
    click(panel.ui.rejectNextButton)
    assert rows(scans)["sub-p0"].mark == "rejected"


def test_a_case_that_is_not_ready_is_shown_at_once_and_its_result_when_it_comes(
    panel, scans, engine
):
    engine.use("--pause", "coarse")
    begin_list(panel, scans)
    assert host.pump_until(lambda: "ICV" in panel.ui.stepLabel.text, seconds=30)
    assert panel.state is State.AHEAD
    assert not panel.ui.applyButton.enabled
    assert panel.parameters.inputVolume.GetName() == "sub-p0"
    engine.go_on()
    wait_for_result(panel)
    assert panel.state is State.READY


def test_closing_while_one_is_segmented_leaves_nothing(panel, scans, engine):
    engine.use("--pause", "coarse")
    begin_list(panel, scans)
    assert host.pump_until(lambda: "ICV" in panel.ui.stepLabel.text, seconds=30)
    click(panel.ui.closeListButton)
    assert panel.state in (State.NOT_READY, State.READY)
    assert not list(Path(slicer.app.temporaryPath).glob("hypothalamus-seg-*"))


def test_two_scans_with_one_name_are_refused(panel, scans):
    for folder in ("a", "b"):
        (scans / folder).mkdir()
        shutil.copyfile(scans / "p0.nii.gz", scans / folder / "T1.nii.gz")
    begin_list(panel, scans)
    assert "would both be called sub-T1" in host.dialogs[-1].text
    assert panel.worklist.cases is None


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_reviews_of_a_read_only_folder_go_where_the_user_says(panel, derivative, tmp_path):
    derivative.chmod(stat.S_IRUSR | stat.S_IXUSR)
    check_other_folder(panel, derivative, tmp_path / "reviews")
    derivative.chmod(stat.S_IRWXU)


def test_reviews_go_where_the_user_says_if_they_cannot_be_written(
    panel, derivative, tmp_path, monkeypatch
):
    """As above, for root."""
    written = ReviewTable.why_not_writable

    def why_not(table: ReviewTable) -> str:
        return "Cannot write." if table.folder == derivative else written(table)

    monkeypatch.setattr(ReviewTable, "why_not_writable", why_not)
    check_other_folder(panel, derivative, tmp_path / "reviews")


def check_other_folder(panel, derivative: Path, other: Path) -> None:
    other.mkdir()
    panel.ui.reviewerLineEdit.text = "AB"
    host.answers.extend([str(derivative), str(other)])
    click(panel.ui.openFolderButton)
    click(panel.ui.acceptNextButton)
    assert rows(other)["sub-01"].mark == "accepted"
    assert not (derivative / "review.tsv").exists()
    click(panel.ui.closeListButton)
    click(panel.ui.resumeListButton)  # the folder is remembered
    assert shown(panel) == "sub-02"


def test_a_review_that_cannot_be_saved_keeps_the_case_open(panel, derivative, monkeypatch):
    open_list(panel, derivative)
    edit(panel)
    (derivative / "review").write_text("no folder")
    host.answers.append(False)  # no other folder
    click(panel.ui.acceptNextButton)
    assert shown(panel) == "sub-01"
    assert "could not be saved" in host.dialogs[-2].text
    assert panel.watch.has_edits
    (derivative / "review").unlink()
    click(panel.ui.acceptNextButton)
    assert rows(derivative)["sub-01"].mark == "corrected"


def test_rows_that_another_reader_writes_meanwhile_are_kept_and_not_shown(panel, derivative):
    open_list(panel, derivative)
    other = ReviewTable(derivative)
    other.put(ReviewRow("sub-01", "CD", "rejected", note="motion"))
    click(panel.ui.acceptNextButton)
    other.put(ReviewRow("sub-02", "CD", "rejected"))
    click(panel.ui.acceptNextButton)
    found = {(row.scan, row.rater): row.mark for row in other.rows()}
    assert found[("sub-01", "CD")] == found[("sub-02", "CD")] == "rejected"
    assert found[("sub-01", "AB")] == found[("sub-02", "AB")] == "accepted"
    assert "rejected" not in panel.ui.worklistLabel.text
    (derivative / "review.tsv").unlink()  # deleted meanwhile: own rows come back
    click(panel.ui.acceptNextButton)
    assert len(rows(derivative)) == 3


def test_a_reader_needs_a_name(panel, derivative):
    begin_list(panel, derivative, "")
    assert "Enter your name" in panel.ui.worklistLabel.text
    assert not panel.ui.rejectNextButton.enabled
    panel.ui.reviewerLineEdit.text = "AB"
    panel.ui.reviewerLineEdit.editingFinished.emit()
    click(panel.ui.acceptNextButton)


def test_a_blinded_reader_sees_neither_names_nor_numbers_nor_others(panel, derivative):
    ReviewTable(derivative).put(ReviewRow("sub-01", "CD", "rejected"))
    panel.ui.blindedCheckBox.checked = True
    open_list(panel, derivative)
    lines = [panel.ui.caseList.item(row).text() for row in range(3)]
    assert [line.split("  ")[1] for line in lines] == ["Case 1", "Case 2", "Case 3"]
    assert not any("▲" in line or "rejected" in line for line in lines)
    assert panel.parameters.inputVolume.GetName() == "Case 1"
    for name in ("volumesCollapsible", "qualityBrowser", "patientLabel", "exportCollapsible"):
        assert getattr(panel.ui, name).isHidden(), name
    assert not panel.ui.agreementButton.enabled
    order = [case.name for case in panel.worklist.cases.cases]
    for _case in range(3):
        click(panel.ui.acceptNextButton)
    assert panel.ui.agreementButton.enabled
    panel.ui.blindedCheckBox.checked = False
    assert [case.name for case in panel.worklist.cases.cases] == sorted(order)
    assert not panel.ui.volumesCollapsible.isHidden()


def test_flagged_cases_come_first_if_wanted(panel, derivative):
    path = derivative / "sub-03" / "anat" / "sub-03_volumes.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["quality"]["flags"] = [{"code": "fov_cut", "message": "Cut."}]
    path.write_text(json.dumps(description), encoding="utf-8")
    panel.ui.orderComboBox.currentIndex = 1
    open_list(panel, derivative)
    assert shown(panel) == "sub-03"
    assert "■" in panel.ui.caseList.item(0).text()


def test_two_readers_are_compared(panel, derivative):
    open_list(panel, derivative, "AB")
    for _case in range(3):
        click(panel.ui.acceptNextButton)
    panel.ui.reviewerLineEdit.text = "CD"
    panel.ui.reviewerLineEdit.editingFinished.emit()
    assert "0 of 3" in panel.ui.worklistLabel.text
    panel.ui.caseList.setCurrentRow(0)
    panel.worklist._clicked()
    edit(panel)
    click(panel.ui.acceptNextButton)
    click(panel.ui.acceptNextButton)
    click(panel.ui.rejectNextButton)
    click(panel.ui.agreementButton)
    text = (derivative / "review_agreement.tsv").read_text(encoding="utf-8")
    table = [line.split("\t") for line in text.splitlines()]
    found = {line[0]: dict(zip(table[0], line, strict=True)) for line in table[1:]}
    whole, half = (float(found["sub-01"][f"left_mm3_{number}"]) for number in (1, 2))
    assert 0 < half < 0.6 * whole
    # What was erased is in one of them only.
    assert float(found["sub-01"]["dice_left"]) == pytest.approx(2 * half / (whole + half), abs=1e-3)
    assert found["sub-01"]["dice_right"] == found["sub-02"]["dice_total"] == "1.0000"
    assert found["sub-03"]["dice_total"] == "n/a"
    assert "2 of 3 verdicts agree" in found["ICC(A,1)"].values()


def test_a_file_that_was_replaced_is_to_be_read_again(panel, derivative, drawn):
    open_list(panel, derivative)
    click(panel.ui.acceptNextButton)
    click(panel.ui.closeListButton)
    scan = derivative.parent / "data" / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    shutil.copyfile(drawn[1].scan, scan)
    later = scan.stat().st_mtime + 10
    os.utime(scan, (later, later))
    click(panel.ui.resumeListButton)
    assert shown(panel) == "sub-01"


def test_a_result_of_other_voxels_is_not_shown(panel, derivative):
    scan = derivative.parent / "data" / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    import SimpleITK as sitk

    image = sitk.ReadImage(str(scan))
    image.SetOrigin([x + 3 for x in image.GetOrigin()])
    sitk.WriteImage(image, str(scan))
    begin_list(panel, derivative)
    assert "does not match the voxels" in panel.ui.worklistLabel.text
    assert not panel.ui.acceptNextButton.enabled


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


class Database:
    """Slicer's DICOM database, as far as it is asked."""

    def __init__(self, series: dict[str, dict[str, str]]) -> None:
        self.series = series

    def fileValue(self, file: str, tag: str) -> str:  # noqa: N802
        return self.series[Path(file).parent.name].get(tag, Path(file).parent.name)


def test_series_of_two_patients_with_one_name_are_told_apart(panel, monkeypatch):
    """By patient ID, study date and series number; the same ones by the series itself."""
    name = {"0010,0010": "Doe^Jane", "0008,0020": "20260102", "0020,0011": "5"}
    series = {
        "1.2.31": {**name, "0010,0020": "A 7"},
        "1.2.32": {**name, "0010,0020": "B/7"},
        "1.2.33": {**name, "0010,0020": "B/7"},
    }
    monkeypatch.setattr(slicer, "dicomDatabase", Database(series), raising=False)
    found = dicom_cases.cases_of([[f"/db/{uid}/1.dcm"] for uid in series])
    assert [case.name for case in found] == [
        "sub-A7_ses-20260102_run-5",
        "sub-B7_ses-20260102_run-51232",
        "sub-B7_ses-20260102_run-51233",
    ]
    assert len({case.series_uid for case in found}) == 3


def test_nothing_selected_in_the_dicom_module_is_said(panel):
    click(panel.ui.openDicomButton)
    assert "No series is selected" in host.dialogs[-1].text


@pytest.fixture
def dicom(drawn, tmp_path, monkeypatch):
    """Two series in the database; Slicer's DICOM module loads the drawn head for each."""
    series = {}
    for uid in ("1.2.71", "1.2.72"):
        (tmp_path / uid).mkdir()
        (tmp_path / uid / "1.dcm").write_bytes(b"slice")
        series[uid] = {"0010,0020": uid, "0008,0020": "20260102", "0020,0011": "5"}
    database = Database(series)
    database.filesForSeries = lambda uid: (str(tmp_path / uid / "1.dcm"),)
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    loaded = []

    def load(uids: list[str]) -> list[str]:
        loaded.append(uids[0])
        return [load_volume(drawn[0].scan).GetID()]

    library = ModuleType("DICOMLib")
    library.DICOMUtils = SimpleNamespace(loadSeriesByUID=load)
    monkeypatch.setitem(sys.modules, "DICOMLib", library)
    browser = SimpleNamespace(fileLists=[database.filesForSeries(uid) for uid in series])
    instance = SimpleNamespace(browserWidget=browser)
    monkeypatch.setattr(slicer.modules, "DICOMInstance", instance, raising=False)
    return loaded


def open_dicom(panel, folder: Path) -> None:
    folder.mkdir()
    panel.ui.reviewerLineEdit.text = "AB"
    host.answers.append(str(folder))
    click(panel.ui.openDicomButton)


def test_series_are_segmented_from_their_files_and_shown_by_slicer(panel, dicom, engine, tmp_path):
    open_dicom(panel, tmp_path / "reviews")
    wait_for_result(panel)
    assert dicom == ["1.2.71"]  # the second only when it is its turn: loading changes the views
    following = panel.worklist.cases.cases[1]
    assert host.pump_until(lambda: panel.worklist.ahead.get(following).result, seconds=30)
    click(panel.ui.acceptNextButton)
    assert panel.worklist.shown.has_result
    (row,) = ReviewTable(tmp_path / "reviews").rows()
    assert (row.scan, row.mark) == ("sub-1271_ses-20260102_run-5", "accepted")


def test_a_series_that_slicer_places_elsewhere_is_not_shown_with_that_result(
    panel, dicom, engine, tmp_path, monkeypatch
):
    load = sys.modules["DICOMLib"].DICOMUtils.loadSeriesByUID

    def load_elsewhere(uids: list[str]) -> list[str]:
        (loaded,) = load(uids)
        slicer.mrmlScene.GetNodeByID(loaded).SetOrigin(0, 0, 0)
        return [loaded]

    sys.modules["DICOMLib"].DICOMUtils.loadSeriesByUID = load_elsewhere
    open_dicom(panel, tmp_path / "reviews")
    label = panel.ui.worklistLabel
    assert host.pump_until(lambda: "does not match the voxels" in label.text, seconds=30)
    assert not panel.ui.acceptNextButton.enabled
    assert panel.ui.applyButton.enabled  # what Slicer shows can be segmented
