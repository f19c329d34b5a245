"""A cohort whose scans are text files that say what happens to them.

The worker that does it is `Testing.support.cohort_stub_worker`. Everything else is real: index,
files and, where a test asks for them, processes.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from HypothalamusSegLib.options import Options
from HypothalamusSegLib.progress import reporter

from Cohort.participant.executors import ClusterWorkers, LocalWorkers
from Cohort.participant.progress_line import LOG_NAME, CohortProgress
from Cohort.participant.run import CohortPlan, Summary, run_participant_level
from Cohort.participant.scan_list import CohortScan
from Testing.support.cohort_stub_worker import stub_segment


def write_cohort(folder: Path, words: dict[str, str]) -> tuple[CohortScan, ...]:
    """One text file a subject, holding what is to happen to it."""
    scans = []
    for subject, word in words.items():
        path = folder / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{word} {subject}", encoding="utf-8")
        scans.append(CohortScan(f"sub-{subject}", subject, "", path))
    return tuple(scans)


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
