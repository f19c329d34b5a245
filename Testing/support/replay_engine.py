"""An engine that replays results of the real one: the same protocol and files, no networks.

python -m Testing.support.replay_engine RECORDINGS [--pause STAGE] [--deaf] [--read]
    [--fail CODE] [--idle-seconds N]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from HypothalamusSegLib import errors
from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from HypothalamusSegLib.measures.protocol import read_protocol
from HypothalamusSegLib.networks.weight_files import weights_folder
from HypothalamusSegLib.options import Options, options_from_json
from HypothalamusSegLib.worker.channel import Channel
from HypothalamusSegLib.worker.service import Finish, Report, WorkerService

# Beside the recordings: a paused replay goes on when it is there.
GO_ON = "go on"
RECORDED_NAME = "scan"
POLL_SECONDS = 0.01


def recording_of(recordings: Path, options: Options) -> Path:
    """Where the recording for these options is; networks and threads make no difference to it."""
    subunits = "with subunits" if options.subunits else "without subunits"
    return recordings / f"{' '.join(options.structures)} {subunits}"


class Replay:
    """Answers each request with a recording, by the protocol that the request asks for.

    Parameters
    ----------
    recordings : Path
        Folders with ``events.json`` and the files of one run each.
    pause : str or None
        Stage at which it waits for the file `GO_ON`.
    reads : bool
        Read the scan first as the real engine does, and fail as that does.
    fails : str or None
        Code of the error that ends every run.
    """

    def __init__(self, recordings: Path, pause: str | None, reads: bool, fails: str | None) -> None:
        self.recordings, self.pause, self.reads, self.fails = recordings, pause, reads, fails

    def __call__(self, fields: dict, report: Report) -> Finish:
        source, output = Path(fields["input"]), Path(fields["output"])
        options = options_from_json(fields["options"])
        recording = recording_of(self.recordings, options)
        protocol = read_protocol(weights_folder(options.weights))
        events = json.loads((recording / "events.json").read_text(encoding="utf-8"))
        if self.reads:
            from HypothalamusSegLib.reading import read_scan

            read_scan(source)
        for event in events:
            if event["event"] == "progress":
                report(event)
                self._wait_at(event["stage"])
        if self.fails:
            raise _error_with(self.fails)
        written = []
        for path in recording.glob(f"{RECORDED_NAME}_*"):
            name = source.name.split(".")[0]
            target = output / path.name.replace(RECORDED_NAME, name, 1)
            written.append(str(shutil.copyfile(path, target)))
        (result,) = (event for event in events if event["event"] == "result")
        described = {**result["result"], "protocol": protocol.as_json()}
        files = sorted(written)
        report({**result, "input": fields["input"], "files": files, "result": described})
        return Finish()

    def _wait_at(self, stage: str) -> None:
        while stage == self.pause and not (self.recordings / GO_ON).exists():
            time.sleep(POLL_SECONDS)


def _error_with(code: str) -> errors.HypothalamusSegError:
    known = {each.code: each for each in vars(errors).values() if hasattr(each, "code")}
    return known[code](f"An error of the kind {code}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--pause")
    parser.add_argument("--read", action="store_true")
    parser.add_argument("--fail")
    parser.add_argument("--idle-seconds", type=float, default=300.0)
    parsed = parser.parse_args()
    with_cancel_signals()
    channel = Channel()
    replay = Replay(parsed.recordings, parsed.pause, parsed.read, parsed.fail)
    sys.exit(WorkerService(channel, {"segment": replay}, parsed.idle_seconds).run())
