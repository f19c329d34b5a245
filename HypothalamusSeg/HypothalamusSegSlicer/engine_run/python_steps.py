"""Python programs run one after another in the background, such as pip: Slicer stays usable.

Slicer's launcher stands between the two: the program prints its own process ID first, so that
Cancel ends it and not the launcher.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import qt
from HypothalamusSegLib.machine.processes import end_process

from .command_line import python_executable
from .process import weakly

PATIENCE_MS = 2000
ID_PREFIX = "process ID "
# Runs a module as `python -m` does, after printing its process ID.
STARTER = (
    "import os, runpy, sys;"
    f"print('{ID_PREFIX}' + str(os.getpid()), flush=True);"
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


@dataclass(frozen=True)
class PythonStep:
    """A module that is run as a program, with its arguments."""

    module: str
    arguments: tuple[str, ...]


class PythonSteps:
    """Runs steps until one fails.

    Parameters
    ----------
    steps : sequence of PythonStep
    on_line : callable(str)
        Told each line of output.
    on_finished : callable(str)
        Called once: with an empty string after the last step, with the last line of the one that
        failed, or with `CANCELLED`.
    """

    CANCELLED = "canceled"

    def __init__(
        self,
        steps: Sequence[PythonStep],
        on_line: Callable[[str], None],
        on_finished: Callable[[str], None],
    ) -> None:
        self._waiting = list(steps)
        self._on_line, self._on_finished = on_line, on_finished
        self._process: qt.QProcess | None = None
        self._process_id: int | None = None
        self._unread, self._last_line = b"", ""
        self._was_cancelled = False

    def start(self) -> None:
        """Begin the next step."""
        step = self._waiting.pop(0)
        self._process_id, self._unread = None, b""
        self._process = process = qt.QProcess()
        environment = qt.QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONIOENCODING", "utf-8")
        environment.insert("PYTHONUNBUFFERED", "1")
        process.setProcessEnvironment(environment)
        process.setProcessChannelMode(qt.QProcess.MergedChannels)
        process.connect("readyReadStandardOutput()", weakly(self._read))
        process.connect("finished(int,QProcess::ExitStatus)", weakly(self._ended))
        process.connect("errorOccurred(QProcess::ProcessError)", weakly(self._failed_to_start))
        process.start(python_executable(), ["-c", STARTER, step.module, *step.arguments])

    def cancel(self) -> None:
        """End the running step, and start no other."""
        self._was_cancelled = True
        if self._process_id is not None:
            end_process(self._process_id)
        elif self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Cancel and wait, because the module or the application ends."""
        if self._process is not None:
            self.cancel()
            self._process.waitForFinished(PATIENCE_MS)

    def _read(self) -> None:
        data = self._unread + bytes(self._process.readAllStandardOutput().data())
        *lines, self._unread = data.replace(b"\r", b"\n").split(b"\n")
        for line in (each.decode("utf-8", "replace").strip() for each in lines):
            if line.startswith(ID_PREFIX) and self._process_id is None:
                self._process_id = int(line[len(ID_PREFIX) :])
            elif line:
                self._last_line = line
                self._on_line(line)

    def _failed_to_start(self, error: int) -> None:
        if int(error) == int(qt.QProcess.FailedToStart):
            self._finish(self._process.errorString())

    def _ended(self, code: int, status: int) -> None:
        self._read()
        if self._was_cancelled:
            self._finish(self.CANCELLED)
        elif code != 0:
            self._finish(self._last_line or f"exit code {code}")
        elif self._waiting:
            self._keep_until_signalled()
            self.start()
        else:
            self._finish("")

    def _finish(self, problem: str) -> None:
        self._keep_until_signalled()
        self._process = None
        self._on_finished(problem)

    def _keep_until_signalled(self) -> None:
        """A process must not be deleted while its own signal is being sent."""
        process = self._process
        qt.QTimer.singleShot(0, lambda: process)
