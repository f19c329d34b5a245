"""Threads of torch that wait leave the processor to others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from HypothalamusSegLib.machine.waiting_threads import SETTINGS

from Testing.support.command_runs import environment

# Processor time in pauses after a convolution each; the mean of a pause, in milliseconds.
MEASURE = """
import time
from HypothalamusSegLib.machine.devices import import_torch
torch = import_torch()
torch.set_num_threads(2)
convolution, image = torch.nn.Conv3d(8, 8, 3), torch.rand(1, 8, 32, 32, 32)
spent = []
for _ in range(40):
    convolution(image)
    before = time.process_time()
    time.sleep(0.02)
    spent.append(time.process_time() - before)
print(1000 * sum(spent) / len(spent))
"""
SHOW = """
import os
from HypothalamusSegLib import command_line
try:
    command_line.main(["segment", "--help"])
except SystemExit:
    print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
"""


def run(script: str, **settings: str) -> str:
    kept = {name: value for name, value in environment().items() if name not in SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        encoding="utf-8",
        env={**kept, "OMP_NUM_THREADS": "2", **settings},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.skipif(os.cpu_count() == 1, reason="two threads need two processors")
def test_threads_of_torch_use_no_processor_while_they_wait():
    # With the library's own setting 4 to 7 ms; here a few hundredths.
    assert float(run(MEASURE)) < 0.5


@pytest.mark.parametrize("settings", [{}, {"OMP_WAIT_POLICY": "ACTIVE"}], ids=["unset", "set"])
def test_the_command_sets_it_for_all_its_processes_and_keeps_what_the_user_set(settings):
    wanted = {**SETTINGS, **settings}
    assert run(SHOW, **settings).split() == list(wanted.values())
