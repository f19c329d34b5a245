"""The two pipes of a worker: requests come in, events go out, one JSON object per line.

Examples
--------
>>> channel = Channel()  # doctest: +SKIP
>>> channel.say({"event": "ready"})  # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator

READ_BYTES = 1 << 16


class Channel:
    """Standard input and output, reserved for requests and events.

    Libraries that print write to standard error instead, and those that read get nothing. Standard
    input must not stay on the pipe for another reason, too: on Windows, loading a library that
    looks at standard input waits until a read from the same pipe has ended (numpy issue 24290,
    CPython issue 78961), which here is the end of the process.
    """

    def __init__(self) -> None:
        self._input = os.dup(sys.stdin.fileno())
        self._output = os.dup(sys.stdout.fileno())
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, sys.stdin.fileno())
        os.close(nothing)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._lock = threading.Lock()

    def say(self, event: dict) -> None:
        """Write an event; may be called by any thread."""
        line = json.dumps(event, allow_nan=False).encode() + b"\n"
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._output, line) :]
            except OSError:
                pass  # Nobody listens any more; the end of the input says so as well.

    def lines(self) -> Iterator[bytes]:
        """Wait for lines; ends when the other side closes the pipe or dies."""
        # Not through sys.stdin: holding its lock here would break the interpreter's shutdown.
        unread = b""
        while data := os.read(self._input, READ_BYTES):
            *whole, unread = (unread + data).split(b"\n")
            yield from (line for line in whole if line.strip())
