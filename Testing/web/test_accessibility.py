"""axe-core on the web page, in light, in dark and on a phone, before and after a result."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="the tests in a browser need playwright")
pytest.importorskip("axe_playwright_python", reason="needs the package axe-playwright-python")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import running
from Testing.support.web_visitor import Visitor

DESKTOP = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
COLOUR_RULES = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# Colour scheme, screen, axe-core's options. What is there to see is the same in dark as in light,
# which is asserted, so that only rules of colours may find something else there.
LOOKS = {
    "light": ("light", DESKTOP, {}),
    "dark": ("dark", DESKTOP, COLOUR_RULES),
    "phone": ("light", PHONE, {}),
}
AT_ONCE = "*, ::before, ::after { transition: none !important; animation: none !important; }"
SEEN = """() => [...document.querySelectorAll("body *")].filter(e => e.checkVisibility())
  .map(e => e.tagName + e.id).join()"""
NEXT_FRAME = "() => new Promise(then => requestAnimationFrame(() => requestAnimationFrame(then)))"


def findings(page: Page, part: str = "html") -> list[str]:
    """What axe-core finds in a part of the page in each look, each with its first element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
        page.add_style_tag(content=AT_ONCE)
    session = page.context.new_cdp_session(page)
    found, seen, backgrounds = [], {}, {}
    for look, (scheme, screen, options) in LOOKS.items():
        page.emulate_media(color_scheme=scheme)
        session.send("Emulation.setDeviceMetricsOverride", screen)
        session.send("Emulation.setTouchEmulationEnabled", {"enabled": screen["mobile"]})
        page.evaluate(NEXT_FRAME)
        assert page.evaluate("innerWidth") == screen["width"]
        seen[look] = page.evaluate(SEEN)
        backgrounds[look] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        options = {"resultTypes": ["violations"], **options}
        results = page.evaluate("([part, options]) => axe.run(part, options)", [part, options])
        found += [
            f"{look}: {one['id']}: {one['help']} {one['nodes'][0]['html'][:200]}"
            for one in results["violations"]
        ]
    assert backgrounds["light"] != backgrounds["dark"]
    assert seen["light"] == seen["dark"]
    session.send("Emulation.setDeviceMetricsOverride", DESKTOP)
    session.detach()
    page.emulate_media(color_scheme="light")
    return found


WRONG = """<html lang=en><title>t</title><meta name=viewport content="width=device-width">
<style>
  @media (prefers-color-scheme: dark) { body { background: black } p { color: #222 } }
  @media (max-width: 400px) { p { color: #ddd } }
</style>
<main><h1>Heading</h1><p>Some words</p><img src=x></main>"""


def test_axe_itself_finds_what_is_wrong_and_where(browser):
    page = browser.new_page()
    page.set_content(WRONG)
    found = [found.rpartition(": ")[0] for found in findings(page)]
    assert found == [
        *("light: image-alt", "dark: color-contrast"),
        *("phone: color-contrast", "phone: image-alt"),
    ]
    page.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


def test_axe_finds_nothing_before_during_and_after_a_run(browser, server, tmp_path):
    for name in ("anna", "quick", "slow"):
        write_scan(tmp_path / f"{name}.nii.gz", head_volume())
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    visitor = Visitor(browser, server.url)
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
    assert findings(page, "dialog[open]") == []
    page.click(".deletion-back")
    page.get_by_role("button", name="Scans and options").click()
    visitor.give(tmp_path / "slow.nii.gz")
    visitor.state("slow.nii.gz", "ready")
    page.click("#start")
    visitor.line("slow.nii.gz").get_by_text("segmenting the hypothalamus").wait_for()
    assert findings(page) == []
    visitor.leave()


@pytest.mark.slow
def test_axe_finds_nothing_in_a_real_result_with_a_severe_flag(browser, real_server, whole_way):
    visitor = Visitor(browser, real_server.url, storage_state=whole_way.session)
    page = visitor.page
    visitor.viewer()
    page.get_by_label("Subunits", exact=True).check()
    page.locator("details.viewer-note summary").click()
    page.locator("details.numbers summary").click()
    assert page.locator("s.covered").count() > 5
    assert findings(page) == []
    visitor.leave()
