"""From Apply to the engine and back, with real processes and a launcher between.

The engine replays recorded results, except where it says otherwise.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

import slicer
import vtk
from HypothalamusSegLib.machine.processes import end_process, may_be_alive
from HypothalamusSegSlicer.engine_run import process as engine_process
from HypothalamusSegSlicer.engine_run.job import SegmentationJob
from HypothalamusSegSlicer.engine_run.loaded_engine import LoadedEngine
from HypothalamusSegSlicer.engine_run.process import EngineProcess
from HypothalamusSegSlicer.panel.states import State

from Testing.slicer.conftest import RECORDED
from Testing.support.slicer_results import load_volume

MODULE = REPOSITORY / "HypothalamusSeg" / "HypothalamusSeg.py"


@pytest.fixture
def panel(loaded, replay, sample_path):
    """A panel with a volume."""
    host.clear_scene()
    host.dialogs.clear()
    widget = host.open_widget(*loaded)
    widget.panel.parameters.inputVolume = load_volume(sample_path)
    host.pump(20)
    yield widget.panel
    host.close_widget(widget)
    host.clear_scene()
    assert list(folders()) == []
    problems = list(host.problems)
    host.problems.clear()
    assert problems == []


def folders():
    return Path(slicer.app.temporaryPath).glob("hypothalamus-seg-*")


def wait_for_end(panel) -> None:
    assert host.pump_until(lambda: panel.job is None, seconds=60)


def wait_for_step(panel, text: str) -> int:
    """Wait until a run has reached a step; the engine's process ID."""
    assert host.pump_until(lambda: text in panel.ui.stepLabel.text, seconds=60)
    return panel.job.process_id


def run(panel) -> int:
    """Segment; the engine's process ID."""
    panel.apply()
    job = panel.job
    wait_for_end(panel)
    assert "Done" in panel.ui.stepLabel.text
    return job.process_id


def test_a_second_apply_uses_the_loaded_engine(panel):
    first = run(panel)
    assert may_be_alive(first)
    assert run(panel) == first


def test_an_engine_that_has_ended_is_replaced(panel, replay):
    replay.use("--idle-seconds", "0.2")
    first = run(panel)
    assert host.pump_until(lambda: not may_be_alive(first), seconds=30)
    assert run(panel) != first


def test_an_engine_near_the_end_of_its_idle_time_is_not_asked(panel, monkeypatch):
    first = run(panel)
    monkeypatch.setattr(engine_process, "IDLE_SECONDS", engine_process.IDLE_MARGIN_S)
    assert run(panel) != first


def test_an_engine_that_was_killed_between_two_runs_is_replaced(panel):
    """Also where nobody has looked at the process since, as in a script."""
    first = run(panel)
    assert end_process(first)
    assert run(panel) != first


def test_two_runs_at_once_have_engines_of_their_own(panel, replay):
    replay.use("--pause", "coarse")
    engine, ended = LoadedEngine(), []
    volume = panel.parameters.inputVolume
    jobs = [SegmentationJob(volume, RECORDED, engine, print, print, ended.append) for _ in range(2)]
    for job in jobs:
        job.start()
    replay.go_on()
    assert host.pump_until(lambda: len(ended) == 2, seconds=60)
    assert jobs[0].process_id != jobs[1].process_id
    assert all(result.nodes is not None for result in ended)
    engine.close()


def test_closing_the_panel_ends_the_loaded_engine(panel):
    process_id = run(panel)
    panel.close()
    assert not may_be_alive(process_id)


def test_an_engine_that_is_not_fit_any_more_is_replaced(panel, replay):
    replay.use("--fail", "out_of_memory")
    panel.apply()
    job = panel.job
    wait_for_end(panel)
    assert "out_of_memory" in host.dialogs[-1].text
    replay.use()
    assert run(panel) != job.process_id


def test_a_failure_keeps_the_engine_and_its_message_is_shown(panel, replay):
    replay.use("--fail", "weights")
    for _ in range(2):
        panel.apply()
        job = panel.job
        wait_for_end(panel)
        assert host.dialogs[-1].text == "An error of the kind weights."
        assert may_be_alive(job.process_id)


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
        said.append((panel.state, len(list(folders()))))
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


@pytest.mark.parametrize("error", [KeyError("role"), MemoryError()])
def test_a_fault_while_results_are_taken_in_leaves_a_panel_that_works(panel, monkeypatch, error):
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("HypothalamusSegSlicer.engine_run.job.take_results", fail)
        panel.apply()
        wait_for_end(panel)
    assert panel.state is State.READY
    assert type(error).__name__ in host.dialogs[-1].text
    assert list(folders()) == []
    run(panel)


def test_a_fault_while_the_volume_is_written_leaves_no_folder(panel, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("no more")

    monkeypatch.setattr("HypothalamusSegSlicer.engine_run.job.write_scan", fail)
    with pytest.raises(OSError, match="no more"):
        panel.apply()
    assert list(folders()) == []
    assert panel.state is State.READY


def test_an_engine_process_is_freed_without_the_collector(replay):
    """PythonQt's objects take no part in collection: what they close a circle with stays."""
    gc.collect()
    gc.disable()
    try:
        process = EngineProcess()
        freed = weakref.ref(process)
        del process
        assert freed() is None
    finally:
        gc.enable()


def test_the_volume_is_freed_when_the_scene_closes_after_a_run(panel):
    run(panel)
    gone = []
    volume = panel.parameters.inputVolume
    volume.AddObserver(vtk.vtkCommand.DeleteEvent, lambda *_: gone.append(True))
    del volume
    gc.collect()
    gc.disable()
    try:
        host.clear_scene()
        assert gone
    finally:
        gc.enable()
