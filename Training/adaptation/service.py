"""An adaptation for another program, such as 3D Slicer: ``python -m Training.adaptation.service``.

It speaks the protocol of Docs/WORKER.md with one request, ``adapt``. The program that asks may end
this process at any time: the same request goes on where it was.
"""

from __future__ import annotations

import sys

from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from HypothalamusSegLib.worker.channel import Channel
from HypothalamusSegLib.worker.service import Finish, Report, WorkerService

from .progress import AdaptProgress
from .request import read_options


def adapt_and_tell(fields: dict, report: Report) -> Finish:
    """Adapt; the result tells the figures, the verdict in words, and what labels look like.

    A case has ``name``, ``scan`` and maybe ``label``. Cases that cannot be used are left out and
    named.

    Raises
    ------
    WrongRequestError
    HypothalamusSegError
    """
    options = read_options(fields)
    # Not at the head: they import torch, and the other program waits for the first event.
    from .page import verdict
    from .run import adapt

    result = adapt(options, AdaptProgress(report))
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


if __name__ == "__main__":
    with_cancel_signals()
    sys.exit(WorkerService(Channel(), {"adapt": adapt_and_tell}).run())
