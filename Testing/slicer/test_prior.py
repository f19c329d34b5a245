"""A prior scan of the same patient: chosen, compared, laid on the current scan, taken back."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.panel.prior_section import PriorSection
from HypothalamusSegSlicer.scene.prior import other_scans, place, take_back
from HypothalamusSegSlicer.scene.side_by_side import CURRENT_VIEWS, PRIOR_VIEWS

from Testing.support.command_runs import REPOSITORY
from Testing.support.drawn_head import draw_head
from Testing.support.prior_visits import TO_PRIOR, answer, load_dicom, section_for
from Testing.support.slicer_host.views import application_logic
from Testing.support.slicer_results import load_volume


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    return [draw_head(folder, f"head{seed}", seed) for seed in (1, 2, 3)]


@pytest.fixture
def engine(monkeypatch, tmp_path):
    """Lets the logic start an engine with a given answer; gives what it was asked."""

    def use(result: dict | None):
        file = tmp_path / "answer.json"
        file.write_text(json.dumps(result), encoding="utf-8")
        command = ["-m", "Testing.support.follow_engine", str(file)]
        monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
        monkeypatch.setattr(
            "HypothalamusSegSlicer.engine_run.loaded_engine.worker_arguments", lambda: command
        )
        return lambda: json.loads(file.with_suffix(".asked").read_text(encoding="utf-8"))

    return use


@pytest.fixture
def prior_views(scene):
    """Logics of the prior's views, which the application makes for a layout's new views."""
    logics = []
    for name in PRIOR_VIEWS:
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(application_logic())
        logic.SetMRMLScene(scene)
        logic.AddSliceNode(name)
        logics.append(logic)
    return logics


def compare(section: PriorSection) -> None:
    section._clicked()
    if section.job is not None:
        section.job.wait()


def matrix_of(volume) -> np.ndarray:
    transform = volume.GetParentTransformNode()
    matrix = slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes
    found = slicer.util.vtkMatrixFromArray(np.eye(4))
    matrix(transform, None, found)
    return slicer.util.arrayFromVTKMatrix(found)


def test_the_latest_earlier_scan_of_the_patient_is_proposed_and_no_other_patient(scene, heads):
    current = load_dicom(heads[0], "Smith^John", 1, "20260102")
    oldest = load_dicom(heads[1], "Smith^John", 1, "20200102")
    later = load_dicom(heads[1], "Smith^John", 1, "20270102")
    recent = load_dicom(heads[1], "Smith^John", 1, "20240102")
    load_dicom(heads[2], "Smith^John", 2, "20240102")
    unknown = load_volume(heads[2].scan)
    found = [node.GetID() for node in other_scans(current)]
    assert found == [node.GetID() for node in (recent, oldest, later, unknown)]


def test_a_prior_is_laid_on_the_current_scan_and_taken_back(scene, heads):
    current, prior = load_volume(heads[0].scan), load_volume(heads[1].scan)
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "own")
    above = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "above")
    shift = np.eye(4)
    shift[2, 3] = 7.0
    above.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(shift))
    prior.SetAndObserveTransformNodeID(own.GetID())
    current.SetAndObserveTransformNodeID(above.GetID())
    count = scene.GetNumberOfNodesByClass("vtkMRMLLinearTransformNode")
    move = np.eye(4)
    move[0, 3] = 5.0
    place(prior, current, move)
    assert np.allclose(matrix_of(prior), shift @ move)
    place(prior, current, np.eye(4))  # again: no second transform
    assert np.allclose(matrix_of(prior), shift)
    take_back(prior)
    assert prior.GetTransformNodeID() == own.GetID()
    assert scene.GetNumberOfNodesByClass("vtkMRMLLinearTransformNode") == count


def test_a_comparison_shows_the_change_and_both_scans_side_by_side(
    scene, heads, engine, prior_views, tmp_path
):
    asked = engine(answer())
    current = load_dicom(heads[0], "Smith^John", 1, "20260102")
    prior = load_dicom(heads[1], "Smith^John", 1, "20240102")
    section, _root = section_for(current)
    assert section.button.enabled
    compare(section)
    request = asked()
    assert request["names"] == ["prior", "current"]
    assert request["fields"]["dates"] == ["2024-01-02", "2026-01-02"]
    assert request["fields"]["page"] is False
    assert "real" in section.answer.text
    assert "-3.00" in section.answer.text
    assert "ICV differs" in section.answer.text
    assert np.allclose(matrix_of(prior), np.linalg.inv(TO_PRIOR))
    assert section.views.is_on
    for names, volume in ((PRIOR_VIEWS, prior), (CURRENT_VIEWS, current)):
        for name in names:
            composite = scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")
            assert composite.GetBackgroundVolumeID() == volume.GetID()
            assert composite.GetLinkedControl()
    assert not list(tmp_path.glob("hypothalamus-seg-*"))
    section.show(None)
    assert prior.GetTransformNodeID() is None
    assert not section.views.is_on
    section.close()


def test_a_comparison_that_fails_says_why_and_moves_nothing(scene, heads, engine):
    engine(None)
    current = load_dicom(heads[0], "Smith^John", 1, "20260102")
    prior = load_dicom(heads[1], "Smith^John", 1, "20240102")
    section, _root = section_for(current)
    compare(section)
    assert section.answer.text == "Fewer than two scans can be compared."
    assert prior.GetTransformNodeID() is None
    assert section.button.text == "Compare"
    section.close()


def test_an_answer_that_cannot_be_understood_leaves_a_section_that_works(scene, heads, engine):
    strange = answer()
    del strange["visits"][0]["ras_from_midspace"]
    engine(strange)
    current = load_dicom(heads[0], "Smith^John", 1, "20260102")
    load_dicom(heads[1], "Smith^John", 1, "20240102")
    section, _root = section_for(current)
    compare(section)
    assert (section.job, section.button.text) == (None, "Compare")
    assert "could not be loaded" in section.answer.text
    section.close()


def test_a_date_that_is_none_is_not_sent(scene, heads, engine):
    asked = engine(answer())
    current = load_dicom(heads[0], "Smith^John", 1, "20260102")
    load_dicom(heads[1], "Smith^John", 1, "20249999")
    section, _root = section_for(current)
    compare(section)
    assert asked()["fields"]["dates"] == [None, None]
    section.close()


def test_without_another_scan_there_is_nothing_to_compare(scene, heads):
    section, _root = section_for(load_volume(heads[0].scan))
    assert not section.button.enabled
    section.close()
