"""A list of cases with several readers: blinded, beside each other, compared."""

from __future__ import annotations

import os
import shutil

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

from HypothalamusSegSlicer.worklist.review_table import ReviewRow, ReviewTable

from Testing.support.panel_use import click
from Testing.support.worklist_panel import begin_list, edit, open_list, rows, shown


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


def test_blinding_the_case_that_is_shown_hides_its_name_everywhere(panel, derivative):
    open_list(panel, derivative, "AB")
    assert "sub-01" in panel.ui.resultLabel.text
    panel.ui.blindedCheckBox.checked = True
    scene = panel.parameters.inputVolume.GetScene()
    names = [scene.GetNthNode(index).GetName() for index in range(scene.GetNumberOfNodes())]
    shown = [panel.ui.resultLabel.text, *filter(None, names)]
    assert not [name for name in shown if "sub-0" in name]
    assert "Case" in panel.ui.resultLabel.text
    panel.ui.blindedCheckBox.checked = False
    assert "sub-01" in panel.ui.resultLabel.text


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
