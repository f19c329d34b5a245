"""From Apply to the engine and back, with real processes.

The engine replays recorded results, except where it says otherwise.
"""

from __future__ import annotations

import gc
import weakref

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import vtk
from HypothalamusSegLib.machine.processes import end_process, may_be_alive
from HypothalamusSegSlicer.engine_run import process as engine_process
from HypothalamusSegSlicer.engine_run.job import SegmentationJob
from HypothalamusSegSlicer.engine_run.loaded_engine import LoadedEngine
from HypothalamusSegSlicer.engine_run.process import EngineProcess
from HypothalamusSegSlicer.panel.states import State

from Testing.support.engine_choice import RECORDED
from Testing.support.panel_use import choose_input, engine_folders, run, wait_for_end


@pytest.fixture
def panel(panel, replay, sample_path):
    """A panel with a volume."""
    choose_input(panel, sample_path)
    return panel


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
    assert engine_folders() == set()
    run(panel)


def test_a_fault_while_the_volume_is_written_leaves_no_folder(panel, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("no more")

    monkeypatch.setattr("HypothalamusSegSlicer.engine_run.job.write_scan", fail)
    with pytest.raises(OSError, match="no more"):
        panel.apply()
    assert engine_folders() == set()
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
