"""Where the work is done: processes on this machine, or a cluster through parsl.

Both are `concurrent.futures.Executor`; the rest of the cohort does not know which.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import runpy
import sysconfig
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from HypothalamusSegLib.machine.cancelling import start_child_first

from ..errors import ExecutorConfigError, MissingPackageError
from .worker import begin_worker

# Time for a stopping worker to remove its temporary files.
STOP_PATIENCE_S = 1.0
# Enough for a cluster to see how much work there is, and to scale.
CLUSTER_WINDOW = 1000
CONFIG_NAME = "config"


class _Pool(ProcessPoolExecutor):
    """A pool that never loses a process while it is being started."""

    def submit(self, *arguments, **named):
        with start_child_first():
            return super().submit(*arguments, **named)


@dataclass(frozen=True)
class LocalWorkers:
    """Processes on this machine.

    Attributes
    ----------
    workers : int
    """

    workers: int

    @property
    def window(self) -> int:
        """How many scans may be submitted at a time: one more than workers, so that none waits."""
        return self.workers + 1

    def words(self) -> str:
        """For the user."""
        return f"{self.workers} worker{'s' if self.workers > 1 else ''} on this machine"

    @contextlib.contextmanager
    def open(self) -> Iterator[Executor]:
        """Start the processes; stop them at the end, at once after an error."""
        # Spawned: a forked process shares the state of torch's and ITK's threads, and hangs.
        context = multiprocessing.get_context("spawn")
        before = set(multiprocessing.active_children())
        pool = _Pool(self.workers, mp_context=context, initializer=begin_worker)
        try:
            yield pool
        except BaseException:
            # The pool's own thread ends after its processes; nothing is then left for Python's
            # resource # tracker to complain about on the terminal.
            ending = threading.Thread(
                target=pool.shutdown, kwargs={"cancel_futures": True}, daemon=True
            )
            ending.start()
            _stop(set(multiprocessing.active_children()) - before)
            ending.join(STOP_PATIENCE_S)
            raise
        pool.shutdown()


@dataclass(frozen=True)
class ClusterWorkers:
    """Whatever a parsl configuration starts: SLURM or PBS jobs, Kubernetes pods, local processes.

    Attributes
    ----------
    config_file : Path
        Python code that makes a `parsl.Config` named ``config``; see Docs/COHORT.md.
    """

    config_file: Path

    window = CLUSTER_WINDOW

    def words(self) -> str:
        """For the user."""
        return f"parsl, {self.config_file.name}"

    @contextlib.contextmanager
    def open(self) -> Iterator[Executor]:
        """Start parsl; its jobs are canceled at the end.

        Raises
        ------
        MissingPackageError, ExecutorConfigError
        """
        try:
            import parsl
            from parsl.concurrent import ParslPoolExecutor
        except ImportError as error:
            raise MissingPackageError(
                f"--executor parsl needs parsl ({error}). Install it: "
                "pip install 'hypothalamus-seg[cohort,cluster]'"
            ) from error
        config = load_parsl_config(self.config_file)
        _find_scripts_of_this_python()
        with parsl.load(config) as kernel:
            yield ParslPoolExecutor(dfk=kernel)


def load_parsl_config(path: Path):
    """Run a configuration file and return its `parsl.Config`.

    Raises
    ------
    ExecutorConfigError
        The file cannot be run, or does not define ``config``.
    """
    import parsl

    try:
        made = runpy.run_path(str(path))
    except Exception as error:
        raise ExecutorConfigError(
            f"{path} is no usable parsl configuration ({type(error).__name__}: {error})."
        ) from error
    config = made.get(CONFIG_NAME)
    if not isinstance(config, parsl.Config):
        raise ExecutorConfigError(
            f"{path} makes no parsl.Config named {CONFIG_NAME!r}; Docs/COHORT.md has an example."
        )
    return config


def _find_scripts_of_this_python() -> None:
    """Let parsl find its own programs if the environment was not activated."""
    scripts = sysconfig.get_path("scripts")
    paths = os.environ.get("PATH", "").split(os.pathsep)
    if scripts not in paths:
        os.environ["PATH"] = os.pathsep.join([scripts, *paths])


def _stop(processes: set[multiprocessing.process.BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(STOP_PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
