"""A process that is asked to adapt, as Slicer asks it, and answers what a test says: no networks.

python -m Testing.support.adapt_service ANSWER.json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from HypothalamusSegLib.worker.channel import Channel
from HypothalamusSegLib.worker.service import Finish, WorkerService

from Testing.support.protocol_folders import protocol_folder
from Training.adaptation.case_files import TrainingCasesError
from Training.adaptation.request import read_options

# Progress until the process is ended.
FOREVER = "forever"


def main(answer_file: Path) -> int:
    answer = json.loads(answer_file.read_text(encoding="utf-8"))

    def adapt(fields: dict, report) -> Finish:
        options = read_options(fields)  # the real service would take it
        assert all(case.scan.exists() for case in options.cases)
        answer_file.with_suffix(".asked").write_text(json.dumps(fields), encoding="utf-8")
        step = "fold 1 of 5, step 3 of 200, about 41 min left"
        while answer == FOREVER:
            report({"event": "progress", "fraction": 0.25, "step": step})
            time.sleep(0.02)
        report({"event": "progress", "fraction": 0.25, "step": step})
        if answer is None:
            raise TrainingCasesError("2 of the labels cannot be used.")
        if answer["is_written"]:
            protocol_folder(options.output, options.name)
        page = str(options.output / "adaptation.html")
        report({"event": "result", "files": [page], "result": answer})
        return Finish()

    with_cancel_signals()
    return WorkerService(Channel(), {"adapt": adapt}).run()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
