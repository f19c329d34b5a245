"""Headless Chromium, and someone who looks at the web page in it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
# Gradio's "Loading…" counts seconds in every frame, also after it was taken away: each open page
# takes 8 % of a processor core.
SPARE_FRAMES = r"""
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (act) =>
  window.hypothalamusSeg && /performance\.now\(\)-.*\/1e3\)/.test(String(act)) ? 0 : ask(act);
"""
# A run takes some seconds; on a machine with other work it may take minutes.
WAIT_MS = 180_000
# Of a click, a picture, a loading of the page.
ACT_MS = 60_000
expect.set_options(timeout=20_000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("the tests in a browser need Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        Visitor.free_windows.clear()
        browser.close()


class Visitor:
    """Someone with a window and cookies of their own; requests and problems are noted.

    The window may be that of one who has left: what Gradio's page loads is then in its cache, which
    halves the processor time of a visit.
    """

    # Windows of those who have left, by their options.
    free_windows: ClassVar[dict[str, list[Page]]] = {}

    def __init__(self, browser: Browser, url: str, storage_state: dict | None = None, **options):
        self.url = url
        self.requests: list[str] = []
        self.problems: list[str] = []
        options = {**DESKTOP, "color_scheme": "light", **options}
        viewport, colours = options.pop("viewport"), options.pop("color_scheme")
        self.page = self._window(browser, options)
        self.page.set_viewport_size(viewport)
        self.page.emulate_media(color_scheme=colours)
        self.context = self.page.context
        if storage_state:
            self.context.add_cookies(storage_state["cookies"])
        self._listeners = {
            "request": lambda request: self.requests.append(request.url),
            "pageerror": lambda error: self.problems.append(str(error)),
            "console": self._note,
        }
        for event, listener in self._listeners.items():
            self.page.on(event, listener)
        self.page.goto(url)
        # What the server tells of this visitor: then the page is whole.
        self.page.wait_for_selector("#scans p, #scans li", state="attached")
        self.page.wait_for_function("window.hypothalamusSeg")

    def _window(self, browser: Browser, options: dict) -> Page:
        self._free = self.free_windows.setdefault(str(sorted(options.items())), [])
        if self._free:
            return self._free.pop()
        context = browser.new_context(**options)
        context.set_default_timeout(ACT_MS)
        context.add_init_script(SPARE_FRAMES)
        return context.new_page()

    def leave(self) -> None:
        """Take everything along; the next visitor may have the window."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.goto("about:blank")
        self.context.clear_cookies()
        self._free.append(self.page)

    def _note(self, message) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    @property
    def strangers(self) -> list[str]:
        return [u for u in self.requests if not u.startswith((self.url, "data:", "blob:"))]

    def give(self, *files: Path) -> None:
        self.page.set_input_files("#scan-files", [str(file) for file in files])

    def line(self, name: str):
        return self.page.locator("#scans li", has_text=name)

    def state(self, name: str, state: str, timeout: float = WAIT_MS) -> None:
        expect(self.line(name)).to_have_attribute("data-state", state, timeout=timeout)

    def viewer(self) -> None:
        self.page.wait_for_selector(".viewer[data-ready]", timeout=WAIT_MS)
        self.page.wait_for_timeout(400)

    def pixels(self, view: str) -> np.ndarray:
        canvas = self.page.locator(f"figure[data-view={view}] canvas")
        return np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)

    def slide(self, selector: str, value: float) -> None:
        self.page.eval_on_selector(
            selector,
            "(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }",
            value,
        )
        self.page.wait_for_timeout(150)
