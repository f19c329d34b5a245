"""Segment every scan of a cohort; can be stopped at any moment and resumes where it stopped."""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path

from HypothalamusSegLib.errors import CancelledError
from HypothalamusSegLib.options import Options

from ..index.cohort_index import FINISHED, MINE, RENEW_EVERY_S, CohortIndex
from ..index.outcome import DONE, FAILED, UNCHANGED, Outcome
from ..report.subject_page import page_of, write_subject_page
from .dataset_files import STAGE_FOLDER, write_dataset_files
from .executors import ClusterWorkers, LocalWorkers
from .progress_line import CohortProgress
from .scan_list import CohortScan
from .task import Task, fingerprint
from .unchanged_input import signature_of
from .worker import segment_scan

KILLED = "worker_killed"


@dataclass(frozen=True)
class CohortPlan:
    """What one run of the participant level does.

    Attributes
    ----------
    scans : tuple of CohortScan
    source_root : Path
        The data set.
    output : Path
        Root of the derivatives.
    options : Options
        With the threads of each worker.
    workers : LocalWorkers or ClusterWorkers
    with_overview, with_report : bool
    verify_checksums : bool
        Read every input again, rather than trust its size and time of change.
    """

    scans: tuple[CohortScan, ...]
    source_root: Path
    output: Path
    options: Options
    workers: LocalWorkers | ClusterWorkers
    with_overview: bool = True
    with_report: bool = False
    verify_checksums: bool = False


@dataclass
class Summary:
    """Outcomes of the scans of a run, by name."""

    done: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    with_another_run: list[str] = field(default_factory=list)

    def as_json(self) -> dict:
        """The same for a program."""
        return asdict(self)

    def lines(self, failures_shown: int, log: Path) -> list[str]:
        """The same for a person; failures with their reasons."""
        lines = [
            f"{len(self.done)} segmented, {len(self.unchanged)} unchanged, "
            f"{len(self.failed)} failed"
        ]
        if self.with_another_run:
            lines.append(f"{len(self.with_another_run)} are being segmented by another run")
        lines += [
            f"! {name}: {reason}" for name, reason in list(self.failed.items())[:failures_shown]
        ]
        if len(self.failed) > failures_shown:
            lines.append(f"… and {len(self.failed) - failures_shown} more; see {log}")
        return lines


def run_participant_level(
    plan: CohortPlan,
    make_progress: Callable[[int], CohortProgress],
    work: Callable[[Task], Outcome] = segment_scan,
) -> Summary:
    """Segment the scans that have no result yet.

    Parameters
    ----------
    plan : CohortPlan
    make_progress : callable
        Given the number of scans.
    work : callable
        What a worker does; another one only to measure this function.

    Raises
    ------
    IndexFileError, WeightsError, NoSpaceLeftError, PermissionDeniedError
        Nothing can be done at all. What befalls a single scan is in the summary.
    """
    write_dataset_files(plan.output, plan.source_root, plan.options.subunits)
    index = CohortIndex(plan.output)
    try:
        run = _Run(plan, index, make_progress(len(plan.scans)), work)
        return run.run()
    finally:
        index.close()
        with contextlib.suppress(OSError):
            (plan.output / STAGE_FOLDER).rmdir()  # It is not empty while another run is active.


