"""The whole way of a visitor through the page, from a scan to the archive of its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, expect

from Testing.support.web_server import Server
from Testing.support.web_visitor import WAIT_MS, Visitor

SCREEN = {"viewport": {"width": 1440, "height": 900}}


@dataclass
class WholeWay:
    """A visitor who still looks at the result, the archive, and which steps the page told."""

    visitor: Visitor
    archive: Path
    steps: set[str]

    @property
    def session(self) -> dict:
        """What another window needs to be the same visitor's, as Playwright takes it."""
        return self.visitor.context.storage_state()


def go_the_whole_way(
    browser: Browser, server: Server, scan: Path, pictures: Callable, folder: Path
) -> WholeWay:
    """Send a scan called ``brain``, segment it with its subunits by all networks, download."""
    visitor = Visitor(browser, server.url, **SCREEN)
    page = visitor.page
    expect(page.locator(".notice.medical")).to_contain_text("Not a medical device")
    expect(page.locator(".notice.privacy")).to_contain_text("deleted")
    expect(page.locator("#start")).to_be_disabled()
    visitor.give(scan)
    visitor.state("brain.nii.gz", "ready")
    page.get_by_label("Also segment the ten subunits").check()
    pictures("web_ready", page)
    page.click("#start")
    standing = page.locator("#scans .standing")
    steps = {standing.inner_text()}
    # The fine stage may begin and end between two looks of the page, so it is not waited for.
    expect(standing).to_contain_text("intracranial space", timeout=WAIT_MS)
    steps.add(standing.inner_text())
    page.reload()  # in the middle
    expect(page.get_by_label("Also segment the ten subunits")).to_be_checked()
    steps.add(standing.inner_text())
    pictures("web_progress", page)
    visitor.state("brain.nii.gz", "done")
    visitor.viewer()
    pictures("web_result", page)  # as the page moved there, without a click
    assert page.evaluate("document.activeElement.closest('#heading') !== null")
    with page.expect_download() as download:
        page.click("a.everything")
    archive = folder / download.value.suggested_filename
    download.value.save_as(archive)
    return WholeWay(visitor, archive, steps)
