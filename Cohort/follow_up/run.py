"""Follow every subject who has several sessions; resumes where an earlier run ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from HypothalamusSegLib.options import Options

from ..participant.executors import ClusterWorkers, LocalWorkers
from ..participant.task import fingerprint
from .subjects import FollowedSubject
from .table import write_followed_volumes
from .worker import FollowOutcome, FollowTask, folder_of, follow_subject, inputs_of, key_name


def run_follow_level(
    subjects: Sequence[FollowedSubject],
    output: Path,
    options: Options,
    workers: LocalWorkers | ClusterWorkers,
    with_page: bool = True,
    on_outcome: Callable[[FollowOutcome], None] = lambda outcome: None,
    work: Callable[[FollowTask], FollowOutcome] = follow_subject,
) -> list[FollowOutcome]:
    """Follow the subjects that have no result yet, and write the table of all.

    Parameters
    ----------
    subjects : sequence of FollowedSubject
    output : Path
        Root of the derivatives.
    options : Options
        With the threads of each worker.
    workers : LocalWorkers or ClusterWorkers
    with_page : bool
        Write each subject's page with the flicker picture.
    on_outcome : callable
        Told each subject as it is finished.
    work : callable
        What a worker does; another one only for tests.

    Returns
    -------
    list of FollowOutcome
        Of the subjects that were followed now.
    """
    mark = fingerprint(options)
    tasks = [
        FollowTask(subject, output, options, mark, with_page)
        for subject in subjects
        if not _stands(output, subject, mark)
    ]
    outcomes: list[FollowOutcome] = []
    if tasks:
        with workers.open() as executor:
            futures = {executor.submit(work, task): task for task in tasks}
            for future in as_completed(futures):
                outcomes.append(_outcome(future, futures[future]))
                on_outcome(outcomes[-1])
    write_followed_volumes(output, subjects)
    return outcomes


def _outcome(future: Future, task: FollowTask) -> FollowOutcome:
    try:
        return future.result()
    except BrokenProcessPool:
        reason = (
            "The process that followed this subject, or another one running at the same time, was "
            "killed, probably because memory ran out. Use fewer workers and run again."
        )
        return FollowOutcome(task.subject.participant_id, reason)


def _stands(output: Path, subject: FollowedSubject, mark: str) -> bool:
    """Whether a subject was followed with the same images, dates, options and weights."""
    folder = folder_of(output, subject.participant_id)
    try:
        key = json.loads((folder / key_name(subject.participant_id)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return key == {"fingerprint": mark, "inputs": inputs_of(subject)}
