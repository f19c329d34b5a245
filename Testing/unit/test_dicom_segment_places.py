"""Segments of DICOM objects lie where the scan lies, in every orientation."""

from __future__ import annotations

import pytest
from HypothalamusSegLib.reading import read_scan

from Testing.support.dicom_results import (
    assert_same_points,
    dciodvfy_errors,
    labels_in,
    made,
    marked_points,
    segment_points,
)
from Testing.support.dicom_series import ORIENTATIONS, small_head, write_enhanced, write_series

pytest.importorskip("highdicom", reason="highdicom is not installed")
pydicom = pytest.importorskip("pydicom")


@pytest.mark.parametrize(
    ("name", "is_reversed"), [*((name, False) for name in ORIENTATIONS), ("oblique", True)]
)
def test_the_segments_lie_where_they_were_drawn(tmp_path, name, is_reversed):
    head = small_head(name)
    write_series(tmp_path / "series", head, is_reversed=is_reversed)
    (file, *_) = made(tmp_path / "series").save(tmp_path, "head")
    scan = read_scan(tmp_path / "series")
    sides, _, icv = labels_in(scan.volume.array.shape, scan.volume.affine)
    for tracking_id, inside in (
        ("hypothalamus_left", sides.array == 1),
        ("hypothalamus_right", sides.array == 2),
        ("icv", icv.array > 0),
    ):
        assert_same_points(
            segment_points(file, tracking_id), marked_points(scan.volume.grid, inside)
        )


@pytest.mark.parametrize(
    ("name", "is_reversed"), [("axial", True), ("sagittal", True), ("oblique", False)]
)
def test_the_segments_of_a_multi_frame_image_lie_where_they_were_drawn(tmp_path, name, is_reversed):
    write_enhanced(tmp_path / "series", small_head(name), is_reversed)
    (file, *_) = made(tmp_path / "series").save(tmp_path, "head")
    scan = read_scan(tmp_path / "series")
    sides, _, _ = labels_in(scan.volume.array.shape, scan.volume.affine)
    inside = sides.array == 1
    found = segment_points(file, "hypothalamus_left")
    assert_same_points(found, marked_points(scan.volume.grid, inside))
    assert dciodvfy_errors(file) == []


def test_each_frame_refers_to_the_image_below_it_also_beside_a_gap(tmp_path):
    files = write_series(tmp_path / "series", small_head(), skip=(11, 12))
    (file, *_) = made(tmp_path / "series").save(tmp_path, "head")
    sources = {header.SOPInstanceUID: header for header in map(pydicom.dcmread, files)}
    for frame in pydicom.dcmread(file).PerFrameFunctionalGroupsSequence:
        (reference,) = frame.DerivationImageSequence[0].SourceImageSequence
        source = sources[reference.ReferencedSOPInstanceUID]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == source.ImagePositionPatient
