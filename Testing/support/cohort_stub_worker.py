"""What stands for the engine in the workers of `Testing.support.cohort_stub`.

A file of its own: each worker process imports it, and little else.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time

from HypothalamusSegLib import __version__

from Cohort.index.outcome import DONE, FAILED, UNCHANGED, Outcome
from Cohort.participant.dataset_files import STAGE_FOLDER
from Cohort.participant.task import Task, weight_checksums
from Cohort.tables import as_tsv

FAIL, KILL, SLOW = "fail", "kill", "slow"
SLOW_S = 0.4


def stub_segment(task: Task) -> Outcome:
    """Do what the text says, and leave the files that the cohort tool reads."""
    name, data = task.scan.name, task.scan.path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 == task.known_sha256:
        return Outcome(name, UNCHANGED, sha256=sha256)
    word = data.decode().split()[0]
    if word == FAIL:
        return Outcome(name, FAILED, "corrupt_file", f"{task.scan.path} is damaged.", sha256)
    if word == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    volume_mm3 = 800.0 + len(name)
    rows = [
        {
            "structure": structure,
            "volume_mm3": value,
            "mask_volume_mm3": value,
            "fraction_of_icv": value / 1.5e6,
            "icv_adjusted_mm3": value,
            "fold_sd_mm3": None,
            "fold_min_mm3": value,
            "fold_max_mm3": value,
            "volume_low_mm3": 0.9 * value,
            "volume_high_mm3": 1.1 * value,
        }
        for structure, value in (("hypothalamus_total", volume_mm3), ("icv", 1.5e6))
    ]
    description = {
        "name": name,
        "asymmetry_index": None,
        "reference_icv_mm3": 1.5e6,
        "quality": {
            "fold_dice": [0.9, 1.0],
            "icv_fold_dice": [0.9, 1.0],
            "flags": [],
        },
        "provenance": _provenance(task, sha256),
    }
    source = {"Sources": [f"bids:raw:{task.scan.path.relative_to(task.source_root).as_posix()}"]}
    texts = {
        "label-icv_mask.json": json.dumps(source),
        "volumes.tsv": as_tsv(rows),
        "volumes.json": json.dumps(description),
    }
    stage = task.output / STAGE_FOLDER / name
    stage.mkdir(parents=True, exist_ok=True)
    if word == SLOW:
        (stage / "volumes.json").write_text("half ", encoding="utf-8")
        time.sleep(SLOW_S)
    files = [f"{name}/anat/{name}_{end}" for end in texts]
    (task.output / files[0]).parent.mkdir(parents=True, exist_ok=True)
    for (end, text), file in zip(texts.items(), files, strict=True):
        (stage / end).write_text(text, encoding="utf-8")
        os.replace(stage / end, task.output / file)
    stage.rmdir()
    return Outcome(name, DONE, "", "", sha256, 0.1, description, rows, files)


def _provenance(task: Task, sha256: str) -> dict:
    """Write it as `HypothalamusSegLib.pipeline` does, as far as the cohort tool reads it."""
    options = task.options
    return {
        "version": __version__,
        "weights_sha256": {
            f"hypothalamus_fold{n}": sha for n, sha in enumerate(weight_checksums(options))
        },
        "input": task.scan.path.name,
        "input_sha256": sha256,
        "options": {
            "structures": list(options.structures),
            "subunits": options.subunits,
            "grid": options.grid,
            "folds": list(options.folds),
        },
        "device": "cpu",
        "threads": 1,
        "torch": "none",
        "seconds": 0.1,
    }
