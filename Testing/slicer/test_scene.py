"""Results in a real MRML scene: hand-over, transforms, edits, table, saving."""

from __future__ import annotations

import json
import math
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
from HypothalamusSegSlicer.scene import result_nodes, structures
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.scene.review import Review
from HypothalamusSegSlicer.volumes import edits
from HypothalamusSegSlicer.volumes.segment_voxels import copy_segment, read_segment

from Testing.support.slicer_results import (
    EngineFiles,
    HandEditor,
    centre_in_world,
    load_volume,
    rotation,
    run_engine,
    take,
    translation,
)
from Training.dataset import find_scans

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


@pytest.fixture
def volume(files):
    host.clear_scene()
    yield load_volume(files.scan)
    host.clear_scene()
    assert not host.problems


@pytest.fixture
def nodes(files, volume) -> ResultNodes:
    return take(files, volume)


def rows_of(nodes: ResultNodes) -> dict:
    rows = edits.update_table(nodes, edits.measure_edits(nodes))
    return {row.structure: row for row in rows}


def engine_entries(files: EngineFiles) -> dict[str, dict]:
    found = files.description
    entries = {f"hypothalamus_{part}": entry for part, entry in found["hypothalamus"].items()}
    entries |= {entry["structure"]: entry for entry in found["subunits"].values()}
    return {**entries, "icv": found["icv"]}


def test_every_segment_has_its_identifier_name_code_and_the_masks_volume(files, nodes):
    entries = engine_entries(files)
    for plan in structures.NODE_PLANS:
        node = nodes.segmentation(plan.role)
        assert node.GetName() == f"brain {plan.name_suffix}"
        for segment in plan.segments:
            there = node.GetSegmentation().GetSegment(segment.identifier)
            assert there.GetName() == segment.name
            assert segment.terminology.split("~")[2] in there.GetTerminology()
            voxels = read_segment(node, segment.identifier)
            wanted = entries[segment.identifier]["mask_volume_mm3"]
            assert voxels.volume_mm3 == pytest.approx(wanted, abs=0.01)


def test_left_is_left_and_in_the_place_of_the_label_map(files, nodes):
    image = sitk.ReadImage(str(files.folder / "scan_hypothalamus_dseg.nii.gz"))
    for label, identifier in ((1, LEFT), (2, RIGHT)):
        k, j, i = (axis.mean() for axis in np.nonzero(sitk.GetArrayFromImage(image) == label))
        lps = image.TransformContinuousIndexToPhysicalPoint((i, j, k))
        ras = np.array([-lps[0], -lps[1], lps[2]])
        found = centre_in_world(nodes.segmentation("hypothalamus"), identifier)
        assert np.abs(found - ras).max() < 0.01
    assert centre_in_world(nodes.segmentation("hypothalamus"), LEFT)[0] < 0


def test_unedited_rows_are_the_engines_numbers_to_the_last_digit(files, nodes):
    rows = rows_of(nodes)
    for structure, entry in engine_entries(files).items():
        row = rows[structure]
        if structure == "icv":
            assert row.value * 1000 == pytest.approx(entry["volume_mm3"], abs=1e-9)
            continue
        assert row.value == entry["volume_mm3"]
        assert row.adjusted_mm3 == entry["icv_adjusted_mm3"]
        assert row.percent_of_icv == round(100 * entry["fraction_of_icv"], 7)
        assert (row.difference, row.dice, row.status) == (0.0, 1.0, "as segmented")
    wanted = round(100 * files.description["asymmetry_index"], 7)
    assert rows["asymmetry_index"].value == wanted


def test_the_table_has_titles_and_a_dash_for_what_is_missing(nodes):
    rows_of(nodes)
    table = nodes.table
    assert table.GetNumberOfRows() == 15
    assert table.GetColumnTitle("shown_value") == "Volume (90 % range)"
    spread = table.GetTable().GetColumnByName("fold_sd")
    assert spread.GetValue(0) == "–"  # one network has no spread
    share = table.GetTable().GetColumnByName("percent_of_icv")
    assert share.GetValue(0).endswith(f"{rows_of(nodes)[LEFT].percent_of_icv:.4f}")


def test_the_table_marks_numbers_that_a_severe_flag_covers(nodes):
    structures = list(rows_of(nodes))
    codes = {flag["code"] for flag in nodes.record.engine["quality"]["flags"]}
    assert "skull_stripped" in codes
    cells = {
        name: nodes.table.GetTable().GetColumnByName(name)
        for name in ("shown_value", "percent_of_icv", "adjusted_mm3", "dice")
    }
    marked = {
        name: [s for n, s in enumerate(structures) if column.GetValue(n).startswith("■ ")]
        for name, column in cells.items()
    }
    assert marked["shown_value"] == ["icv"]
    assert set(marked["percent_of_icv"]) == set(marked["adjusted_mm3"]) | {"icv"}
    assert {"hypothalamus_left", "hypothalamus_total"} <= set(marked["percent_of_icv"])
    assert not marked["dice"]


@pytest.mark.parametrize("make", [lambda: translation(50, -20, 10), lambda: rotation(30)])
def test_a_moved_volume_gets_its_result_where_it_is_shown(files, volume, nodes, make):
    before = centre_in_world(nodes.segmentation("hypothalamus"), LEFT)
    transform = make()
    volume.SetAndObserveTransformNodeID(transform.GetID())
    again = take(files, volume)
    node = again.segmentation("hypothalamus")
    assert node.GetTransformNodeID() == transform.GetID()
    matrix = slicer.util.arrayFromTransformMatrix(transform)
    assert np.abs(centre_in_world(node, LEFT) - (matrix @ [*before, 1])[:3]).max() < 0.3
    # The volume of the structure does not depend on where it lies.
    assert rows_of(again)[LEFT].value == engine_entries(files)[LEFT]["volume_mm3"]


