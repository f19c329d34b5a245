"""A worker as the program at the other end of its pipes sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from subprocess import PIPE

from Testing.support.command_runs import REPOSITORY, environment

ENGINE = (sys.executable, "-m", "HypothalamusSegLib", "worker")
STUB = (sys.executable, "-m", "Testing.support.stub_worker")


class WorkerProcess:
    """A worker, its requests and its events; a context that leaves no process behind."""

    def __init__(self, command: Sequence[str], *arguments: str, log: int | None = PIPE) -> None:
        paths = os.pathsep.join([environment()["PYTHONPATH"], str(REPOSITORY)])
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            env={**environment(), "PYTHONPATH": paths},
        )
        self.ready = self.next_event()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.__exit__(None, None, None)  # waits, and closes the pipes

    def send(self, **request: object) -> None:
        self.send_line(json.dumps(request).encode())

    def send_line(self, line: bytes) -> None:
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def close_input(self) -> None:
        self.process.stdin.close()

    def events(self) -> Iterator[dict]:
        """Events until the worker ends."""
        for line in self.process.stdout:
            yield json.loads(line)

    def next_event(self) -> dict:
        return next(self.events(), {})

    def until(self, is_last: Callable[[dict], bool]) -> list[dict]:
        """Events up to the first of a kind, or to the worker's end."""
        found = []
        for event in self.events():
            found.append(event)
            if is_last(event):
                break
        return found

    def until_end(self, identifier: str) -> list[dict]:
        return self.until(lambda event: event["event"] == "end" and event["id"] == identifier)

    def wait(self) -> int:
        return self.process.wait(timeout=60)
