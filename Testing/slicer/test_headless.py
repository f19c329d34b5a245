"""The logic without a panel, as scripts and notebooks use it; what the module tells Slicer."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegLib.machine.processes import may_be_alive
from HypothalamusSegLib.options import Options
from HypothalamusSegSlicer import registration
from HypothalamusSegSlicer.logic import HypothalamusSegLogic, SegmentationFailedError

from Testing.support.engine_choice import RECORDED
from Testing.support.slicer_results import load_volume, record

RESOURCES = REPOSITORY / "HypothalamusSeg" / "Resources"
ICV_ALONE = Options(structures=("icv",), threads=1, folds=(0,))


@pytest.fixture
def volume(sample_path, replay):
    host.clear_scene()
    yield load_volume(sample_path)
    host.clear_scene()
    problems = list(host.problems)
    host.problems.clear()
    assert problems == []


def test_a_script_gets_nodes_table_and_rows(volume):
    steps = []
    result = HypothalamusSegLogic().process(
        volume, RECORDED, on_progress=lambda fraction, step: steps.append(fraction)
    )
    assert result.hypothalamus.GetSegmentation().GetNumberOfSegments() == 2
    assert result.icv.GetSegmentation().GetNumberOfSegments() == 1
    assert result.subunits is None
    assert result.table.GetNumberOfRows() == len(result.rows) == 5
    assert result.outcome.result["provenance"]["threads"] == 1
    assert steps == sorted(steps)


def test_one_structure_alone_is_possible(volume, sample_path, recordings):
    record(sample_path, recordings, ICV_ALONE)
    result = HypothalamusSegLogic().process(volume, ICV_ALONE)
    assert result.hypothalamus is None
    assert [row.structure for row in result.rows] == ["icv"]


def test_one_logic_segments_many_volumes_with_one_engine(volume, sample_path):
    logic, other = HypothalamusSegLogic(), load_volume(sample_path)
    engines, results = set(), []
    for each in (volume, other):
        job = logic.process(each, RECORDED, waitForCompletion=False)
        results.append(job.wait())
        engines.add(job.process_id)
    assert len(engines) == 1
    assert [result.nodes.volume.GetID() for result in results] == [volume.GetID(), other.GetID()]
    logic.close()
    assert not may_be_alive(*engines)


def test_a_script_that_drops_its_logic_leaves_no_engine(volume):
    job = HypothalamusSegLogic().process(volume, RECORDED, waitForCompletion=False)
    job.wait()
    process_id = job.process_id
    assert may_be_alive(process_id)
    del job
    assert not may_be_alive(process_id)


def test_a_listener_that_fails_does_not_lose_the_result(volume, caplog):
    def fail(*_: object) -> None:
        raise ValueError("a mistake in a script")

    result = HypothalamusSegLogic().process(volume, RECORDED, on_progress=fail, on_log=print)
    assert result.nodes is not None
    assert "a mistake in a script" in caplog.text


def test_a_failure_is_an_exception_with_the_reason(volume, replay):
    replay.use("--read")
    slicer.util.arrayFromVolume(volume)[:] = 0
    slicer.util.arrayFromVolumeModified(volume)
    with pytest.raises(SegmentationFailedError, match="same value"):
        HypothalamusSegLogic().process(volume, RECORDED)
    assert not slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")


def test_the_terminology_is_registered_and_a_wrong_one_only_warned_of(volume, tmp_path, caplog):
    path = RESOURCES / "Terminologies" / "HypothalamusSeg.term.json"
    assert registration.register_terminology(str(path))
    wrong = tmp_path / "wrong.term.json"
    wrong.write_text("{}", encoding="utf-8")
    assert not registration.register_terminology(str(wrong))
    assert "could not be loaded" in caplog.text


def test_sample_data_has_a_checksum_and_a_picture(volume):
    host.load_module(str(REPOSITORY / "HypothalamusSeg" / "HypothalamusSeg.py"))
    samples = [s for s in host.sample_data_sources if s["sampleName"] == "HypothalamusSegMRHead"]
    assert samples
    assert samples[-1]["checksums"].startswith("SHA256:")
    assert samples[-1]["thumbnailFileName"].endswith("HypothalamusSeg.png")
