"""A worker for the web page's tests: checks as the real one, and pretends to segment.

Speaks the protocol of `Web.engine_worker`. The name of a scan says how it behaves: ``…slow…``
takes long, ``…crash…`` ends itself as a lack of memory would, ``…wrong…`` fails unforeseen.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from HypothalamusSegLib.progress import describe_step

from Web import engine_worker

# Stage, and the network that is done.
STAGES = (
    ("read", None),
    ("networks", None),
    ("coarse", None),
    ("coarse", 5),
    ("fine", None),
    ("fine", 3),
    ("write", None),
)
Check = Callable[[dict, engine_worker.Report], None]
STEP_SECONDS = float(os.environ.get("HYPOTHALAMUSSEG_STUB_SECONDS", "0.05"))
SLOW_SECONDS = 60.0


def segment(task: dict, report: engine_worker.Report) -> None:
    name = Path(task["input"]).name.split(".")[0]
    output = Path(task["output"])
    # What the real engine would find, too: the scan, and not the results of the run before.
    assert Path(task["input"]).exists()
    assert not list(Path(task["input"]).glob("*_volumes.json"))
    output.mkdir()
    for index, (stage, fold) in enumerate(STAGES):
        told = {"stage": stage, "fold": fold, "folds": fold and 5}
        step = describe_step(stage, fold, 5)
        report({"event": "progress", "fraction": index / len(STAGES), "step": step, **told})
        if step == "ICV" and "crash" in name:
            os.kill(os.getpid(), 9)
        if step == "ICV" and "wrong" in name:
            raise RuntimeError("a secret of the server")
        time.sleep(SLOW_SECONDS if step == "hypothalamus" and "slow" in name else STEP_SECONDS)
    files = {f"{name}_volumes.csv": "structure,volume_mm3\n", f"{name}_volumes.json": "{}\n"}
    for file, text in files.items():
        (output / file).write_text(text, encoding="utf-8")
    result = result_of(name)
    weights = task.get("options", {}).get("weights")
    if weights:
        from HypothalamusSegLib.measures.protocol import read_protocol

        result["protocol"] = read_protocol(Path(weights)).as_json()
    report({"event": "result", "files": sorted(files), "result": result})


def result_of(name: str) -> dict:
    parts = {part: entry(f"hypothalamus_{part}", 400.0) for part in ("left", "right", "total")}
    return {
        "name": name,
        "icv_mm3": 1.5e6,
        "reference_icv_mm3": 1.5e6,
        "icv": entry("icv", 1.5e6),
        "hypothalamus": parts,
        "quality": {
            "fold_dice": [0.95, 0.97],
            "icv_fold_dice": [0.99, 0.995],
            "flags": [{"code": "asymmetry", "message": "Left and right differ."}],
        },
    }


def entry(structure: str, volume_mm3: float) -> dict:
    return {
        "structure": structure,
        "volume_mm3": volume_mm3,
        "mask_volume_mm3": volume_mm3,
        "fraction_of_icv": volume_mm3 / 1.5e6,
        "icv_adjusted_mm3": volume_mm3,
        "fold_sd_mm3": 1.0,
        "fold_min_mm3": volume_mm3 - 1,
        "fold_max_mm3": volume_mm3 + 1,
        "volume_low_mm3": 0.9 * volume_mm3,
        "volume_high_mm3": 1.1 * volume_mm3,
    }


class LateChecker:
    """Checks as the real one, whose import takes 0.2 s: many tests upload nothing."""

    make = staticmethod(engine_worker._checker)

    @functools.cached_property
    def check(self) -> Check:
        return self.make()

    def __call__(self, task: dict, report: engine_worker.Report) -> None:
        self.check(task, report)


if __name__ == "__main__":
    engine_worker._segmenter = lambda: segment
    engine_worker._look = lambda: None
    engine_worker._checker = LateChecker
    sys.exit(engine_worker.main())
