"""An engine behind a launcher, as in Slicer: its results, its end, and what is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

from HypothalamusSegLib.machine.processes import end_process, may_be_alive
from HypothalamusSegSlicer.panel.states import State

from Testing.support.panel_use import choose_input, engine_folders, run, wait_for_end, wait_for_step


@pytest.fixture
def panel(panel, replay, sample_path):
    """A panel with a volume."""
    choose_input(panel, sample_path)
    return panel


@pytest.fixture
def paused(panel, replay, tmp_path):
    """A run behind a launcher that stays in the coarse stage."""
    replay.use_launcher(tmp_path)
    replay.use("--pause", "coarse")
    panel.apply()
    wait_for_step(panel, "ICV")
    return panel


def launcher_of(panel) -> int:
    return int(panel.job._process._process.processId())


def test_a_run_behind_a_launcher_has_its_result_and_its_engine(paused, replay):
    job, launcher = paused.job, launcher_of(paused)
    assert job.process_id != launcher
    replay.go_on()
    wait_for_end(paused)
    assert "Done" in paused.ui.stepLabel.text
    assert run(paused) == job.process_id
    paused.close()
    assert not may_be_alive(job.process_id)
    assert not may_be_alive(launcher)


@pytest.mark.parametrize("frozen", [None, "engine", "launcher"])
def test_cancel_is_said_when_the_engine_behind_a_launcher_is_gone(paused, replay, frozen):
    panel, engine, launcher = paused, paused.job.process_id, launcher_of(paused)
    if frozen:  # it cannot end by itself
        os.kill({"engine": engine, "launcher": launcher}[frozen], signal.SIGSTOP)
    panel.cancel()
    said = []
    while panel.job is not None:
        # Both are there for as long as the panel says that it waits.
        said.append((panel.state, len(engine_folders())))
        host.pump(5)
    assert not may_be_alive(engine)
    assert not may_be_alive(launcher)
    assert set(said) <= {(State.CANCELLING, 1)}
    assert panel.state is State.READY
    assert "Canceled" in panel.ui.stepLabel.text
    replay.use()
    assert run(panel) != engine


def test_cancel_before_the_engine_has_spoken_ends_it(panel, replay, tmp_path):
    replay.use_launcher(tmp_path)
    panel.apply()
    panel.cancel()
    wait_for_end(panel)
    assert "Canceled" in panel.ui.stepLabel.text


def test_a_killed_engine_is_said_and_not_what_its_launcher_says(paused):
    assert end_process(paused.job.process_id)
    wait_for_end(paused)
    assert "memory ran out" in host.dialogs[-1].text
    assert "Report the problem" not in host.dialogs[-1].text
    assert "Report the problem" in paused.ui.logText.plainText
    assert paused.state is State.READY


def test_an_error_behind_a_launcher_has_the_engines_words(panel, replay, tmp_path):
    replay.use_launcher(tmp_path)
    replay.use("--fail", "weights")
    panel.apply()
    wait_for_end(panel)
    assert panel.ui.stepLabel.text == "An error of the kind weights."


def test_a_killed_launcher_leaves_no_engine(paused):
    engine = paused.job.process_id
    os.kill(launcher_of(paused), signal.SIGKILL)
    wait_for_end(paused)
    assert not may_be_alive(engine)
    assert paused.state is State.READY


def test_closing_the_scene_ends_a_frozen_engine_behind_a_launcher(paused):
    engine = paused.job.process_id
    os.kill(engine, signal.SIGSTOP)
    host.clear_scene()
    assert not may_be_alive(engine)
    assert paused.job is None


def test_a_program_that_is_killed_leaves_no_engine_behind_a_launcher():
    script = (
        "import sys, time\n"
        "from Testing.support.worker_process import STUB, WorkerProcess\n"
        "launcher = [sys.executable, '-m', 'Testing.support.launcher', *STUB[1:]]\n"
        "worker = WorkerProcess(launcher)\n"
        "worker.send(request='do', id='1', what='deaf')\n"
        "worker.next_event()\n"
        "print(worker.ready['process_id'], flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as program:
        engine = int(program.stdout.readline())
        program.kill()
    assert host.pump_until(lambda: not may_be_alive(engine), seconds=30)
