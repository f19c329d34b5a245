"""Times of the Slicer panel on this machine: opening it, Apply, Cancel, a list of cases, an edit.

    python -m Testing.bench.panel

Runs in the stand-in for Slicer (Testing/support/slicer_host) on the demo's sample. Nothing is
asserted.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[2]
REPEATS = 5


def main() -> int:
    from Testing.support.slicer_host import application as host

    host.start()
    started = time.perf_counter()
    module, code = host.load_module(str(REPOSITORY / "HypothalamusSeg" / "HypothalamusSeg.py"))
    imported = time.perf_counter()
    widget = host.open_widget(module, code)
    opened = time.perf_counter()
    print(f"import of the module {1000 * (imported - started):7.0f} ms")
    print(f"opening of the panel {1000 * (opened - imported):7.0f} ms")
    measure_apply(widget.panel)
    measure_cancel(widget.panel)
    measure_edits(widget.panel)
    measure_list(widget.panel)
    host.close_widget(widget)
    return 0


def measure_apply(panel) -> None:
    """The first Apply starts the engine; the next ones use it."""
    from HypothalamusSegLib.machine.sample import sample_scan

    from Testing.support.slicer_host import application as host
    from Testing.support.slicer_results import load_volume

    panel.parameters.inputVolume = load_volume(sample_scan())
    host.pump()
    seconds = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        panel.apply()
        host.pump_until(lambda: panel.job is None, seconds=600)
        seconds.append(time.perf_counter() - begun)
    print(f"first Apply          {seconds[0]:7.1f} s")
    print(f"further Apply        {median(seconds[1:]):7.1f} s (median of {REPEATS - 1})")


def measure_cancel(panel) -> None:
    """From the click to a panel that is ready again, while networks compute."""
    from Testing.support.slicer_host import application as host

    seconds = []
    for _ in range(REPEATS):
        panel.apply()
        host.pump_until(lambda: "hypothalamus" in panel.ui.stepLabel.text, seconds=600)
        begun = time.perf_counter()
        panel.cancel()
        host.pump_until(lambda: panel.job is None, seconds=600)
        seconds.append(time.perf_counter() - begun)
    print(f"Cancel               {1000 * median(seconds):7.0f} ms (median of {REPEATS})")


def measure_edits(panel) -> None:
    from HypothalamusSegLib.machine.sample import sample_scan
    from HypothalamusSegSlicer.volumes.edits import DEBOUNCE_MS

    from Testing.support.slicer_results import HandEditor, load_volume, run_engine, take

    with tempfile.TemporaryDirectory() as folder:
        files = run_engine(sample_scan(), Path(folder))
        volume = load_volume(sample_scan())
        nodes = take(files, volume)
        panel.show_results_of(volume)
        for role, identifier in (("hypothalamus", "hypothalamus_left"), ("icv", "icv")):
            editor = HandEditor(nodes.segmentation(role), volume, identifier)
            editor.erase_half()
            panel.watch.refresh()
            seconds = []
            for _ in range(REPEATS):
                editor.undo()
                begun = time.perf_counter()
                panel.watch.refresh()
                seconds.append(time.perf_counter() - begun)
                editor.redo()
            print(
                f"edit of {role:<13}{1000 * median(seconds):7.0f} ms to measure and show "
                f"(median of {REPEATS}), after a pause of {DEBOUNCE_MS} ms"
            )


def measure_list(panel) -> None:
    """From “Accept and next” to the drawn slices of a case that was segmented meanwhile."""
    import shutil

    import slicer
    from HypothalamusSegLib.machine.sample import sample_scan

    from Testing.support.slicer_host import application as host

    host.clear_scene()
    views = [slicer.app.layoutManager().slice_view(name) for name in ("Red", "Green", "Yellow")]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(REPEATS + 1):
            shutil.copyfile(sample_scan(), Path(folder) / f"p{number}.nii.gz")
        panel.ui.reviewerLineEdit.text = "AB"
        host.answers.append(folder)
        panel.ui.openFolderButton.click()
        section, seconds, busy = panel.worklist, [], []
        for _ in range(REPEATS):
            following = section.cases.next_undone(section.shown.case)
            host.pump_until(lambda: section.shown.has_result, seconds=600)
            host.pump_until(lambda case=following: is_ready(section, case), seconds=600)
            begun, begun_busy = time.perf_counter(), time.thread_time()
            panel.ui.acceptNextButton.click()
            for view in views:
                view.render()
            seconds.append(time.perf_counter() - begun)
            busy.append(time.thread_time() - begun_busy)
            assert section.shown.has_result
        panel.ui.closeListButton.click()
    print(
        f"Accept and next      {1000 * median(seconds):7.0f} ms to the drawn slices, slowest "
        f"{1000 * max(seconds):.0f} ms; {1000 * median(busy):.0f} ms of a processor (n = {REPEATS})"
    )


def is_ready(section, case) -> bool:
    return section.ahead.get(case).result is not None


if __name__ == "__main__":
    raise SystemExit(main())
