"""Whether processes are alive, and their end."""

from __future__ import annotations

import subprocess
import sys

import pytest
from HypothalamusSegLib.machine.processes import end_process, may_be_alive

SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]


@pytest.fixture
def process():
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE) as started:
        started.stdout.readline()
        yield started
        started.kill()


def test_a_process_is_alive_until_it_is_ended(process):
    assert may_be_alive(process.pid)
    assert end_process(process.pid)
    assert not may_be_alive(process.pid)  # though nobody has asked for its exit code yet
    process.wait()
    assert not may_be_alive(process.pid)
    assert end_process(process.pid)
