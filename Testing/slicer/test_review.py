"""Reviewing in the panel: no verdict is lost or goes astray."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.scene.review import STATUSES
from HypothalamusSegSlicer.volumes.mask_digest import mask_digests
from PySide6 import QtCore, QtTest

from Testing.support.drawn_head import draw_head
from Testing.support.panel_use import erase_half, show_result
from Testing.support.slicer_results import load_volume, take

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"
ACCEPTED, CORRECTED = STATUSES.index("accepted"), STATUSES.index("corrected")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return draw_head(tmp_path_factory.mktemp("heads"), subunits=True)


@pytest.fixture
def nodes(panel, files) -> ResultNodes:
    return show_result(panel, files)


def accept(panel) -> None:
    panel.ui.reviewerLineEdit.text = "AB"
    panel.ui.statusComboBox.currentIndex = ACCEPTED


def test_a_second_run_asks_before_it_replaces_a_review(panel, nodes, files, monkeypatch):
    runs = []
    monkeypatch.setattr(panel.run, "_ensure_torch", lambda: runs.append("run"))
    accept(panel)
    host.answers.append(False)
    panel.apply()
    assert runs == []
    assert "reviewed as “accepted” by AB" in host.dialogs[-1].text
    panel.apply()  # agreed to
    assert runs == ["run"]
    take(files, nodes.volume)
    assert nodes.record.review.status == "unreviewed"
    (kept,) = nodes.record.earlier_reviews
    assert (kept["status"], kept["reviewer"]) == ("accepted", "AB")


def test_an_open_result_is_run_again_without_a_question(panel, nodes, monkeypatch):
    runs = []
    monkeypatch.setattr(panel.run, "_ensure_torch", lambda: runs.append("run"))
    panel.apply()
    assert (runs, host.dialogs) == (["run"], [])


def test_a_replaced_verdict_is_kept_but_a_longer_note_is_no_new_one(panel, nodes):
    accept(panel)
    panel.ui.noteText.plainText = "fine"
    panel.ui.noteText.plainText = "fine throughout"
    assert nodes.record.earlier_reviews == []
    panel.ui.statusComboBox.currentIndex = CORRECTED
    (kept,) = nodes.record.earlier_reviews
    assert (kept["status"], kept["note"]) == ("accepted", "fine throughout")


@pytest.mark.parametrize("field", ["noteText", "reviewerLineEdit", "foldsLineEdit"])
def test_the_key_does_nothing_while_typing(panel, nodes, monkeypatch, field):
    runs = []
    monkeypatch.setattr(panel.run, "apply", lambda: runs.append("run"))
    window = panel.ui.applyButton.window()
    window.show()
    panel.ui.advancedCollapsible.collapsed = False
    QtTest.QTest.qWaitForWindowExposed(window)
    window.activateWindow()
    for widget, wanted in ((getattr(panel.ui, field), []), (panel.ui.goToButton, ["run"])):
        widget.setFocus()
        host.pump(20)
        QtTest.QTest.keyClick(widget, QtCore.Qt.Key_Return, QtCore.Qt.ControlModifier)
        host.pump(20)
        assert runs == wanted
    window.hide()


def test_an_edit_after_acceptance_is_said_until_it_is_undone(panel, nodes):
    accept(panel)
    assert "Changed since" not in panel.ui.reviewTimeLabel.text
    editor = erase_half(panel, nodes)
    assert "Changed since the verdict “accepted”: hypothalamus" in panel.ui.reviewTimeLabel.text
    editor.undo()
    assert host.pump_until(lambda: "Changed" not in panel.ui.reviewTimeLabel.text, seconds=5)


def test_the_same_verdict_can_be_given_again_after_an_edit(panel, nodes):
    accept(panel)
    erase_half(panel, nodes)
    panel.ui.statusComboBox.activated.emit(ACCEPTED)
    assert "Changed since" not in panel.ui.reviewTimeLabel.text
    assert len(nodes.record.earlier_reviews) == 1


def test_what_was_accepted_is_the_same_after_saving_and_opening(panel, nodes, tmp_path):
    erase_half(panel, nodes)
    accept(panel)
    masks = mask_digests(nodes)
    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    host.clear_scene()
    assert slicer.mrmlScene.ReadFromMRB(str(path), True)
    host.pump(50)
    opened = ResultNodes(slicer.mrmlScene.GetFirstNodeByName("head"))
    assert mask_digests(opened) == masks == opened.record.review.masks
    assert "Changed since" not in panel.ui.reviewTimeLabel.text
    assert "Last changed" in panel.ui.reviewTimeLabel.text


def test_a_moved_mask_of_the_same_form_is_another_one(nodes):
    before = mask_digests(nodes)["hypothalamus"]
    node = nodes.segmentation("hypothalamus")
    image = node.GetSegmentation().GetSegment(LEFT).GetRepresentation("Binary labelmap")
    extent = list(image.GetExtent())
    extent[0], extent[1] = extent[0] + 1, extent[1] + 1
    image.SetExtent(extent)
    assert mask_digests(nodes)["hypothalamus"] != before


def test_edits_of_one_volume_are_not_those_of_the_next(panel, nodes, files, monkeypatch):
    runs = []
    monkeypatch.setattr(panel.run, "_ensure_torch", lambda: runs.append("run"))
    erase_half(panel, nodes)
    panel.parameters.inputVolume = load_volume(files.scan)
    host.pump(20)
    panel.apply()
    assert (runs, host.dialogs) == (["run"], [])
    host.clear_scene()
    assert not panel.watch.has_edits


def test_a_volume_loaded_while_the_panel_is_open_is_chosen(panel, files):
    assert panel.parameters.inputVolume is None
    volume = load_volume(files.scan)
    assert host.pump_until(lambda: panel.parameters.inputVolume is volume, seconds=5)
    second = load_volume(files.scan)
    host.pump(20)
    assert panel.parameters.inputVolume is not second


def test_a_volume_loaded_elsewhere_is_chosen_on_return(panel, files):
    panel.leave()
    volume = load_volume(files.scan)
    host.pump(20)
    assert panel.parameters.inputVolume is None
    panel.enter()
    assert panel.parameters.inputVolume is volume


def test_a_scene_of_others_gets_no_node_of_this_module(panel):
    panel.leave()
    panel.unbind()
    scene = slicer.mrmlScene
    own = (
        ("HypothalamusSeg", "vtkMRMLScriptedModuleNode"),
        ("HypothalamusSegEditor", "vtkMRMLSegmentEditorNode"),
    )
    for tag, kind in own:
        scene.RemoveNode(scene.GetSingletonNode(tag, kind))
    host.clear_scene()
    assert [scene.GetSingletonNode(tag, kind) for tag, kind in own] == [None, None]
    panel.enter()
    assert panel.parameters is not None


def test_a_module_reloaded_while_it_is_shown_is_ready(loaded, files):
    host.clear_scene()
    volume = load_volume(files.scan)
    widget = host.open_widget(*loaded)
    widget.cleanup()
    widget.setup()
    assert widget.panel.parameters.inputVolume is volume
    assert widget.panel.ui.applyButton.enabled
    host.close_widget(widget)
