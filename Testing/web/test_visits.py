"""Visitors of the page in a real browser, with a stub engine: refusals, a full queue, keyboard."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright", reason="the tests in a browser need playwright")

from playwright.sync_api import expect

from Testing.support.scan_files import head_volume, patched, write_nifti, write_scan
from Testing.support.web_server import running


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    with running(tmp_path_factory.mktemp("stub"), most_upload_mb=20, queue=1) as server:
        yield server


@pytest.fixture(scope="module")
def heads(tmp_path_factory) -> Path:
    """Small scans that pass the check, under the names by which the stub behaves."""
    folder = tmp_path_factory.mktemp("heads")
    for name in ("anna", "berta", "slow", "quick"):
        write_scan(folder / f"{name}.nii.gz", head_volume())
    return folder


def test_bad_files_are_refused_with_a_reason_each(stub, visit, heads, tmp_path, pictures):
    visitor = visit(stub)
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    (tmp_path / "damaged.nii.gz").write_bytes(b"not an image" * 100)
    huge = write_nifti(tmp_path / "huge.nii", head_volume())
    huge.write_bytes(patched(huge.read_bytes(), dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]))
    with zipfile.ZipFile(tmp_path / "escape.zip", "w") as archive:
        archive.writestr("../../escape.dcm", b"x")
    (tmp_path / "large.nii").write_bytes(b"\0" * (21 << 20))
    small = head_volume((20, 20, 20), np.diag([2.0, 2, 2, 1]))
    write_scan(tmp_path / "small.nii", small)
    (tmp_path / "empty.nii").write_bytes(b"")
    (tmp_path / "pair.hdr").write_bytes(struct.pack("<i", 348))
    visitor.give(*sorted(tmp_path.glob("*.*")), heads / "anna.nii.gz")
    visitor.state("anna.nii.gz", "ready")
    for name, reason in {
        "notes.txt": "not in an accepted format",
        "damaged.nii.gz": "not a valid NIfTI file, or is damaged",
        "huge.nii": "voxels; the limit is",
        "escape.zip": "outside its folder",
        "small.nii": "too small for a head",
        "pair.hdr": "one of two files",
    }.items():
        visitor.state(name, "refused")
        expect(visitor.line(name)).to_contain_text(reason)
    for name, reason in {"large.nii": "the limit is 20 MB", "empty.nii": "is empty"}.items():
        expect(visitor.page.locator(".dropzone li", has_text=name)).to_contain_text(reason)
    assert "Traceback" not in visitor.page.content()
    pictures("web_refused", visitor.page)
    visitor.line("notes.txt").get_by_role("button").click()
    expect(visitor.line("notes.txt")).to_have_count(0)
    expect(visitor.page.locator("#start")).to_be_enabled()


def test_two_visitors_at_once_see_their_own(stub, visit, heads):
    anna, berta = visit(stub), visit(stub)
    anna.give(heads / "anna.nii.gz")
    berta.give(heads / "berta.nii.gz")
    for visitor, name in ((anna, "anna"), (berta, "berta")):
        visitor.state(f"{name}.nii.gz", "ready")
        visitor.page.click("#start")
    for visitor, name, other in ((anna, "anna", "berta"), (berta, "berta", "anna")):
        visitor.state(f"{name}.nii.gz", "done")
        expect(visitor.page.locator("#heading h2")).to_have_text(name)
        assert other not in visitor.page.content()
    address = anna.page.locator("#files a").first.get_attribute("href")
    assert anna.page.request.get(anna.url + address).status == 200
    assert berta.page.request.get(anna.url + address).status == 404
    assert anna.strangers == berta.strangers == []


def test_cancel_reload_and_delete(stub, visit, heads):
    visitor = visit(stub)
    page = visitor.page
    visitor.give(heads / "slow.nii.gz", heads / "quick.nii.gz")
    visitor.state("slow.nii.gz", "ready")
    visitor.state("quick.nii.gz", "ready")
    page.click("#start")
    expect(visitor.line("slow.nii.gz")).to_contain_text("segmenting the", timeout=20_000)
    expect(visitor.line("quick.nii.gz")).to_contain_text("1st in the queue")
    page.reload()
    expect(visitor.line("slow.nii.gz")).to_contain_text("segmenting the hypothalamus")
    page.click("#cancel")
    visitor.state("slow.nii.gz", "cancelled")
    visitor.state("quick.nii.gz", "cancelled")
    expect(page.locator("#said")).to_contain_text("Stopped")
    visitor.line("slow.nii.gz").get_by_role("button").click()
    expect(visitor.line("slow.nii.gz")).to_have_count(0)
    page.click("#start")
    visitor.state("quick.nii.gz", "done")
    page.click("#delete")
    expect(page.locator(".deletion dialog")).to_contain_text("Delete this scan and all results")
    page.click(".deletion-back")
    expect(page.locator("#scans li")).to_have_count(1)
    page.click("#delete")
    page.click(".deletion-really")
    expect(page.locator("#scans li")).to_have_count(0)
    expect(page.locator("#results")).to_be_hidden()


def test_a_full_queue_is_told_on_the_page(stub, visit, heads):
    one, two = visit(stub), visit(stub)
    for name in ("slow", "anna", "berta", "quick"):
        one.give(heads / f"{name}.nii.gz")
        one.state(f"{name}.nii.gz", "ready")
    one.page.click("#start")
    said = one.page.locator("#said")
    expect(said).to_contain_text("2 scans were not added")
    expect(one.line("slow.nii.gz")).to_contain_text("segmenting the hypothalamus", timeout=20_000)
    expect(said).to_contain_text("2 scans were not added")  # some ticks later
    two.give(heads / "quick.nii.gz")
    two.state("quick.nii.gz", "ready")
    two.page.click("#start")
    expect(two.page.locator("#said .severe")).to_contain_text("queue is full")
    two.state("quick.nii.gz", "ready")
    one.page.click("#cancel")
    one.state("slow.nii.gz", "cancelled")


def tab_to(page, identifier: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == identifier:
            return
    raise AssertionError(f"{identifier} is not reached")


def ignore(chooser) -> None:
    """Listens, which makes the browser hand the dialog over instead of opening it."""


def test_by_keyboard_alone(stub, visit, heads):
    visitor = visit(stub)
    page = visitor.page
    # Known to the browser well before the key is pressed.
    page.on("filechooser", ignore)
    tab_to(page, "scan-files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    page.remove_listener("filechooser", ignore)
    chooser.value.set_files(str(heads / "anna.nii.gz"))
    visitor.state("anna.nii.gz", "ready")
    tab_to(page, "start")
    page.keyboard.press("Enter")
    visitor.state("anna.nii.gz", "done")


def test_the_sample_is_added_by_a_click(stub, visit):
    visitor = visit(stub)
    visitor.page.click("#sample")
    visitor.state("ICBM152_sample.nii.gz", "ready")
