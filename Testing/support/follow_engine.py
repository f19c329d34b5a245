"""An engine that answers the request ``follow`` with what a test says: the protocol, no networks.

python -m Testing.support.follow_engine ANSWER.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from HypothalamusSegLib.errors import TooFewVisitsError
from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from HypothalamusSegLib.worker.channel import Channel
from HypothalamusSegLib.worker.following import check_fields
from HypothalamusSegLib.worker.service import Finish, WorkerService


def main(answer_file: Path) -> int:
    answer = json.loads(answer_file.read_text(encoding="utf-8"))

    def follow(fields: dict, report) -> Finish:
        given, _ = check_fields(fields)  # the real engine would take it
        assert all(scan.path.is_file() for scan in given)
        asked = {"names": [scan.path.stem for scan in given], "fields": fields}
        answer_file.with_suffix(".asked").write_text(json.dumps(asked), encoding="utf-8")
        report({"event": "progress", "fraction": 0.5, "step": "comparing the visits"})
        if answer is None:
            raise TooFewVisitsError("Fewer than two scans can be compared.")
        report({"event": "result", "files": [], "result": answer})
        return Finish()

    with_cancel_signals()
    return WorkerService(Channel(), {"follow": follow}).run()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
