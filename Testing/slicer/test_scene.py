"""Results in a real MRML scene: hand-over, transforms, table, and results beside each other."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.scene import structures
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.volumes.segment_voxels import read_segment

from Testing.support.slicer_results import (
    EngineFiles,
    centre_in_world,
    engine_entries,
    load_volume,
    rotation,
    rows_of,
    run_engine,
    take,
    translation,
)

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


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
