"""A worker without networks: the real protocol, and requests that behave as they are told.

python -m Testing.support.stub_worker [IDLE_SECONDS]
"""

from __future__ import annotations

import hashlib
import os
import sys
import time

from HypothalamusSegLib.errors import HeadNotFoundError, TorchUnusableError
from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from HypothalamusSegLib.worker.channel import Channel
from HypothalamusSegLib.worker.service import Finish, Report, WorkerService

STEP_SECONDS = 0.02


def do(fields: dict, report: Report) -> Finish:
    what = fields.get("what")
    report({"event": "progress", "fraction": 0.0})
    if what == "steps":
        while True:  # until it is canceled
            time.sleep(STEP_SECONDS)
            report({"event": "progress", "fraction": 0.5})
    if what == "deaf":  # computes in C for minutes, and notices neither steps nor signals
        hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000_000)
    if what == "crash":
        os.kill(os.getpid(), 9)
    if what == "no head":
        raise HeadNotFoundError("There is no head.")
    if what == "no torch":
        raise TorchUnusableError("There is no torch.")
    if what == "mistake":
        raise KeyError("unforeseen")
    if what == "print":
        os.write(1, b"from a library written in C\n")
        print("and from Python", flush=True)
        print(repr(sys.stdin.read()), file=sys.stderr, flush=True)
    report({"event": "result", "result": fields})
    return Finish()


if __name__ == "__main__":
    with_cancel_signals()
    idle_seconds = float(sys.argv[1]) if len(sys.argv) > 1 else None
    sys.exit(WorkerService(Channel(), {"do": do}, idle_seconds).run())
