"""Milliseconds of the web page's viewer on this machine: a move of a slice, a turn of the surface.

    python -m Testing.bench.viewer

In headless Chromium, on the demo's sample, segmented by one network each. Nothing is asserted.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

MOVES, TURNS = 20, 10
NOTE_DRAWINGS = """() => {
  window.drawn = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) {
      if (one.name === "viewer-draw") window.drawn.push(one.duration);
    }
  }).observe({ entryTypes: ["measure"] });
}"""


def main() -> int:
    from Testing.support.web_server import running
    from Testing.support.web_visitor import Visitor, chromium

    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "server", stub=False, device="cpu") as server,
        chromium() as browser,
    ):
        visitor = Visitor(browser, server.url, viewport={"width": 1440, "height": 900})
        page = visitor.page
        page.click("#sample")
        visitor.state("ICBM152_sample.nii.gz", "ready")
        for fold in "2345":
            page.locator("#folds").get_by_label(fold, exact=True).uncheck()
        page.click("#start")
        visitor.viewer()
        page.evaluate(NOTE_DRAWINGS)
        for zoom in ("Hypothalamus", "Whole head"):
            page.get_by_label(zoom, exact=True).check()
            measure(f"{zoom}, a slice moved", page, lambda: move_slices(visitor))
            measure(f"{zoom}, surface turned", page, lambda: turn_surface(visitor))
    return 0


def measure(name: str, page, act) -> None:
    page.wait_for_timeout(300)
    before = page.evaluate("window.drawn.length")
    act()
    page.wait_for_timeout(300)
    drawn = page.evaluate("window.drawn")[before:]
    print(f"{name}: median {median(drawn):.1f} ms, longest {max(drawn):.1f} ms of {len(drawn)}")


def move_slices(visitor) -> None:
    for step in range(MOVES):
        visitor.slide("figure[data-view=coronal] input", step - MOVES // 2)


def turn_surface(visitor) -> None:
    visitor.page.locator("figure[data-view=surface] canvas").focus()
    for _ in range(TURNS):
        visitor.page.keyboard.press("ArrowRight")
        visitor.page.wait_for_timeout(100)


if __name__ == "__main__":
    sys.exit(main())
