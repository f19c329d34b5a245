"""A list of cases while the engine works on it, and where a case or its result is bad."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.panel.states import State

from Testing.support.worklist_panel import (
    begin_list,
    click,
    open_list,
    rows,
    shown,
    wait_for_result,
)


def test_next_cases_are_segmented_while_one_is_read_and_no_more_than_two(panel, scans, engine):
    shutil.copyfile(scans / "p0.nii.gz", scans / "p3.nii.gz")
    open_list(panel, scans)
    ahead = panel.worklist.ahead
    second, third, fourth = panel.worklist.cases.cases[1:]
    assert host.pump_until(lambda: ahead.get(third).result is not None, seconds=30)
    assert not ahead.is_to_come(second)
    assert ahead.count == 3
    assert [each.case.name for each in ahead._prepared.values()].count(fourth.name) == 0


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


def test_a_result_of_other_voxels_is_not_shown(panel, derivative):
    scan = derivative.parent / "data" / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    import SimpleITK as sitk

    image = sitk.ReadImage(str(scan))
    image.SetOrigin([x + 3 for x in image.GetOrigin()])
    sitk.WriteImage(image, str(scan))
    begin_list(panel, derivative)
    assert "does not match the voxels" in panel.ui.worklistLabel.text
    assert not panel.ui.acceptNextButton.enabled