def test_a_hardened_volume_is_segmented_where_it_now_is(files, volume, tmp_path):
    still = take(files, volume)
    before = centre_in_world(still.segmentation("hypothalamus"), LEFT)
    volume.SetAndObserveTransformNodeID(translation(50, 0, 0).GetID())
    volume.HardenTransform()
    moved = tmp_path / "moved.nrrd"
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(moved))
    assert storage.WriteData(volume)
    folder = tmp_path / "engine"
    folder.mkdir()
    found = run_engine(moved, folder)
    nodes = take(found, volume)
    after = centre_in_world(nodes.segmentation("hypothalamus"), LEFT)
    assert np.abs(after - before - [50, 0, 0]).max() < 0.6


def test_a_second_run_updates_its_own_nodes_and_no_others(files, volume, nodes):
    mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "brain hypothalamus")
    mine.GetSegmentation().AddEmptySegment(LEFT, "drawn by me")
    rows_of(nodes)
    count = slicer.mrmlScene.GetNumberOfNodes()
    identifiers = [node.GetID() for _, node in nodes.segmentations()]
    again = take(files, volume)
    rows_of(again)
    assert [node.GetID() for _, node in again.segmentations()] == identifiers
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    assert mine.GetSegmentation().GetSegment(LEFT).GetName() == "drawn by me"
    assert mine.GetSegmentation().GetNumberOfSegments() == 1


def test_two_volumes_have_results_of_their_own(files, volume, nodes):
    other = load_volume(files.scan)
    assert ResultNodes(other).record is None
    take(files, other)
    names = {node.GetName() for _, node in ResultNodes(other).segmentations()}
    assert names.isdisjoint(node.GetName() for _, node in nodes.segmentations())


def test_a_missing_file_loses_nothing(files, volume, nodes, tmp_path):
    empty = EngineFiles(files.scan, tmp_path, files.description)
    with pytest.raises(Exception, match="no segmentation"):
        take(empty, volume)
    assert rows_of(nodes)[LEFT].value == engine_entries(files)[LEFT]["volume_mm3"]


def test_the_result_lies_beside_its_volume_in_the_study(files, volume):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.CreateItem(study, volume)
    nodes = take(files, volume)
    for _, node in nodes.segmentations():
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == study


def test_an_edit_changes_the_volume_by_what_was_erased_and_undo_gives_it_back(volume, nodes):
    before = rows_of(nodes)
    node = nodes.segmentation("hypothalamus")
    mask_mm3 = read_segment(node, LEFT).volume_mm3
    editor = HandEditor(node, volume, LEFT)
    editor.erase_half()
    edited = rows_of(nodes)
    erased_mm3 = mask_mm3 - read_segment(node, LEFT).volume_mm3
    assert 0.2 * mask_mm3 < erased_mm3 < 0.8 * mask_mm3
    row = edited[LEFT]
    assert row.value == pytest.approx(before[LEFT].value - erased_mm3, abs=0.002)
    assert row.difference == pytest.approx(-erased_mm3, abs=0.002)
    assert (row.status, edited[RIGHT].status) == ("edited", "as segmented")
    kept = 1 - erased_mm3 / mask_mm3
    assert row.dice == pytest.approx(2 * kept / (1 + kept), abs=1e-3)
    assert edited["hypothalamus_total"].difference == pytest.approx(row.difference, abs=0.002)
    assert edited["asymmetry_index"].value < before["asymmetry_index"].value
    editor.undo()
    assert _same(rows_of(nodes), before)
    editor.redo()
    assert rows_of(nodes)[LEFT].value == row.value


def _same(first: dict, second: dict) -> bool:
    """NaN is not equal to itself, but here it is the same."""
    return str(first) == str(second)


def test_an_edited_icv_changes_every_share(volume, nodes):
    before = rows_of(nodes)
    HandEditor(nodes.segmentation("icv"), volume, "icv").erase_half()
    after = rows_of(nodes)
    assert after["icv"].value < 0.8 * before["icv"].value
    ratio = before["icv"].value / after["icv"].value
    assert after[LEFT].value == before[LEFT].value
    assert after[LEFT].percent_of_icv == pytest.approx(before[LEFT].percent_of_icv * ratio, 1e-4)
    assert after[LEFT].adjusted_mm3 == pytest.approx(before[LEFT].adjusted_mm3 * ratio, 1e-4)


def test_reverting_gives_the_networks_voxels_again(volume, nodes):
    before = rows_of(nodes)
    node = nodes.segmentation("hypothalamus")
    HandEditor(node, volume, LEFT).erase_half()
    copy_segment(nodes.network_output("hypothalamus"), node, LEFT)
    assert _same(rows_of(nodes), before)


def test_a_deleted_segment_is_said_and_can_be_reverted(nodes):
    before = rows_of(nodes)
    node = nodes.segmentation("hypothalamus")
    node.GetSegmentation().RemoveSegment(RIGHT)
    row = rows_of(nodes)[RIGHT]
    assert row.status == "deleted"
    assert math.isnan(row.value)
    copy_segment(nodes.network_output("hypothalamus"), node, RIGHT)
    assert _same(rows_of(nodes), before)


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
    assert _same(rows_of(opened), rows)
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
