"""Run the engine in a separate process.

A thread could not be canceled, and its crash would end Slicer. The process writes one JSON object
per line to standard output. Closing its standard input cancels it, even through a launcher.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import qt

from .command_line import python_path

# Time between asking a process to end and killing it; enough to remove its files.
PATIENCE_MS = 900
LOG_LINES_KEPT = 12


@dataclass(frozen=True)
class EngineOutcome:
    """The outcome of a run.

    Attributes
    ----------
    result : dict or None
        The engine's description of the result; None where there is none.
    files : tuple of str
        What it wrote.
    error_code, message : str or None
        Why there is no result.
    cancelled : bool
    """

    result: dict | None = None
    files: tuple[str, ...] = ()
    error_code: str | None = None
    message: str | None = None
    cancelled: bool = False


class EngineProcess:
    """One run of the engine.

    Parameters
    ----------
    on_progress : callable(fraction, step)
    on_log : callable(line)
        All other output of the process.
    on_finished : callable(EngineOutcome)
        Called once, whatever happens.
    """

    def __init__(
        self,
        on_progress: Callable[[float, str], None],
        on_log: Callable[[str], None],
        on_finished: Callable[[EngineOutcome], None],
    ) -> None:
        self._on_progress, self._on_log, self._on_finished = on_progress, on_log, on_finished
        self._unread = {"out": b"", "err": b""}
        self._log: list[str] = []
        self._result: dict | None = None
        self._error: dict | None = None
        self._cancelled = self._ended = False
        self._process = qt.QProcess()
        environment = qt.QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONPATH", python_path())
        environment.insert("PYTHONIOENCODING", "utf-8")
        self._process.setProcessEnvironment(environment)
        self._process.connect("readyReadStandardOutput()", self._read_output)
        self._process.connect("readyReadStandardError()", self._read_log)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._ended_with)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._failed_to_start)

    def start(self, program: str, arguments: list[str]) -> None:
        self._on_log(" ".join([program, *arguments]))
        self._process.start(program, arguments)

    @property
    def is_running(self) -> bool:
        return self._process.state() != qt.QProcess.NotRunning

    @property
    def process_id(self) -> int:
        return int(self._process.processId())

    def cancel(self) -> None:
        """Ask the process and its children to end; kill them after a second."""
        self._cancelled = True
        self._process.closeWriteChannel()
        self._process.terminate()
        qt.QTimer.singleShot(PATIENCE_MS, self._kill)

    def cancel_and_wait(self) -> None:
        """Like `cancel`, but block until the end, because the scene or the application closes."""
        self._cancelled = True
        self._process.closeWriteChannel()
        self._process.terminate()
        if not self._process.waitForFinished(PATIENCE_MS):
            self._kill()
            self._process.waitForFinished(PATIENCE_MS)

    def wait(self) -> None:
        """Block until the process has ended; for scripts without an event loop."""
        while self.is_running:
            self._process.waitForFinished(1000)

    def _kill(self) -> None:
        if self.is_running:
            self._process.kill()

    def _read_output(self) -> None:
        for line in self._lines("out", self._process.readAllStandardOutput()):
            try:
                event = json.loads(line)
            except ValueError:
                self._note(line)
                continue
            self._take(event)

    def _take(self, event: dict) -> None:
        kind = event.get("event")
        if kind == "progress":
            self._on_progress(float(event["fraction"]), str(event["step"]))
        elif kind == "result":
            self._result = event
        elif kind == "error":
            self._error = event

    def _read_log(self) -> None:
        for line in self._lines("err", self._process.readAllStandardError()):
            self._note(line)

    def _lines(self, stream: str, data: qt.QByteArray) -> list[str]:
        """Return complete lines; keep the rest for the next read."""
        *whole, self._unread[stream] = (self._unread[stream] + bytes(data.data())).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip() for line in whole if line.strip()]

    def _note(self, line: str) -> None:
        self._log = [*self._log, line][-LOG_LINES_KEPT:]
        self._on_log(line)

    def _failed_to_start(self, error: int) -> None:
        if int(error) == int(qt.QProcess.FailedToStart):
            self._finish(
                EngineOutcome(
                    error_code="not_started",
                    message=f"The engine could not be started ({self._process.errorString()}). "
                    "Reinstall the extension.",
                )
            )

    def _ended_with(self, code: int, status: int) -> None:
        self._read_output()
        self._read_log()
        self._finish(self._outcome(code, status))

    def _outcome(self, code: int, status: int) -> EngineOutcome:
        if self._cancelled:
            return EngineOutcome(cancelled=True, message="Canceled.")
        if self._error:
            return EngineOutcome(error_code=self._error["code"], message=self._error["message"])
        if self._result and code == 0:
            return EngineOutcome(self._result["result"], tuple(self._result["files"]))
        crashed = int(status) == int(qt.QProcess.CrashExit)
        how = "was stopped by the system" if crashed else f"stopped with code {code}"
        last = f" Its last message: {self._log[-1]}" if self._log else ""
        why = " This usually means that memory ran out: close other programs." if crashed else ""
        return EngineOutcome(
            error_code="crashed" if crashed else "failed",
            message=f"The engine {how} before it finished.{why}{last}",
        )

    def _finish(self, outcome: EngineOutcome) -> None:
        if not self._ended:
            self._ended = True
            self._on_finished(outcome)
