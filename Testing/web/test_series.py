"""A study with several series on the page: pictures of each, and one is taken by a click."""

from __future__ import annotations

import pytest

from Testing.support.uploads import archive

pytest.importorskip("playwright", reason="the tests in a browser need playwright")

from playwright.sync_api import expect

from Testing.support.scan_files import head_volume, write_dicom
from Testing.support.web_visitor import WAIT_MS


def test_a_series_is_chosen_by_its_picture(stub_server, visit, tmp_path):
    slices = write_dicom(tmp_path / "one", head_volume())
    name = "<i>FLAIR {{7*7}}"
    slices += write_dicom(tmp_path / "two", head_volume(), "1.2.826.0.1.2", name, "other")
    entries = {file.name: file.read_bytes() for file in slices}
    study = archive(tmp_path / "study.zip", entries)
    visitor = visit(stub_server)
    visitor.give(study)
    visitor.state("study.zip", "choosing")
    buttons = visitor.page.locator("#scans button[data-series]")
    expect(buttons).to_have_text(["T1 MPRAGE", name], timeout=WAIT_MS)
    pictures = visitor.page.locator("#scans .series img")
    expect(pictures).to_have_count(2)
    loaded = "element => element.decode().then(() => element.naturalWidth)"
    assert pictures.nth(1).evaluate(loaded) == 48
    expect(visitor.page.locator("#start")).to_be_disabled()
    buttons.nth(1).click()
    visitor.state("study.zip", "ready")
    expect(visitor.page.locator("#start")).to_be_enabled(timeout=WAIT_MS)
    expect(pictures).to_have_count(0)
    assert visitor.problems == []
