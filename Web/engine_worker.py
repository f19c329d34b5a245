"""A worker process that checks uploads or segments scans, one at a time.

    python -m Web.engine_worker segment|check [--memory-mb N] [--file-mb N] [--folder DIR] [--gpu]

One JSON object a line comes in on standard input and goes out on standard output, events as those
of the command line's ``--progress json``. The process stays, so that torch is imported once; each
scan goes through `HypothalamusSegLib.batch.Batch` as on the command line, and gives its numbers.
The end of standard input ends the process at once, whatever it is doing.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from HypothalamusSegLib.errors import HypothalamusSegError, OutOfMemoryError

from .archives import UNPACKED
from .confinement import Limits, PeakMemory, confine
from .log_references import new_reference

Report = Callable[[dict], None]
log = logging.getLogger("hypothalamus_seg.web.worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m Web.engine_worker")
    parser.add_argument("kind", choices=("segment", "check"))
    parser.add_argument("--memory-mb", type=int, default=None)
    parser.add_argument("--file-mb", type=int, default=None)
    parser.add_argument(
        "--folder", type=Path, default=None, help="the only folder that it may read and write"
    )
    parser.add_argument("--gpu", action="store_true")
    parsed = parser.parse_args(arguments)
    channel = _own_channel()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    peak = PeakMemory()
    limits = Limits(parsed.memory_mb, parsed.file_mb, parsed.folder, parsed.gpu)
    protections = confine(limits)

    def report(event: dict) -> None:
        channel.write(json.dumps(event, allow_nan=False) + "\n")
        channel.flush()

    handle = _segmenter() if parsed.kind == "segment" else _checker()
    report({"event": "ready", "protections": protections})
    tasks: queue.Queue[dict] = queue.Queue()
    threading.Thread(target=_read_tasks, args=(tasks,), daemon=True).start()
    while True:
        task = tasks.get()
        peak.forget()
        _run(handle, task, report)


def _own_channel() -> TextIO:
    """Standard output for events alone; whatever a library prints goes to standard error."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return channel


def _read_tasks(tasks: queue.Queue[dict]) -> None:
    for line in sys.stdin:
        tasks.put(json.loads(line))
    os._exit(0)


def _run(handle: Callable[[dict, Report], None], task: dict, report: Report) -> None:
    try:
        handle(task, report)
    except HypothalamusSegError as error:
        report({"event": "error", "code": error.code, "message": error.worded(shown_path)})
    except MemoryError:
        message = "The file needs more memory than this server allows per file."
        report({"event": "error", "code": OutOfMemoryError.code, "message": message})
    except Exception:
        reference = new_reference()
        log.exception("Unexpected failure, reference %s", reference)
        report({"event": "error", "code": "unexpected", "reference": reference, "message": ""})


def shown_path(path: Path) -> str:
    """Name a file without the server's folders."""
    parts = path.parts
    if UNPACKED in parts:
        return "/".join(parts[parts.index(UNPACKED) + 1 :])
    return path.name


def _segmenter() -> Callable[[dict, Report], None]:
    from HypothalamusSegLib.batch import Batch
    from HypothalamusSegLib.options import Options
    from HypothalamusSegLib.pipeline import STAGE_WEIGHTS, import_torch
    from HypothalamusSegLib.progress import Steps
    from HypothalamusSegLib.results.files import describe

    from .viewer_scene import write_scene

    import_torch()

    def segment(task: dict, report: Report) -> None:
        batch = Batch(Path(task["output"]), Options(**task["options"]), with_report=True)
        steps = Steps(report, STAGE_WEIGHTS, 0, 1)
        result, files = batch.segment(Path(task["input"]), steps)
        steps.at("write", 0.8, "viewer")
        write_scene(result, Path(task["scene"]))
        names = [file.name for file in files]
        report({"event": "result", "files": names, "result": describe(result)})

    return segment


def _look():
    """Check a scan before it is segmented; not used by tests with a stub engine."""
    from .first_look import first_look

    return first_look()


def _checker() -> Callable[[dict, Report], None]:
    from .upload_checks import check_upload

    look = _look()

    def check(task: dict, report: Report) -> None:
        pictures = Path(task["pictures"]) if task.get("pictures") else None
        path, most, series = Path(task["input"]), task["most_bytes"], task.get("series")
        checked = check_upload(path, most, pictures, series, look)
        report({"event": "result", **checked.as_event()})

    return check


if __name__ == "__main__":
    sys.exit(main())
