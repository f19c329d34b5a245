"""Ctrl+C in the moment in which a worker process starts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from Testing.support.command_runs import environment

# The signal comes when the child exists and the parent does not yet know it: the worst moment.
PROGRAM = """
import gc, multiprocessing, os, signal, time
from multiprocessing import popen_spawn_posix
from HypothalamusSegLib.errors import CancelledError
from HypothalamusSegLib.machine.cancelling import with_cancel_signals
from Cohort.participant.executors import LocalWorkers

launch = popen_spawn_posix.Popen._launch

def launch_and_signal(popen, process):
    launch(popen, process)
    time.sleep(0.3)  # The child's Python is up, and imports.
    {send}

popen_spawn_posix.Popen._launch = launch_and_signal
with_cancel_signals()
try:
    with LocalWorkers(1).open() as pool:
        pool.submit(os.getpid).result()
except CancelledError:
    pass
del pool
print("cancelled", len(multiprocessing.active_children()), flush=True)
gc.collect()
os._exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    "send", ["os.killpg(0, signal.SIGINT)", "os.kill(os.getpid(), signal.SIGTERM)"]
)
def test_a_signal_while_a_worker_starts_ends_all_without_a_trace(send):
    run = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(send=send)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # Both streams end only when the last process that holds them has ended.
    output, errors = run.communicate(timeout=60)
    assert (run.returncode, output, errors) == (130, "cancelled 0\n", "")