class _Run:
    def __init__(
        self,
        plan: CohortPlan,
        index: CohortIndex,
        progress: CohortProgress,
        work: Callable[[Task], Outcome],
    ) -> None:
        self._plan = plan
        self._index = index
        self._progress = progress
        self._work = work
        self._fingerprint = fingerprint(plan.options)
        self._signatures: dict[str, str] = {}
        self._in_flight: dict[Future, Task] = {}
        self._renewed_at = time.monotonic()
        self._summary = Summary()

    def run(self) -> Summary:
        tasks = deque(self._tasks())
        suspects: deque[Task] = deque()
        while tasks:
            try:
                with self._plan.workers.open() as executor:
                    self._feed(executor, tasks, self._plan.workers.window)
            except BrokenProcessPool:
                suspects.extend(self._take_back())
            self._run_alone(suspects)
        self._write_missing_pages()
        return self._summary

    def _write_missing_pages(self) -> None:
        """Write pages that are missing: removed, or of results from an earlier version."""
        for subject in {scan.subject for scan in self._plan.scans}:
            if not page_of(self._plan.output, subject).exists():
                write_subject_page(self._plan.output, subject)

    def _run_alone(self, suspects: deque[Task]) -> None:
        """Repeat, one by one, what was in progress when a worker died: one of them killed it."""
        alone = LocalWorkers(1)
        while suspects:
            try:
                with alone.open() as executor:
                    self._feed(executor, suspects, 1)
            except BrokenProcessPool:
                for task in self._take_back():
                    reason = (
                        f"The process that segmented {task.scan.path} was killed, probably because "
                        "memory ran out. Use fewer workers, or a machine with more memory."
                    )
                    self._finish(task, Outcome(task.scan.name, FAILED, KILLED, reason))

    def _take_back(self) -> list[Task]:
        """Tasks left unfinished by a broken pool; finished ones are recorded."""
        in_flight, self._in_flight = self._in_flight, {}
        tasks = []
        for future, task in in_flight.items():
            if future.done() and future.exception() is None:
                self._finish(task, future.result())
            else:
                tasks.append(task)
        return tasks

    def _tasks(self) -> Iterable[Task]:
        """Scans to segment, or whose input must be read to decide."""
        plan = self._plan
        finished = self._index.finished(self._fingerprint)
        tasks = []
        for scan in plan.scans:
            known = finished.get(scan.name)
            if known and not _files_stand(plan.output, known["files"]):
                known = None
            signature = signature_of(scan.path)
            same_place = known and known["input"] == str(scan.path)
            same = same_place and signature and known["signature"] == signature
            if same and not plan.verify_checksums:
                self._summary.unchanged.append(scan.name)
                continue
            self._signatures[scan.name] = signature
            tasks.append(
                Task(
                    scan=scan,
                    output=plan.output,
                    options=plan.options,
                    source_root=plan.source_root,
                    known_sha256=known["input_sha256"] if known else None,
                    with_overview=plan.with_overview,
                    with_report=plan.with_report,
                )
            )
        self._progress.skip(len(plan.scans) - len(tasks))
        return tasks

    def _feed(self, executor: Executor, tasks: deque[Task], window: int) -> None:
        """Keep the executor busy until no task is left and all are finished."""
        while tasks or self._in_flight:
            while tasks and len(self._in_flight) < window:
                self._submit(executor, tasks.popleft())
            if not self._in_flight:
                return
            finished, _ = wait(self._in_flight, RENEW_EVERY_S, FIRST_COMPLETED)
            if time.monotonic() - self._renewed_at > RENEW_EVERY_S:
                self._index.renew_claims()
                self._renewed_at = time.monotonic()
            # In starting order: a set has no order, and the log should have one.
            for future in [future for future in self._in_flight if future in finished]:
                outcome = self._outcome(future)
                self._finish(self._in_flight.pop(future), outcome)

    def _submit(self, executor: Executor, task: Task) -> None:
        scan = task.scan
        claim = self._index.claim(
            scan.name, scan.subject, scan.session, str(scan.path), self._fingerprint
        )
        if claim != MINE:
            found = self._summary.unchanged
            (found if claim == FINISHED else self._summary.with_another_run).append(scan.name)
            self._progress.skip(1)
            return
        try:
            future = executor.submit(self._work, task)
        except BrokenProcessPool:
            # Kept with the others in progress, so that it is not lost.
            self._in_flight[Future()] = task
            raise
        self._in_flight[future] = task

    def _outcome(self, future: Future) -> Outcome:
        name = self._in_flight[future].scan.name
        try:
            return future.result()
        except BrokenProcessPool:
            raise
        except CancelledError as error:
            # Only this worker was stopped; its pool is treated as broken.
            raise BrokenProcessPool(str(error)) from error
        except Exception as error:
            # On a cluster: a lost node, or a job that reached its time limit.
            reason = f"The task was lost ({type(error).__name__}: {error})."
            return Outcome(name, FAILED, KILLED, reason)

    def _finish(self, task: Task, outcome: Outcome) -> None:
        signature = self._signatures[task.scan.name]
        self._index.enter(outcome, str(task.scan.path), signature, self._fingerprint)
        self._progress.add(outcome)
        name = outcome.name
        if outcome.status == FAILED:
            self._summary.failed[name] = outcome.reason
        elif outcome.status == UNCHANGED:
            self._summary.unchanged.append(name)
        elif outcome.status == DONE:
            self._summary.done.append(name)
            write_subject_page(self._plan.output, task.scan.subject)


def _files_stand(output: Path, files: str) -> bool:
    """Whether a finished scan's files are still there; the last one is written last."""
    names = json.loads(files)
    return bool(names) and all((output / name).exists() for name in (names[0], names[-1]))
