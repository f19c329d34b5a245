"""Engine processes that stay loaded between runs: a second Apply need not start one."""

from __future__ import annotations

import slicer

from .command_line import python_executable, worker_arguments
from .process import EngineProcess, Run, weakly


class LoadedEngine:
    """Gives each run a process, a loaded one if possible.

    Processes end after their idle time, with `close`, with this object and with Slicer.
    """

    def __init__(self) -> None:
        self._processes: list[EngineProcess] = []
        slicer.app.connect("aboutToQuit()", weakly(self.close))

    def begin(self, run: Run) -> EngineProcess:
        """Begin a run.

        Returns
        -------
        EngineProcess
            The process of this run. If it could not be started, the run has ended already.
        """
        self._processes = [each for each in self._processes if not each.is_gone]
        for process in self._processes:
            if process.is_free:
                process.take(run)
                return process
        process = EngineProcess()
        self._processes.append(process)
        process.start(python_executable(), worker_arguments(), run)
        return process

    def close(self) -> None:
        """End all processes, with their runs, and wait until they are gone."""
        processes, self._processes = self._processes, []
        for process in processes:
            process.end_and_wait()

    def __del__(self) -> None:
        self.close()
