"""A result as files: a saved scene, exported labels and numbers, a training case."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.export import result_files, training_case
from HypothalamusSegSlicer.scene import result_nodes
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.scene.review import Review
from HypothalamusSegSlicer.volumes.segment_voxels import read_segment

from Testing.support.slicer_results import HandEditor, are_same, engine_entries, rows_of
from Training.dataset import find_scans

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


def test_a_saved_scene_opens_with_table_flags_review_and_edits(volume, nodes, tmp_path):
    HandEditor(nodes.segmentation("hypothalamus"), volume, LEFT).erase_half()
    nodes.record.set_review(Review().changed("corrected", "anterior part was optic tract", "AB"))
    rows, review = rows_of(nodes), nodes.record.review
    flags = nodes.record.engine["quality"]["flags"]
    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    host.clear_scene()
    assert slicer.mrmlScene.ReadFromMRB(str(path), True)
    opened = ResultNodes(slicer.mrmlScene.GetFirstNodeByName("brain"))
    assert are_same(rows_of(opened), rows)
    assert opened.record.review == review
    assert opened.record.engine["quality"]["flags"] == flags
    assert opened.network_output("hypothalamus").GetHideFromEditors()


def test_no_node_points_to_a_temporary_file(volume, nodes):
    rows_of(nodes)
    for _, node in nodes.segmentations():
        storage = node.GetStorageNode()
        assert storage is None or not storage.GetFileName()


def test_exported_labels_are_the_engines_voxel_for_voxel(files, nodes, tmp_path):
    written = result_files.export_result(nodes, list(rows_of(nodes).values()), tmp_path)
    assert {path.suffix for path in written} == {".gz", ".nrrd", ".csv", ".json", ".png"}
    for suffix in ("hypothalamus_dseg", "subunits_dseg", "icv_mask"):
        mine = sitk.ReadImage(str(tmp_path / f"brain_{suffix}.nii.gz"))
        theirs = sitk.ReadImage(str(files.folder / f"scan_{suffix}.nii.gz"))
        assert mine.GetSize() == theirs.GetSize()
        assert np.allclose(mine.GetOrigin(), theirs.GetOrigin(), atol=1e-4)
        ours, wanted = map(sitk.GetArrayFromImage, (mine, theirs))
        assert ours.dtype == wanted.dtype
        assert (ours == wanted).all()
    described = json.loads((tmp_path / "brain_volumes.json").read_text(encoding="utf-8"))
    assert described["present"][0]["value"] == engine_entries(files)[LEFT]["volume_mm3"]
    assert described["review"]["status"] == "unreviewed"


def test_a_hypothalamus_emptied_by_hand_is_exported_empty(files, nodes, tmp_path):
    node = nodes.segmentation("hypothalamus")
    for identifier in (LEFT, RIGHT):
        slicer.vtkSlicerSegmentationsModuleLogic.ClearSegment(node, identifier)
    rows = rows_of(nodes)
    assert (rows[LEFT].value, rows[LEFT].status) == (0.0, "edited")
    result_files.export_result(nodes, list(rows.values()), tmp_path)
    mine = sitk.ReadImage(str(tmp_path / "brain_hypothalamus_dseg.nii.gz"))
    theirs = sitk.ReadImage(str(files.folder / "scan_hypothalamus_dseg.nii.gz"))
    assert mine.GetSize() == theirs.GetSize()
    assert not sitk.GetArrayFromImage(mine).any()


def test_a_segmentation_file_can_be_opened_again(nodes, tmp_path):
    path = tmp_path / "brain.seg.nrrd"
    result_files.write_segmentation(nodes.segmentation("hypothalamus"), path)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    wanted = read_segment(nodes.segmentation("hypothalamus"), LEFT)
    found = read_segment(node, LEFT)
    assert found.volume_mm3 == pytest.approx(wanted.volume_mm3, rel=1e-6)
    assert "67923007" in node.GetSegmentation().GetSegment(LEFT).GetTerminology()


def test_a_failed_export_leaves_what_was_there(nodes, tmp_path):
    obstacle = tmp_path / "file"
    obstacle.write_text("in the way", encoding="utf-8")
    with pytest.raises(result_files.ExportError, match="Choose another folder"):
        result_files.export_result(nodes, list(rows_of(nodes).values()), obstacle)
    assert obstacle.read_text(encoding="utf-8") == "in the way"


def test_a_training_case_is_found_by_the_training_pipeline(volume, nodes, tmp_path):
    HandEditor(nodes.segmentation("hypothalamus"), volume, LEFT).erase_half()
    nodes.record.set_review(Review().changed("corrected", "", "Dr. No"))
    training_case.save_training_case(nodes, tmp_path)
    (scan,) = find_scans(tmp_path)
    assert scan.subject == "sub-brain"
    assert scan.hard_subunits.exists()
    assert scan.icv_mask.exists()
    (review,) = tmp_path.rglob("*_review.json")
    assert "DrNo" in str(review)
    changes = json.loads(Path(review).read_text(encoding="utf-8"))
    assert changes["edited"] == [LEFT]


def test_the_record_needs_no_file_of_its_own(nodes):
    record = slicer.mrmlScene.GetFirstNodeByName("brain hypothalamus result")
    assert record.GetAttribute(result_nodes.ROLE_ATTRIBUTE) == "record"
    assert record.GetStorageNode() is None
