"""One engine process: it stays loaded and segments one scan after another.

A thread could not be canceled, and its crash would end Slicer. The process speaks the protocol of
Docs/WORKER.md. Slicer's launcher stands between the two: the process that Slicer starts is not the
engine, so the engine is known by the process ID that it says itself.
"""

from __future__ import annotations

import json
import logging
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import qt
from HypothalamusSegLib.machine.processes import end_process, may_be_alive

from .command_line import IDLE_SECONDS, python_path
from .outcome import (
    EngineOutcome,
    cancelled_outcome,
    not_started_outcome,
    outcome_of,
    outcome_without_end,
)

# Time between closing the engine's input and killing it; enough to remove its files.
PATIENCE_MS = 900
LOG_LINES_KEPT = 12
# A process this close to the end of its idle time gets no further run.
IDLE_MARGIN_S = 10.0


@dataclass
class Run:
    """One request and its listener.

    Attributes
    ----------
    request : dict
    on_progress : callable(fraction, step)
    on_log : callable(line)
        All other output of the process.
    on_finished : callable(EngineOutcome)
        Called once, whatever happens.
    """

    request: dict
    on_progress: Callable[[float, str], None]
    on_log: Callable[[str], None]
    on_finished: Callable[[EngineOutcome], None]
    result: dict | None = None
    error: dict | None = None


