"""The networks' output beside the edited segments, and what DICOM SEG export reads of them."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
import vtk
from HypothalamusSegSlicer.engine_run import handover
from HypothalamusSegSlicer.scene.dicom_tags import ALGORITHM_NAME, ALGORITHM_TYPE
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.volumes.edits import EditWatch

from Testing.support.drawn_head import draw_head
from Testing.support.slicer_results import HandEditor, load_volume, rows_of, take

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    return [draw_head(folder, "head1", 1), draw_head(folder, "head2", 2)]


@pytest.fixture
def nodes(scene, heads):
    return take(heads[0], load_volume(heads[0].scan))


def lose_node(nodes: ResultNodes) -> None:
    slicer.mrmlScene.RemoveNode(nodes.network_output("hypothalamus"))


def lose_file(nodes: ResultNodes) -> None:
    """What a missing file leaves: the node without its segments."""
    nodes.network_output("hypothalamus").GetSegmentation().RemoveAllSegments()


def read_another_scans(nodes: ResultNodes) -> None:
    """A file of the same name, with segments of the same names."""
    HandEditor(nodes.network_output("hypothalamus"), nodes.volume, LEFT).erase_half()
    HandEditor(nodes.network_output("hypothalamus"), nodes.volume, RIGHT).erase_half()


LOSSES = [lose_node, lose_file, read_another_scans]


@pytest.mark.parametrize("lose", LOSSES)
def test_without_its_baseline_a_segment_is_neither_deleted_nor_edited(nodes, lose):
    before = rows_of(nodes)
    lose(nodes)
    watch = EditWatch(lambda rows: None)
    watch.watch(nodes)
    after = rows_of(nodes)
    for side in (LEFT, RIGHT):
        assert (after[side].value, after[side].status) == (before[side].value, "as segmented")
        assert math.isnan(after[side].dice)
    assert watch.without_baseline == [LEFT, RIGHT]
    assert not watch.has_edits
    watch.stop()


@pytest.mark.parametrize("lose", LOSSES)
def test_without_its_baseline_an_edit_still_counts(nodes, lose):
    HandEditor(nodes.segmentation("hypothalamus"), nodes.volume, LEFT).erase_half()
    wanted = rows_of(nodes)[LEFT]
    lose(nodes)
    found = rows_of(nodes)[LEFT]
    assert (found.value, found.status) == (wanted.value, "edited")


def test_hidden_nodes_of_two_scans_have_different_names(nodes, heads):
    """They are saved beside a scene under these names, without the scene's."""
    names = [nodes.network_output("icv").GetName()]
    host.clear_scene()
    volume = load_volume(heads[1].scan)
    volume.SetName("head1")  # as DICOM names a series, in another scene of the same folder
    names.append(take(heads[1], volume).network_output("icv").GetName())
    assert all(name.startswith("head1 ICV") for name in names)
    assert names[0] != names[1]


def test_hidden_nodes_are_hidden_before_the_scene_has_them(nodes, heads):
    seen = []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def added(caller, event, node) -> None:
        seen.append((node.GetName() or "", node.GetHideFromEditors()))

    tag = slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, added)
    take(heads[1], load_volume(heads[1].scan))
    slicer.mrmlScene.RemoveObserver(tag)
    hidden = [flag for name, flag in seen if "network output" in name or name.endswith("result")]
    assert hidden == [1, 1, 1]


def tag(nodes: ResultNodes, identifier: str, name: str) -> str:
    found = vtk.mutable("")
    segment = nodes.segmentation("hypothalamus").GetSegmentation().GetSegment(identifier)
    assert segment.GetTag(name, found)
    return str(found)


def looks_filled_to_the_export(nodes: ResultNodes, role: str, identifier: str) -> bool:
    """As Slicer's DICOMSegmentationPlugin asks it."""
    segment = nodes.segmentation(role).GetSegmentation().GetSegment(identifier)
    image = segment.GetRepresentation("Binary labelmap")
    scalars = image.GetPointData().GetArray("ImageScalars")
    return scalars is not None and scalars.GetValueRange() != (0, 0)


def test_dicom_seg_export_finds_the_segments_and_how_they_were_made(nodes):
    watch = EditWatch(lambda rows: None)
    watch.watch(nodes)
    for role, identifier in (("hypothalamus", LEFT), ("hypothalamus", RIGHT), ("icv", "icv")):
        assert looks_filled_to_the_export(nodes, role, identifier)
    assert tag(nodes, LEFT, ALGORITHM_NAME) == "HypothalamusSeg 0.0.0"
    editor = HandEditor(nodes.segmentation("hypothalamus"), nodes.volume, LEFT)
    editor.erase_half()
    host.pump_until(lambda: watch.has_edits, seconds=5)
    types = {side: tag(nodes, side, ALGORITHM_TYPE) for side in (LEFT, RIGHT)}
    assert types == {LEFT: "SEMIAUTOMATIC", RIGHT: "AUTOMATIC"}
    assert looks_filled_to_the_export(nodes, "hypothalamus", LEFT)
    editor.undo()
    assert host.pump_until(lambda: not watch.has_edits, seconds=5)
    assert tag(nodes, LEFT, ALGORITHM_TYPE) == "AUTOMATIC"
    watch.stop()


def test_a_reopened_scene_is_still_ready_for_dicom_seg(nodes, tmp_path):
    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    host.clear_scene()
    assert slicer.mrmlScene.ReadFromMRB(str(path), True)
    opened = ResultNodes(slicer.mrmlScene.GetFirstNodeByName("head1"))
    watch = EditWatch(lambda rows: None)
    watch.watch(opened)
    assert watch.without_baseline == []
    assert looks_filled_to_the_export(opened, "hypothalamus", LEFT)
    assert tag(opened, LEFT, ALGORITHM_TYPE) == "AUTOMATIC"
    watch.stop()


def test_a_label_map_is_freed_when_it_was_taken_over(nodes, heads):
    image = handover.read_labels(heads[0].folder / "scan_icv_mask.nii.gz")
    assert image.GetReferenceCount() == 1
