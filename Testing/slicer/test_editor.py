"""The editor in the panel: the chosen segment, its neighbors, its brush, its strokes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.volumes.segment_voxels import dice, read_segment

from Testing.support.drawn_head import draw_head
from Testing.support.panel_use import erase_half, show_result

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return draw_head(tmp_path_factory.mktemp("heads"), subunits=True)


@pytest.fixture
def nodes(panel, files) -> ResultNodes:
    return show_result(panel, files)


def choose(panel, identifier: str) -> None:
    panel.ui.segmentComboBox.currentIndex = panel.ui.segmentComboBox.findData(identifier)


def test_the_editor_stands_on_the_chosen_segment(panel, nodes):
    """It selects the first segment by itself: left, where right was chosen."""
    editor = panel.ui.segmentEditor
    choose(panel, RIGHT)
    panel.ui.editCollapsible.collapsed = False
    node = editor.mrmlSegmentEditorNode()
    assert editor.currentSegmentID() == RIGHT
    assert node.GetSegmentationNode() is nodes.segmentation("hypothalamus")
    assert node.GetSourceVolumeNode() is nodes.volume
    for identifier, role in (("icv", "icv"), ("right_posterior", "subunits"), (LEFT, None)):
        choose(panel, identifier)
        assert editor.currentSegmentID() == identifier
        wanted = nodes.segmentation(role or "hypothalamus")
        assert node.GetSegmentationNode() is wanted


def test_the_panel_follows_what_is_chosen_in_the_editor(panel, nodes):
    panel.ui.editCollapsible.collapsed = False
    panel.ui.segmentEditor.setCurrentSegmentID(RIGHT)
    assert panel.ui.segmentComboBox.currentData == RIGHT


def paint_all(panel, remove: bool = False) -> None:
    """A stroke over everything, through the masks that the editor's node asks for."""
    logic = panel.ui.segmentEditor._logic
    node = logic.GetSegmentEditorNode()
    logic.UpdateReferenceGeometryImage()
    logic.UpdateSelectedSegmentLabelmap()
    logic.ResetModifierLabelmapToDefault()
    logic.UpdateAlignedSourceVolume()
    modifier = logic.GetModifierLabelmap()
    slicer.vtkOrientedImageDataResample.FillImage(modifier, 1)
    mode = logic.ModificationModeRemove if remove else logic.ModificationModeAdd
    segmentation, identifier = node.GetSegmentationNode(), node.GetSelectedSegmentID()
    logic.ModifySegmentByLabelmap(segmentation, identifier, modifier, mode, False, False)


@pytest.mark.parametrize("chosen", [LEFT, RIGHT])
def test_left_and_right_are_protected_from_each_other(panel, nodes, chosen):
    node, other = nodes.segmentation("hypothalamus"), LEFT if chosen == RIGHT else RIGHT
    before = read_segment(node, other).volume_mm3
    choose(panel, chosen)
    panel.ui.editCollapsible.collapsed = False
    grown_from = read_segment(node, chosen).volume_mm3
    paint_all(panel)
    assert read_segment(node, other).volume_mm3 == before
    assert read_segment(node, chosen).volume_mm3 > grown_from
    assert dice(read_segment(node, chosen), read_segment(node, other)) == 0  # no voxel in both
    paint_all(panel, remove=True)
    assert read_segment(node, chosen).volume_mm3 == 0  # what the networks found can be erased
    assert read_segment(node, other).volume_mm3 == before


def test_paint_stays_within_the_structures_intensities(panel, nodes, files):
    values = slicer.util.arrayFromVolume(nodes.volume)
    values[: values.shape[0] // 2] = 5  # fluid below the middle
    slicer.util.arrayFromVolumeModified(nodes.volume)
    choose(panel, LEFT)
    panel.ui.editCollapsible.collapsed = False
    node = panel.ui.segmentEditor.mrmlSegmentEditorNode()
    assert node.GetSourceVolumeIntensityMask()
    low, high = node.GetSourceVolumeIntensityMaskRange()
    assert low < 200 < high
    choose(panel, "icv")
    assert not node.GetSourceVolumeIntensityMask()


def test_the_brush_is_a_sphere_of_one_millimetre(panel, nodes):
    node = panel.ui.segmentEditor.mrmlSegmentEditorNode()
    names = ("BrushAbsoluteDiameter", "BrushDiameterIsRelative", "BrushSphere")
    assert [node.GetAttribute(name) for name in names] == ["1", "0", "1"]


def test_reverting_asks_and_is_one_undo_step(panel, nodes):
    node = nodes.segmentation("hypothalamus")
    erase_half(panel, nodes, RIGHT)
    edited = read_segment(node, RIGHT).volume_mm3
    choose(panel, RIGHT)
    host.answers.append(False)
    panel.ui.revertButton.click()
    assert "right hypothalamus" in host.dialogs[-1].text
    assert read_segment(node, RIGHT).volume_mm3 == edited
    panel.ui.revertButton.click()
    assert host.pump_until(lambda: not panel.watch.has_edits, seconds=5)
    assert not panel.ui.editCollapsible.collapsed
    panel.ui.segmentEditor.undo()
    assert read_segment(node, RIGHT).volume_mm3 == edited
    panel.ui.segmentEditor.redo()
    assert np.isclose(read_segment(node, RIGHT).volume_mm3, read_segment(node, LEFT).volume_mm3)


def test_no_stroke_reaches_the_views_when_the_module_is_left(panel, nodes):
    editor = panel.ui.segmentEditor
    panel.ui.editCollapsible.collapsed = False
    assert (editor.observes_views, editor.has_shortcuts) == (True, True)
    panel.leave()
    assert (editor.observes_views, editor.has_shortcuts) == (False, False)
    panel.enter()
    assert editor.observes_views
    panel.ui.editCollapsible.collapsed = True
    assert (editor.observes_views, editor.has_shortcuts) == (False, False)
