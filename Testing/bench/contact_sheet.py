"""How long the contact sheet of a large cohort takes in a browser: to load, sort, turn, mark.

python -m Testing.bench.contact_sheet [--scans N] [--times N]

Ten thousand scans are simulated with an index of their own; each has a picture of planes as large
as real ones (noise, which compresses worse). Wants Debian's package chromium.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from HypothalamusSegLib.machine.processes import processor_name
from PIL import Image

from Cohort.group.analysis import analyse
from Cohort.participant.worker_plan import available_cores
from Cohort.picture_names import planes_of
from Cohort.report.blinded_review import PAGE_NAME, write_blinded_review
from Cohort.report.contact_sheet import write_contact_sheet
from Testing.support.cohort_tables import options_in, simulated
from Testing.support.web_visitor import DESKTOP, chromium

PICTURE_SHAPE, PICTURE_GRAYS = (300, 1824), (90, 130)
# Runs an action in the page and waits until it is painted; milliseconds.
PAINTED = """async (act) => {
  const started = performance.now();
  (0, eval)(act);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - started;
}"""
CHOOSE = (
    "(() => {{ const field = document.getElementById('{0}'); field.value = '{1}';"
    "field.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
)
ACTIONS = {
    "sort by robust z": CHOOSE.format("sort", "z"),
    "sort by volume": CHOOSE.format("sort", "small"),
    "random order": CHOOSE.format("sort", "random"),
    "find a name": CHOOSE.format("find", "sub-07"),
    "all again": CHOOSE.format("find", ""),
    "next page": "document.getElementById('later').click()",
    "mark a scan": "document.querySelector('.card [data-mark=good]').click()",
}


def write_pages(scans: int, folder: Path) -> tuple[Path, Path]:
    """The contact sheet and the blinded one of a simulated cohort."""
    results, people = simulated(n_a=scans // 2, n_b=scans - scans // 2)
    generator = np.random.default_rng(1)
    first = folder / "picture.png"
    Image.fromarray(generator.integers(*PICTURE_GRAYS, PICTURE_SHAPE, dtype=np.uint8)).save(first)
    for overview in results["overview"]:
        path = folder / planes_of(overview)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(first, path)
    results["flags"] = np.where(generator.random(len(results)) < 0.1, "low_confidence", "")
    analysis = analyse(options_in(folder, people, contrast=None, covariates=()), results)
    write_contact_sheet(analysis, folder / PAGE_NAME)
    blinded = folder / "blinded"
    write_blinded_review(analysis, blinded)
    return folder / PAGE_NAME, blinded / PAGE_NAME


def measure(browser, path: Path, actions: dict[str, str], times: int) -> dict[str, list[float]]:
    """Milliseconds of loading and of each action, ``times`` times, in a new window each time."""
    found: dict[str, list[float]] = {"load": [], **{name: [] for name in actions}}
    for _ in range(times):
        context = browser.new_context(**DESKTOP)
        page = context.new_page()
        started = time.monotonic()
        page.goto(path.as_uri(), wait_until="load")
        page.wait_for_selector(".card")
        found["load"].append(1000 * (time.monotonic() - started))
        for name, act in actions.items():
            found[name].append(page.evaluate(PAINTED, act))
        context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m Testing.bench.contact_sheet", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--scans", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        sheet, blinded = write_pages(options.scans, Path(name))
        print(
            f"{processor_name()}, {available_cores()} processors, load {os.getloadavg()[0]:.1f}; "
            f"Chromium {browser.version}; n = {options.times}\n"
            f"{options.scans} scans, {sheet.stat().st_size / 1e6:.1f} MB of page "
            f"({blinded.stat().st_size / 1e6:.1f} MB blinded); milliseconds\n"
        )
        only_load = {"mark a scan": ACTIONS["mark a scan"]}
        for title, path, actions in (
            ("contact sheet", sheet, ACTIONS),
            ("blinded", blinded, only_load),
        ):
            print(f"{title:>20}{'median':>10}{'slowest':>10}")
            for action, values in measure(browser, path, actions, options.times).items():
                print(f"{action:>20}{statistics.median(values):10.0f}{max(values):10.0f}")


if __name__ == "__main__":
    main()
