"""A list of cases without Slicer: which there are, whose turn it is, and what was said of them."""

from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from HypothalamusSegSlicer.worklist import agreement, review_table
from HypothalamusSegSlicer.worklist.case import Case, FinishedResult, WorklistError
from HypothalamusSegSlicer.worklist.case_lists import find_cases
from HypothalamusSegSlicer.worklist.review_table import ReviewRow, ReviewTable
from HypothalamusSegSlicer.worklist.worklist import Order, Worklist

from Cohort.comparison.agreement import icc_absolute
from Cohort.group.review_marks import read_review_marks
from Cohort.participant.scan_list import find_scans

NASTY = "line\none\ttab\u2028sep \x0bÄ\nend "


def cases(*names: str) -> list[Case]:
    return [Case(name, Path(f"{name}.nii.gz")) for name in names]


def names_of(found) -> list[str]:
    return [case.name for case in found]


@pytest.mark.parametrize(
    "files",
    [
        ["patient_7.nii.gz", "Müller.nii.gz", "deep/患.nrrd", "a.nii", "a.nii.gz", ".x.nii"],
        ["sub-01/anat/sub-01_T1w.nii.gz", "sub-02/ses-1/anat/sub-02_ses-1_run-2_T1w.nii"],
    ],
)
def test_scans_have_the_names_that_the_cohort_gives_them(tmp_path, files):
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"")
    wanted = [(scan.name, scan.path) for scan in find_scans(tmp_path)]
    assert [(case.name, case.scan) for case in find_cases(tmp_path).cases] == wanted


def test_label_maps_of_readers_are_no_scans(tmp_path):
    (tmp_path / "review").mkdir()
    for name in ("a.nii.gz", "review/a_rater-AB_seg-hypothalamus_dseg.nii.gz"):
        (tmp_path / name).write_bytes(b"")
    ReviewTable(tmp_path).put(ReviewRow("sub-a", "AB", "accepted"))
    assert [scan.name for scan in find_scans(tmp_path)] == ["sub-a"]
    assert names_of(find_cases(tmp_path).cases) == ["sub-a"]


