"""A cohort whose scans are text files that say what happens to them, and a worker that does it.

Everything else is real: index, files and, where a test asks for them, processes. As a program it
runs the participant level, so that tests can kill it:
``python -m Testing.support.cohort_stub DATA OUT WORKERS``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from HypothalamusSegLib import __version__
from HypothalamusSegLib.errors import CancelledError
from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.progress import reporter

from Cohort.index.outcome import DONE, FAILED, UNCHANGED, Outcome
from Cohort.participant.dataset_files import STAGE_FOLDER
from Cohort.participant.executors import ClusterWorkers, LocalWorkers
from Cohort.participant.progress_line import LOG_NAME, CohortProgress
from Cohort.participant.run import CohortPlan, Summary, run_participant_level
from Cohort.participant.scan_list import CohortScan
from Cohort.participant.task import Task, weight_checksums
from Cohort.tables import as_tsv

FAIL, KILL, SLOW = "fail", "kill", "slow"
SLOW_S = 0.4


def write_cohort(folder: Path, words: dict[str, str]) -> tuple[CohortScan, ...]:
    """One text file a subject, holding what is to happen to it."""
    scans = []
    for subject, word in words.items():
        path = folder / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{word} {subject}", encoding="utf-8")
        scans.append(CohortScan(f"sub-{subject}", subject, "", path))
    return tuple(scans)


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


class InOneThread:
    """In the place of `LocalWorkers`: a process takes a second of processor time to start."""

    window = 2

    def words(self) -> str:
        return "one thread"

    @contextlib.contextmanager
    def open(self) -> Iterator[_Thread]:
        with _Thread(1) as pool:
            yield pool


class _Thread(ThreadPoolExecutor):
    """Passes on only what could go to another process and back."""

    def submit(self, work: Callable, *arguments: object) -> Future:
        sent = pickle.dumps((work, arguments))
        return super().submit(_work_on, sent)


def _work_on(sent: bytes) -> object:
    work, arguments = pickle.loads(sent)
    return pickle.loads(pickle.dumps(work(*arguments)))


def run_stub(
    scans: tuple[CohortScan, ...],
    root: Path,
    output: Path,
    workers: LocalWorkers | ClusterWorkers | InOneThread | None = None,
    options: Options | None = None,
    **plan,
) -> Summary:
    """The participant level with the stub as its worker."""
    output.mkdir(parents=True, exist_ok=True)
    whole = CohortPlan(scans, root, output, options or Options(), workers or InOneThread(), **plan)
    log = output / LOG_NAME
    report = reporter("none")
    return run_participant_level(
        whole, lambda total: CohortProgress(report, log, total), stub_segment
    )


def main(data: str, output: str, workers: str) -> int:
    paths = sorted(Path(data).glob("sub-*/anat/*_T1w.nii.gz"))
    scans = tuple(CohortScan(p.parents[1].name, p.parents[1].name[4:], "", p) for p in paths)
    with_cancel_signals()
    try:
        summary = run_stub(scans, Path(data), Path(output), LocalWorkers(int(workers)))
    except CancelledError:
        os._exit(130)
    print(json.dumps(summary.as_json()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
