"""A worker process that checks uploads or segments scans, one at a time.

    python -m Web.engine_worker segment|check [--memory-mb N] [--file-mb N] [--folder DIR] [--gpu]

It speaks the protocol of the engine's worker (Docs/WORKER.md), with requests of its own. The
process stays, so that torch is imported once; each scan goes through
`HypothalamusSegLib.batch.Batch` as on the command line, and gives its numbers. It is confined
before it opens a file.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from HypothalamusSegLib.errors import CancelledError, HypothalamusSegError, OutOfMemoryError
from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from HypothalamusSegLib.worker.channel import Channel
from HypothalamusSegLib.worker.service import FAILED, Finish, Report, WorkerService

from .confinement import Limits, PeakMemory, confine
from .log_references import new_reference

log = logging.getLogger("hypothalamus_seg.web.worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until standard input ends; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m Web.engine_worker")
    parser.add_argument("kind", choices=("segment", "check"))
    parser.add_argument("--memory-mb", type=int, default=None)
    parser.add_argument("--file-mb", type=int, default=None)
    parser.add_argument(
        "--folder", type=Path, default=None, help="the only folder that it may read and write"
    )
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument(
        "--weights", type=Path, action="append", default=[], help="a folder that it may read"
    )
    parsed = parser.parse_args(arguments)
    channel = Channel()
    with_cancel_signals()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    peak = PeakMemory()
    weights = tuple(parsed.weights)
    limits = Limits(parsed.memory_mb, parsed.file_mb, parsed.folder, parsed.gpu, weights)
    protections = confine(limits)
    handle = _segmenter() if parsed.kind == "segment" else _checker()

    def serve(task: dict, report: Report) -> Finish:
        peak.forget()
        return _run(handle, task, report)

    service = WorkerService(channel, {parsed.kind: serve}, about={"protections": protections})
    return service.run()


def _run(handle: Callable[[dict, Report], None], task: dict, report: Report) -> Finish:
    """Do a task; its errors say nothing of the server."""
    try:
        handle(task, report)
        return Finish()
    except CancelledError:
        raise
    except HypothalamusSegError as error:
        report({"event": "error", "code": error.code, "message": error.describe(path_for_visitor)})
    except MemoryError:
        message = "The file needs more memory than this server allows per file."
        report({"event": "error", "code": OutOfMemoryError.code, "message": message})
    except Exception:
        reference = new_reference()
        log.exception("Unexpected failure, reference %s", reference)
        report({"event": "error", "code": "unexpected", "reference": reference, "message": ""})
    return Finish(FAILED)


def path_for_visitor(path: Path) -> str:
    """Name a file without the server's folders."""
    from .archives import UNPACKED

    parts = path.parts
    if UNPACKED in parts:
        return "/".join(parts[parts.index(UNPACKED) + 1 :])
    return path.name


def _segmenter() -> Callable[[dict, Report], None]:
    from HypothalamusSegLib.batch import Batch
    from HypothalamusSegLib.machine.devices import import_torch
    from HypothalamusSegLib.options import Options
    from HypothalamusSegLib.progress import STAGE_WEIGHTS, Steps

    from .archives import SCAN_SUFFIXES
    from .viewer_scene import write_scene

    import_torch()

    can_write_dicom = find_spec("highdicom") is not None

    def segment(task: dict, report: Report) -> None:
        path = Path(task["input"])
        # An upload without the suffix of another format was unpacked from a zip of DICOM.
        is_dicom = not path.name.lower().endswith(SCAN_SUFFIXES)
        options = Options(**task["options"], dicom=can_write_dicom and is_dicom)
        batch = Batch(Path(task["output"]), options, with_report=True)
        steps = Steps(report, STAGE_WEIGHTS, 0, 1)
        record, files, dicom_failure = batch.segment(path, steps)
        steps.at("write", 0.8, "viewer")
        write_scene(record.segmentation, Path(task["scene"]))
        names = [file.name for file in files]
        event = {"event": "result", "files": names, "result": record.description}
        if dicom_failure:
            event["dicom_failure"] = dicom_failure.describe(path_for_visitor)
        report(event)

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