def test_a_table_names_its_scans_as_the_cohort_does(tmp_path):
    table = tmp_path / "list.tsv"
    table.write_text("participant_id\tsession_id\tpath\nsub-1\tses-A\tx.nii\n2\t\ty.nii\n", "utf-8")
    wanted = [(scan.name, scan.path) for scan in find_scans(table)]
    found = find_cases(table)
    assert [(case.name, case.scan) for case in found.cases] == wanted
    assert found.folder == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("participant_id\tpath\n1\ta.nii\nsub-1\tb.nii\n", "would both be called sub-1"),
        ("participant\tpath\n1\ta.nii\n", "no column 'participant_id'"),
        ("participant_id\tpath\n1\t\n", "line 2"),
        ("participant_id\tpath\n--\ta.nii\n", "no letter or digit"),
        ("participant_id\tsession_id\tpath\n1\t--\ta.nii\n", "no letter or digit"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(tmp_path, text, words):
    table = tmp_path / "list.tsv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(WorklistError, match=words):
        find_cases(table)


def test_a_derivative_whose_description_is_damaged_is_listed(tmp_path):
    anat = tmp_path / "sub-01" / "anat"
    anat.mkdir(parents=True)
    (anat / "sub-01_volumes.json").write_text("{", encoding="utf-8")
    (case,) = find_cases(tmp_path).cases
    assert (case.name, case.flags) == ("sub-01", ())


def test_rows_come_back_as_they_were_written(tmp_path):
    table = ReviewTable(tmp_path)
    row = ReviewRow("sub-1", "Ä. B.", "corrected", "2026-01-01T10:00:00+01:00", NASTY)
    table.put(row)
    (found,) = table.rows()
    assert found.note.split("\n") == ["line", "one tab", "sep ", "Ä", "end"]
    assert found.rater == row.rater
    assert len(table.path.read_text(encoding="utf-8").splitlines()) == 2


def test_the_cohort_reads_the_reviews(tmp_path):
    import pandas as pd

    table = ReviewTable(tmp_path)
    table.put(ReviewRow("sub-1", "AB", "accepted", note=NASTY))
    table.put(ReviewRow("sub-2", "AB", "rejected"))
    table.put(ReviewRow("sub-3", "AB", note="not yet"))
    results = pd.DataFrame({"scan": ["sub-1", "sub-2", "sub-3"]})
    marks = read_review_marks((table.path,), results)
    assert marks.rejected == {"sub-2": "AB"}
    assert (marks.marked, marks.checked) == (2, frozenset())


def test_the_contact_sheets_marks_and_unknown_columns_are_kept(tmp_path):
    path = tmp_path / "review.tsv"
    path.write_text("scan\tmark\tage\nsub-1\tok\t40\nsub-2\tn/a\t50\n", encoding="utf-8-sig")
    table = ReviewTable(tmp_path)
    table.put(ReviewRow("sub-1", "AB", "rejected"))
    found = {(row.scan, row.rater): row.mark for row in table.rows()}
    assert found == {("sub-1", ""): "ok", ("sub-2", ""): "", ("sub-1", "AB"): "rejected"}
    assert "\t40" in path.read_text(encoding="utf-8")


def test_columns_of_slicers_own_words_are_used_where_a_file_has_them(tmp_path):
    path = tmp_path / "review.tsv"
    path.write_text("scan\tstatus\treviewer\nsub-1\taccepted\tAB\n", encoding="utf-8")
    table = ReviewTable(tmp_path)
    table.put(ReviewRow("sub-1", "AB", "rejected"))
    (row,) = table.rows()
    assert (row.mark, row.rater) == ("rejected", "AB")


@pytest.mark.parametrize(
    "content", [b"scan;mark\nsub-1;ok\n", b"\xff\xfe\x00", b"name\tmark\n1\t2\n"]
)
def test_a_file_that_is_no_such_table_is_never_overwritten(tmp_path, content):
    path = tmp_path / "review.tsv"
    path.write_bytes(content)
    with pytest.raises(WorklistError, match="Move it away"):
        ReviewTable(tmp_path).put(ReviewRow("sub-1", "AB", "accepted"))
    assert path.read_bytes() == content
    assert ReviewTable(tmp_path).why_not_writable() == ""  # no lock is left


def test_readers_who_write_at_the_same_time_lose_nothing(tmp_path):
    def read_all(reader: str) -> None:
        for number in range(15):
            ReviewTable(tmp_path).put(ReviewRow(f"sub-{number}", reader, "accepted"))

    readers = [threading.Thread(target=read_all, args=(name,)) for name in ("AB", "CD", "EF")]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join()
    assert len(ReviewTable(tmp_path).rows()) == 45
    assert [path.name for path in tmp_path.iterdir()] == ["review.tsv"]


def test_the_lock_of_a_killed_program_is_broken(tmp_path):
    lock = tmp_path / review_table.LOCK_NAME
    lock.touch()
    old = time.time() - 2 * review_table.STALE_LOCK_S
    os.utime(lock, (old, old))
    ReviewTable(tmp_path).put(ReviewRow("sub-1", "AB", "accepted"))
    assert not lock.exists()


def test_a_held_lock_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(review_table, "LOCK_WAIT_S", 0.05)
    (tmp_path / review_table.LOCK_NAME).touch()
    with pytest.raises(WorklistError, match="another program"):
        ReviewTable(tmp_path).put(ReviewRow("sub-1", "AB", "accepted"))


def test_undone_cases_come_next_and_the_end_is_the_start(tmp_path):
    listed = Worklist(cases("a", "b", "c", "d"), ReviewTable(tmp_path), "AB")
    a, b, c, d = listed.cases
    assert listed.next_undone(None) == a
    listed.put(ReviewRow("b", "AB", "rejected"))
    assert names_of(listed.upcoming(a, 2)) == ["c", "d"]
    assert names_of(listed.upcoming(d, 9)) == ["a", "c"]
    for name in "acd":
        listed.put(ReviewRow(name, "AB", "accepted"))
    assert listed.next_undone(c) is None
    assert (listed.progress.done, listed.progress.rejected) == (4, 1)
    assert (listed.before(c), listed.before(a), listed.before(None)) == (b, None, d)


def test_a_reader_sees_own_reviews_only(tmp_path):
    table = ReviewTable(tmp_path)
    table.put(ReviewRow("a", "CD", "rejected"))
    listed = Worklist(cases("a", "b"), table, " AB\t")
    assert listed.progress.done == 0
    listed.change_reader("CD")
    assert listed.progress.rejected == 1
    with pytest.raises(WorklistError, match="name of its reader"):
        Worklist(cases("a"), table, "").put(ReviewRow("a", "", "accepted"))


def test_orders(tmp_path):
    def flagged(name: str, *codes: str) -> Case:
        flags = [{"code": code} for code in codes]
        result = FinishedResult({"quality": {"flags": flags}}, {})
        return Case(name, Path(name), result)

    found = [flagged("a"), flagged("b", "anisotropic"), flagged("c", "noisy", "fov_cut")]
    listed = Worklist(found, ReviewTable(tmp_path), "AB", Order.FLAGGED_FIRST)
    assert names_of(listed.cases) == ["c", "b", "a"]
    listed.put(ReviewRow("a", "AB", "accepted"))
    listed.sort(Order.UNDONE_FIRST)
    assert names_of(listed.cases) == ["b", "c", "a"]
    listed.sort(Order.SHUFFLED)
    other = Worklist(found[::-1], ReviewTable(tmp_path), "CD", Order.SHUFFLED)
    assert names_of(listed.cases) == names_of(other.cases)  # one number is one case for all readers


def test_own_rows_and_label_maps_move_to_another_folder(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "review").mkdir(parents=True)
    (first / "review" / "a.nii.gz").write_bytes(b"labels")
    listed = Worklist(cases("a", "b"), ReviewTable(first), "AB")
    listed.put(ReviewRow("a", "AB", "corrected", labels=("review/a.nii.gz",)))
    listed.move_to(second)
    listed.put(ReviewRow("b", "AB", "accepted"))
    assert {row.scan for row in ReviewTable(second).rows()} == {"a", "b"}
    assert (second / "review" / "a.nii.gz").read_bytes() == b"labels"


@pytest.mark.parametrize("count", [3, 8, 40])
def test_the_icc_is_that_of_the_cohort(count):
    random = np.random.default_rng(count)
    first = random.normal(400, 40, count)
    second = first + random.normal(5, 15, count)
    pairs = [*zip(first, second, strict=True), (math.nan, 400.0)]
    assert agreement.icc_agreement(pairs) == pytest.approx(float(icc_absolute(first, second)))


def test_two_pairs_have_no_icc():
    assert math.isnan(agreement.icc_agreement([(1.0, 2.0), (2.0, 3.0)]))
    assert math.isnan(agreement.icc_agreement([(1.0, 1.0)] * 4))
