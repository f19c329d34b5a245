"""What runs in a worker, in another process or on another machine: one scan after the other."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from multiprocessing import connection, parent_process

from HypothalamusSegLib.errors import CancelledError, HypothalamusSegError, OutOfMemoryError
from HypothalamusSegLib.machine.memory import name_lack_of_memory
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.results.record import ResultRecord

from ..index.outcome import DONE, FAILED, UNCHANGED, Outcome
from .derivatives import write_derivatives
from .task import Task

UNEXPECTED = "unexpected"
# One per process: the networks stay loaded from one scan to the next.
_segmenters: dict[Options, Segmenter] = {}
_is_busy = False
# Time for a stopping worker to remove its temporary files.
CLEAN_UP_S = 0.5


def segment_scan(task: Task) -> Outcome:
    """Segment one scan and write its derivatives.

    Returns
    -------
    Outcome
        A scan that fails is an outcome, too; only a canceled run is raised.
    """
    global _is_busy
    started = time.monotonic()
    name = task.scan.name
    sha256 = ""
    _is_busy = True
    try:
        scan = read_scan(task.scan.path)
        sha256 = scan.sha256
        if sha256 == task.known_sha256:
            return Outcome(name, UNCHANGED, sha256=sha256)
        with name_lack_of_memory(task.scan.path):
            record = ResultRecord.of(_segmenter(task.options).segment(scan))
            files = write_derivatives(
                record,
                task.scan,
                task.output,
                task.source_root,
                task.with_overview,
                task.with_report,
            )
        return Outcome(
            name,
            DONE,
            sha256=sha256,
            seconds=time.monotonic() - started,
            description=record.description,
            volumes=list(record.rows),
            files=files,
        )
    except CancelledError:
        raise
    except OutOfMemoryError:
        error: Exception = OutOfMemoryError(
            f"Not enough memory to segment {task.scan.path}. Use fewer workers."
        )
    except HypothalamusSegError as failure:
        error = failure
    except Exception as failure:
        # A bug that shows in one scan must not end a night's work on a thousand.
        error = failure
        traceback.print_exc()
    finally:
        _is_busy = False
    code = getattr(error, "code", UNEXPECTED)
    reason = str(error) if code != UNEXPECTED else f"{type(error).__name__}: {error}"
    return Outcome(name, FAILED, code, reason, sha256, time.monotonic() - started)


def _segmenter(options: Options) -> Segmenter:
    if options not in _segmenters:
        _segmenters.clear()
        _segmenters[options] = Segmenter(options)
    return _segmenters[options]


def begin_worker() -> None:
    """Set up a local worker process: it cleans up when stopped, and ends with its parent."""
    # Ctrl+C reaches every process of a terminal; the one that started the run decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _stop(number: int, frame: object) -> None:
    if not _is_busy:
        os._exit(0)
    # The executor catches what a task raises, and would continue with the next.
    timer = threading.Timer(CLEAN_UP_S, os._exit, (0,))
    timer.daemon = True
    timer.start()
    raise CancelledError(f"stopped by signal {number}")


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
