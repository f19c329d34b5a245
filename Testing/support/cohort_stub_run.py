"""The participant level on a stub's cohort, as a program that tests can kill.

``python -m Testing.support.cohort_stub_run DATA OUT WORKERS``. Its workers import it, too, so that
it imports what it needs only in `main`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(data: str, output: str, workers: str) -> int:
    from HypothalamusSegLib.errors import CancelledError
    from HypothalamusSegLib.machine.cancelling import with_cancel_signals

    from Cohort.participant.executors import LocalWorkers
    from Cohort.participant.scan_list import CohortScan
    from Testing.support.cohort_stub import run_stub

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
