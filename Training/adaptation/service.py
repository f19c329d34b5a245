"""An adaptation for another program, such as 3D Slicer: ``python -m Training.adaptation.service``.

It speaks the protocol of Docs/WORKER.md with one request, ``adapt``. The program that asks may end
this process at any time: the same request goes on where it was.

Examples
--------
>>> read_options(
...     {
...         "cases": [{"name": "sub-1", "scan": "a.nii", "label": "b.nii"}],
...         "output": "o",
...         "name": "Ours",
...     }
... ).minutes
60.0
"""

from __future__ import annotations

import sys
from pathlib import Path

from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from HypothalamusSegLib.measures.protocol import checked_name
from HypothalamusSegLib.worker.channel import Channel
from HypothalamusSegLib.worker.requests import WrongRequestError, check_types
from HypothalamusSegLib.worker.service import Finish, Report, WorkerService

from .case_files import CaseFile
from .cases import LabelOptions
from .page import verdict
from .progress import AdaptProgress
from .run import AdaptOptions, adapt

FIELDS = {
    "cases": list,
    "output": str,
    "name": str,
    "minutes": float,
    "weights": str,
    "threads": int,
    "write_anyway": bool,
}
REQUIRED = {"cases", "output", "name"}


def adapt_and_tell(fields: dict, report: Report) -> Finish:
    """Adapt; the result tells the figures, the verdict in words, and what labels look like.

    A case has ``name``, ``scan`` and maybe ``label``. Cases that cannot be used are left out and
    named.

    Raises
    ------
    WrongRequestError
    HypothalamusSegError
    """
    result = adapt(read_options(fields), AdaptProgress(report))
    is_written = result.manifest is not None
    files = [str(path) for path in (result.page, result.manifest) if path]
    described = {
        "figures": result.figures.as_json(),
        "verdict": verdict(result.figures, is_written),
        "is_written": is_written,
        "findings": [{"case": f.case, "message": f.message} for f in result.findings],
    }
    report({"event": "result", "files": files, "result": described})
    return Finish()


def read_options(fields: dict) -> AdaptOptions:
    """Read the fields of a request; raises `WrongRequestError`."""
    checked = check_types(fields, FIELDS, REQUIRED)
    try:
        files = tuple(_case_file(**case) for case in checked["cases"])
        name = checked_name(checked["name"])
    except (TypeError, ValueError) as error:
        raise WrongRequestError(f"The request cannot be read ({error}).") from error
    return AdaptOptions(
        cases=files,
        output=Path(checked["output"]),
        name=name,
        minutes=checked.get("minutes", 60.0),
        weights=checked.get("weights"),
        labels=LabelOptions(),
        skip_bad=True,
        write_anyway=checked.get("write_anyway", False),
        threads=checked.get("threads"),
    )


def _case_file(name: str, scan: str, label: str | None = None) -> CaseFile:
    return CaseFile(name, name.partition("_")[0], Path(scan), Path(label) if label else None)


if __name__ == "__main__":
    with_cancel_signals()
    sys.exit(WorkerService(Channel(), {"adapt": adapt_and_tell}).run())