class EngineProcess:
    """An engine that serves one run at a time."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._runs = 0
        self._last_end_s = 0.0
        self._engine_id: int | None = None
        self._was_told_to_end = self._has_closed = False
        self._unread = {"out": b"", "err": b""}
        self._log: list[str] = []
        self._process = qt.QProcess()
        environment = qt.QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONPATH", python_path())
        environment.insert("PYTHONIOENCODING", "utf-8")
        self._process.setProcessEnvironment(environment)
        for signal, slot in (
            ("readyReadStandardOutput()", self._read_output),
            ("readyReadStandardError()", self._read_log),
            ("finished(int,QProcess::ExitStatus)", self._ended_with),
            ("errorOccurred(QProcess::ProcessError)", self._failed_to_start),
        ):
            self._process.connect(signal, weakly(slot))

    def start(self, program: str, arguments: list[str], run: Run) -> None:
        """Start the process with its first run."""
        self._run = run
        run.on_log(" ".join([program, *arguments]))
        self._process.start(program, arguments)
        if not self.is_gone:
            self._ask()

    def take(self, run: Run) -> None:
        """Start another run; only if `is_free`."""
        self._run = run
        self._log = []
        self._ask()

    @property
    def is_free(self) -> bool:
        """Whether the process is loaded and can take a run."""
        idle_s = time.monotonic() - self._last_end_s
        return (
            self._run is None
            and not self._was_told_to_end
            and not self._has_closed
            and self._process.state() == qt.QProcess.Running
            and self._engine_id is not None
            and idle_s < IDLE_SECONDS - IDLE_MARGIN_S
            and may_be_alive(self._engine_id)
        )

    @property
    def is_gone(self) -> bool:
        return self._process.state() == qt.QProcess.NotRunning

    @property
    def is_running(self) -> bool:
        """Whether a run has not ended yet."""
        return self._run is not None

    @property
    def process_id(self) -> int:
        """The engine's own process ID, or that of its launcher until the engine has told it."""
        return self._engine_id or int(self._process.processId())

    def end(self) -> None:
        """End the process, without its run: close its input, then kill the engine."""
        self._was_told_to_end = True
        self._process.closeWriteChannel()
        qt.QTimer.singleShot(PATIENCE_MS, weakly(self._kill))
        qt.QTimer.singleShot(2 * PATIENCE_MS, weakly(self._kill_launcher))

    def end_and_wait(self) -> None:
        """Like `end`, but block until it is gone, because the scene or the application closes."""
        self._was_told_to_end = True
        self._process.closeWriteChannel()
        for stop in (self._kill, self._kill_launcher):
            if not self._process.waitForFinished(PATIENCE_MS):
                stop()
        self._process.waitForFinished(PATIENCE_MS)

    def wait(self) -> None:
        """Block until the run has ended; for scripts without an event loop."""
        while self.is_running and not self.is_gone:
            self._process.waitForReadyRead(200)

    def _ask(self) -> None:
        self._runs += 1
        line = json.dumps({**self._run.request, "id": str(self._runs)})
        self._process.write(f"{line}\n".encode())

    def _kill(self) -> None:
        """Kill the engine, and its launcher ends; without an engine, kill the launcher."""
        if self._engine_id is None:
            self._kill_launcher()
        elif not self.is_gone and not self._has_closed:
            end_process(self._engine_id)

    def _kill_launcher(self) -> None:
        if not self.is_gone:
            self._process.kill()

    # What the process says

    def _read_output(self) -> None:
        for line in self._lines("out", self._process.readAllStandardOutput()):
            try:
                event = json.loads(line)
            except ValueError:
                self._note(line)
                continue
            self._take_event(event)

    def _take_event(self, event: dict) -> None:
        kind, run = event.get("event"), self._run
        if kind == "ready":
            self._engine_id = int(event["process_id"])
        elif kind == "closed":
            self._has_closed = True
        elif run is None or event.get("id") != str(self._runs):
            return
        elif kind == "progress":
            _tell(run.on_progress, float(event["fraction"]), str(event["step"]))
        elif kind == "result":
            run.result = event
        elif kind == "error":
            run.error = event
        elif kind == "end" and not self._was_told_to_end:
            self._has_closed = not event["stays"]
            self._finish(outcome_of(run.result, run.error))

    def _read_log(self) -> None:
        for line in self._lines("err", self._process.readAllStandardError()):
            self._note(line)

    def _lines(self, stream: str, data: qt.QByteArray) -> list[str]:
        """Return complete lines; keep the rest for the next read."""
        *whole, self._unread[stream] = (self._unread[stream] + bytes(data.data())).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip() for line in whole if line.strip()]

    def _note(self, line: str) -> None:
        self._log = [*self._log, line][-LOG_LINES_KEPT:]
        if self._run is not None:
            _tell(self._run.on_log, line)

    # Its end

    def _failed_to_start(self, error: int) -> None:
        if int(error) == int(qt.QProcess.FailedToStart):
            self._finish(not_started_outcome(self._process.errorString()))

    def _ended_with(self, code: int, status: int) -> None:
        """The process that Slicer started has ended; the engine must end, too."""
        self._read_output()
        self._read_log()
        # Kept until its signal has been sent: the listener may drop the last reference to it.
        process = self._process
        qt.QTimer.singleShot(0, lambda: process)
        # A process that announced its end is gone, and its ID may belong to another one by now.
        if self._engine_id is not None and not self._has_closed:
            end_process(self._engine_id)
        run = self._run
        if self._was_told_to_end:
            self._finish(cancelled_outcome())
        elif run is not None and run.error:
            self._finish(outcome_of(None, run.error))
        else:
            self._finish(outcome_without_end(self._engine_id is not None, code, self._log))

    def _finish(self, outcome: EngineOutcome) -> None:
        run, self._run = self._run, None
        self._last_end_s = time.monotonic()
        if run is not None:
            run.on_finished(outcome)


def _tell(listener: Callable, *words: object) -> None:
    """Call a listener; its failure must not lose the events that follow, such as the end."""
    try:
        listener(*words)
    except Exception:
        logging.exception("A listener of the engine failed")


def weakly(method: Callable) -> Callable:
    """Wrap a bound method so that a connection does not keep its object.

    PythonQt holds what is connected, and a reference cycle through a C++ object is never collected.
    """
    reference = weakref.WeakMethod(method)

    def call(*arguments: object) -> None:
        bound = reference()
        if bound is not None:
            bound(*arguments)

    return call
