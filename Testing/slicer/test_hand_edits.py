"""Edits by hand in a real MRML scene: what they change in the table, undone and reverted."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

from HypothalamusSegSlicer.volumes.segment_voxels import copy_segment, read_segment

from Testing.support.slicer_results import HandEditor, are_same, rows_of

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


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
    assert are_same(rows_of(nodes), before)
    editor.redo()
    assert rows_of(nodes)[LEFT].value == row.value


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
    assert are_same(rows_of(nodes), before)


def test_a_deleted_segment_is_said_and_can_be_reverted(nodes):
    before = rows_of(nodes)
    node = nodes.segmentation("hypothalamus")
    node.GetSegmentation().RemoveSegment(RIGHT)
    row = rows_of(nodes)[RIGHT]
    assert row.status == "deleted"
    assert math.isnan(row.value)
    copy_segment(nodes.network_output("hypothalamus"), node, RIGHT)
    assert are_same(rows_of(nodes), before)
