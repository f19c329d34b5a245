"""axe-core on the web page, in light, in dark and on a phone, before and after a result."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="the tests in a browser need playwright")
pytest.importorskip("axe_playwright_python", reason="needs the package axe-playwright-python")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import running
from Testing.support.web_visitor import PHONE, Visitor

SCREENS = {"desktop": {}, "phone": PHONE}
COLOURS = {"desktop": ("light", "dark"), "phone": ("light",)}


def findings(page: Page, colours: tuple[str, ...] = ("light",)) -> list[str]:
    """What axe-core's rules find in these colours, each with its first element."""
    found = []
    for scheme in colours:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)  # colours fade in
        found += [
            f"{scheme}: {one['id']}: {one['help']} {one['nodes'][0]['html'][:200]}"
            for one in Axe().run(page).response["violations"]
        ]
    return found


def backgrounds(page: Page, colours: tuple[str, ...]) -> set[str]:
    """The page's background in each of these colours."""
    found = set()
    for scheme in colours:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)
        found.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    return found


def test_axe_itself_finds_what_is_wrong(browser):
    page = browser.new_page()
    page.set_content("<html lang=en><title>t</title><main><h1>t</h1><img src=x></main>")
    assert [found.split(": ")[1] for found in findings(page)] == ["image-alt"]
    page.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_before_during_and_after_a_run(browser, server, screen, tmp_path):
    for name in ("anna", "quick", "slow"):
        write_scan(tmp_path / f"{name}.nii.gz", head_volume())
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    visitor = Visitor(browser, server.url, **SCREENS[screen])
    page = visitor.page
    assert len(backgrounds(page, COLOURS[screen])) == len(COLOURS[screen])
    assert findings(page, COLOURS[screen]) == []
    visitor.give(tmp_path / "notes.txt", tmp_path / "anna.nii.gz", tmp_path / "quick.nii.gz")
    visitor.state("notes.txt", "refused")
    visitor.state("quick.nii.gz", "ready")
    assert findings(page, COLOURS[screen]) == []
    page.click("#start")
    visitor.state("quick.nii.gz", "done")
    visitor.state("anna.nii.gz", "done")
    page.locator("details.numbers summary").click()
    page.locator("#key button.tip").first.focus()
    assert findings(page, COLOURS[screen]) == []
    page.click("#delete")
    assert findings(page, COLOURS[screen]) == []
    page.click(".deletion-back")
    page.get_by_role("button", name="Scans and options").click()
    visitor.give(tmp_path / "slow.nii.gz")
    visitor.state("slow.nii.gz", "ready")
    page.click("#start")
    visitor.line("slow.nii.gz").get_by_text("segmenting the hypothalamus").wait_for()
    assert findings(page, COLOURS[screen]) == []
    visitor.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_in_a_real_result_with_a_severe_flag(
    browser, screen, real_server, real_result
):
    visitor = Visitor(browser, real_server.url, storage_state=real_result, **SCREENS[screen])
    page = visitor.page
    visitor.viewer()
    page.get_by_label("Subunits", exact=True).check()
    page.locator("details.viewer-note summary").click()
    page.locator("details.numbers summary").click()
    assert page.locator("s.covered").count() > 5
    assert findings(page, COLOURS[screen]) == []
    visitor.context.close()
