"""What a reader looks at: doubt, disagreement, both sides alike, no outlines for a moment."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import SimpleITK as sitk
import slicer
from HypothalamusSegSlicer.scene.disagreement import most_doubtful_ras
from HypothalamusSegSlicer.scene.navigation import centre_ras
from HypothalamusSegSlicer.scene.reading_layout import LAYOUTS, MIRROR
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from PySide6 import QtCore, QtTest

from Testing.support.drawn_head import draw_head
from Testing.support.panel_use import show_result
from Testing.support.slicer_results import load_volume, translation

DOUBTFUL_J = 8


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A head in one coronal slice of which the networks disagree."""
    folder = tmp_path_factory.mktemp("heads")
    files = draw_head(folder)
    sides = sitk.ReadImage(str(files.folder / "scan_hypothalamus_dseg.nii.gz"))
    spread = sitk.GetArrayFromImage(sides).astype(np.uint16)
    spread[spread > 0] = 20
    spread[8:14, DOUBTFUL_J, 22:26] = 160
    image = sitk.GetImageFromArray(spread)
    image.CopyInformation(sides)
    sitk.WriteImage(image, str(files.folder / "scan_hypothalamus_spread.nii.gz"))
    return files


@pytest.fixture
def nodes(panel, files) -> ResultNodes:
    return show_result(panel, files)


def doubtful_y(nodes: ResultNodes) -> float:
    place = [0.0, 0.0, 0.0, 1.0]
    matrix = slicer.vtkMRMLSliceNode().GetSliceToRAS()
    nodes.spread.GetIJKToRASMatrix(matrix)
    place = matrix.MultiplyPoint((0, DOUBTFUL_J, 0, 1))
    return place[1]


def coronal() -> slicer.vtkMRMLSliceNode:
    return slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeGreen")


def foregrounds() -> set[str | None]:
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return {view.GetForegroundVolumeID() for view in views}


def test_the_views_go_to_the_most_doubtful_slice(panel, nodes):
    panel.ui.doubtfulButton.click()
    assert coronal().GetSliceToRAS().GetElement(1, 3) == pytest.approx(doubtful_y(nodes), abs=0.25)


def test_the_doubtful_place_follows_a_transform(panel, nodes):
    before = most_doubtful_ras(nodes)
    transform = translation(0, 20, 0)
    for node in (nodes.volume, nodes.spread):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert np.subtract(most_doubtful_ras(nodes), before) == pytest.approx([0, 20, 0], abs=0.3)


def test_disagreement_is_an_overlay_that_leaves_other_foregrounds_alone(panel, nodes, files):
    other = load_volume(files.scan)
    slicer.util.setSliceViewerLayers(foreground=other)
    panel.ui.disagreementButton.checked = True
    assert foregrounds() == {nodes.spread.GetID()}
    assert nodes.spread.GetDisplayNode().GetColorNode() is not None
    panel.ui.disagreementButton.checked = False
    assert foregrounds() == {None}
    slicer.util.setSliceViewerLayers(foreground=other)
    panel.ui.disagreementButton.checked = False
    assert foregrounds() == {other.GetID()}


def test_the_map_is_no_volume_to_segment(panel, nodes):
    panel.parameters.inputVolume = None
    slicer.mrmlScene.RemoveNode(nodes.volume)
    panel._choose_volume()
    assert panel.parameters.inputVolume is None


def test_a_second_run_with_one_network_removes_the_map(panel, nodes, files, tmp_path):
    shutil.copytree(files.folder, tmp_path / "one")
    (tmp_path / "one" / "scan_hypothalamus_spread.nii.gz").unlink()
    from HypothalamusSegSlicer.engine_run.handover import take_results

    take_results(nodes.volume, files.description, tmp_path / "one")
    panel.show_results_of(nodes.volume)
    assert nodes.spread is None
    assert not panel.ui.doubtfulButton.enabled


def visible(nodes: ResultNodes) -> list[bool]:
    return [bool(n.GetDisplayNode().GetVisibility2D()) for _plan, n in nodes.segmentations()]


def test_outlines_are_off_while_a_key_is_held(panel, nodes):
    """And on again as they were: what the user has hidden stays hidden."""
    nodes.segmentation("icv").GetDisplayNode().SetVisibility2D(False)
    panel.ui.disagreementButton.checked = True
    window = slicer.util.mainWindow()
    window.show()
    QtTest.QTest.qWaitForWindowExposed(window)
    window.activateWindow()
    window.setFocus()
    host.pump(20)
    QtTest.QTest.keyPress(window, QtCore.Qt.Key_H)
    assert visible(nodes) == [False, False]
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert {view.GetForegroundOpacity() for view in views} == {0.0}
    # A held key repeats: release and press follow each other, and nothing may flicker.
    display, seen = nodes.segmentation("hypothalamus").GetDisplayNode(), []
    tag = display.AddObserver("ModifiedEvent", lambda *_: seen.append(display.GetVisibility2D()))
    panel.hanging.key._timer.setInterval(60_000)  # however slow this machine is
    QtTest.QTest.keyRelease(window, QtCore.Qt.Key_H)
    host.pump(10)
    QtTest.QTest.keyPress(window, QtCore.Qt.Key_H)
    host.pump(10)
    assert seen == []
    assert not panel.hanging.key._timer.isActive()
    display.RemoveObserver(tag)
    panel.hanging.key._timer.setInterval(0)
    QtTest.QTest.keyRelease(window, QtCore.Qt.Key_H)
    assert host.pump_until(lambda: visible(nodes) == [True, False], seconds=5)
    assert {view.GetForegroundOpacity() for view in views} == {0.6}
    window.hide()


def test_outlines_are_off_while_the_button_is_held(panel, nodes):
    panel.ui.hideButton.setDown(True)
    panel.ui.hideButton.pressed.emit()
    assert visible(nodes) == [False, False]
    panel.ui.hideButton.released.emit()
    assert visible(nodes) == [True, True]


def test_the_second_view_shows_the_other_side_in_the_same_place(panel, nodes):
    panel.ui.mirrorButton.checked = True
    view = slicer.mrmlScene.GetSingletonNode(MIRROR, "vtkMRMLSliceNode")
    assert panel.review.layout.is_on
    own, other = coronal().GetSliceToRAS(), view.GetSliceToRAS()
    # Horizontal axes in opposite directions, vertical ones in the same.
    assert own.GetElement(0, 0) == -other.GetElement(0, 0) == -1
    assert own.GetElement(2, 1) == other.GetElement(2, 1) == 1
    middle = centre_ras(nodes.segmentation("hypothalamus"))
    assert [other.GetElement(axis, 3) for axis in range(3)] == pytest.approx(middle, abs=0.01)
    panel.ui.anteriorButton.click()
    moved = [node.GetSliceToRAS().GetElement(1, 3) for node in (coronal(), view)]
    assert moved == pytest.approx([middle[1] + 0.5] * 2, abs=0.01)


def test_the_users_layout_comes_back_after_the_mirrored_one(panel, nodes):
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    node.SetViewArrangement(node.SlicerLayoutFourUpView)
    panel.ui.layoutButton.checked = True
    panel.ui.mirrorButton.checked = True
    panel.ui.mirrorButton.checked = False
    assert node.GetViewArrangement() in LAYOUTS
    panel.ui.layoutButton.checked = False
    assert node.GetViewArrangement() == node.SlicerLayoutFourUpView
