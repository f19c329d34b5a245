"""A list of cases: what is drawn by hand, and verdicts that cannot be saved."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

from HypothalamusSegSlicer.worklist.review_table import ReviewTable

from Testing.support.worklist_panel import (
    click,
    edit,
    nodes_of,
    open_list,
    rows,
    shown,
    wait_for_result,
)


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
