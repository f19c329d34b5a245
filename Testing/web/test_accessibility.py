"""axe-core on the web page, in light, in dark and on a phone, before and after a result."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="the tests in a browser need playwright")
pytest.importorskip("axe_playwright_python", reason="needs the package axe-playwright-python")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import running
from Testing.support.web_visitor import PHONE, Visitor, chromium

LOOKS = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": PHONE}


def findings(page: Page) -> list[str]:
    """What axe-core's rules find, each with its first element."""
    page.wait_for_timeout(400)  # colours fade in
    return [
        f"{found['id']}: {found['help']} {found['nodes'][0]['html'][:200]}"
        for found in Axe().run(page).response["violations"]
    ]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def test_axe_itself_finds_what_is_wrong(browser):
    page = browser.new_page()
    page.set_content("<html lang=en><title>t</title><main><h1>t</h1><img src=x></main>")
    assert [found.split(":")[0] for found in findings(page)] == ["image-alt"]
    page.close()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_before_during_and_after_a_run(browser, look, tmp_path):
    for name in ("anna", "quick", "slow"):
        write_scan(tmp_path / f"{name}.nii.gz", head_volume())
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    with running(tmp_path / "server") as server:
        visitor = Visitor(browser, server.url, **LOOKS[look])
        page = visitor.page
        assert findings(page) == []
        visitor.give(tmp_path / "notes.txt", tmp_path / "anna.nii.gz", tmp_path / "quick.nii.gz")
        visitor.state("notes.txt", "refused")
        visitor.state("quick.nii.gz", "ready")
        assert findings(page) == []
        page.click("#start")
        visitor.state("quick.nii.gz", "done")
        visitor.state("anna.nii.gz", "done")
        page.locator("details.numbers summary").click()
        page.locator("#key button.tip").first.focus()
        assert findings(page) == []
        page.click("#delete")
        assert findings(page) == []
        page.click(".deletion-back")
        page.get_by_role("button", name="Scans and options").click()
        visitor.give(tmp_path / "slow.nii.gz")
        visitor.state("slow.nii.gz", "ready")
        page.click("#start")
        visitor.line("slow.nii.gz").get_by_text("segmenting the hypothalamus").wait_for()
        assert findings(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_a_real_result_with_a_severe_flag(
    browser, look, real_server, real_result
):
    visitor = Visitor(browser, real_server.url, storage_state=real_result, **LOOKS[look])
    page = visitor.page
    visitor.viewer()
    page.get_by_label("Subunits", exact=True).check()
    page.locator("details.viewer-note summary").click()
    page.locator("details.numbers summary").click()
    assert page.locator("s.covered").count() > 5
    assert findings(page) == []
    visitor.context.close()
