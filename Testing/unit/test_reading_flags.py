"""What is doubtful about a scan is read with a flag, and what is not has none."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.flags import FLAG_CODES, Flag
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.reading import read_scan

from Testing.support.scan_files import (
    codes,
    cubes,
    head_volume,
    move_slice,
    patched,
    replaced,
    write_dicom,
    write_nifti,
    write_scan,
)


def test_a_good_scan_has_no_flags(tmp_path):
    for suffix in (".nii.gz", ".nrrd", ".mha", ".mgz", ""):
        assert codes(write_scan(tmp_path / f"head{suffix}", cubes(80, 1.5))) == set()


def test_nan_and_infinity_become_the_darkest_value_and_are_counted(tmp_path):
    volume = head_volume(dtype="float32")
    array = volume.array - 10
    array[0, 0, :3] = np.nan, np.inf, -np.inf
    scan = read_scan(write_scan(tmp_path / "head.nii.gz", VoxelImage(array, volume.affine)))
    assert np.isfinite(scan.volume.array).all()
    assert set(scan.volume.array[0, 0, :3]) == {-10.0}
    (flag,) = [flag for flag in scan.flags if flag.code == "repaired_values"]
    assert flag.message.startswith("3 voxels")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"srow_x": [-2, 0, 0, 40]}, "left_right_suspect"),
        ({"srow_y": [0, -2, 0, 40]}, "left_right_suspect"),
        ({"srow_x": [-2, 0, 0, 40], "srow_y": [0, -2, 0, 40]}, "left_right_suspect"),
        ({"srow_y": [0, -2, 0, 40], "srow_z": [0, 0, -2, 40]}, "orientation_suspect"),
        ({"srow_y": [0, 0, -2, 40], "srow_z": [0, 2, 0, -40]}, "orientation_suspect"),
    ],
)
def test_an_sform_that_contradicts_the_qform_is_flagged(tmp_path, change, code):
    path = write_nifti(tmp_path / "head.nii", head_volume(), **change)
    assert codes(path) & {"left_right_suspect", "orientation_suspect"} == {code}


def test_an_sform_turned_by_a_registration_is_not_flagged(tmp_path):
    c, s = 2 * np.cos(0.3), 2 * np.sin(0.3)
    turned = {"srow_y": [0, c, -s, -50], "srow_z": [0, s, c, -60]}
    assert codes(write_nifti(tmp_path / "head.nii", head_volume(), **turned)) == {
        "coarse_resolution"
    }


def test_a_voxel_size_of_0_is_taken_as_1_mm_and_flagged(tmp_path):
    volume = head_volume((90, 90, 90))
    path = write_nifti(tmp_path / "head.nii", volume, sform_code=0, pixdim=[1, 1, 1, 0, 0, 0, 0, 0])
    scan = read_scan(path)
    np.testing.assert_allclose(scan.volume.spacing_mm, 1.0)
    assert "spacing_suspect" in {flag.code for flag in scan.flags}


def test_an_mgz_voxel_size_of_0_is_taken_as_1_mm_and_flagged(tmp_path):
    path = write_scan(tmp_path / "head.mgh", head_volume((90, 90, 90)))
    data = bytearray(path.read_bytes())
    data[30:42] = b"\0" * 12
    path.write_bytes(data)
    np.testing.assert_allclose(read_scan(path).volume.spacing_mm, 1.0)
    assert "spacing_suspect" in codes(path)


def test_two_voxel_sizes_in_one_header_are_flagged(tmp_path):
    path = write_nifti(tmp_path / "head.nii", head_volume(), pixdim=[1, 2.2, 2, 2, 0, 0, 0, 0])
    assert "spacing_suspect" in codes(path)


@pytest.mark.parametrize(
    ("size", "radius_share", "flagged"),
    [(384, 0.45, True), (120, 0.3, True), (200, 0.45, False), (90, 0.9, False)],
)
def test_1_mm_voxels_are_doubted_where_they_make_no_head(tmp_path, size, radius_share, flagged):
    volume = head_volume((size, 100, 100), np.eye(4), radius_share=radius_share)
    path = write_scan(tmp_path / "head.nii", volume)
    assert ("spacing_suspect" in codes(path)) is flagged


def test_a_missing_dicom_slice_is_flagged(tmp_path):
    write_dicom(tmp_path / "series", head_volume())[20].unlink()
    (flag,) = [flag for flag in read_scan(tmp_path / "series").flags if "slices" in flag.message]
    assert flag.code == "spacing_suspect"


def test_dicom_positions_rounded_by_the_scanner_are_not_flagged(tmp_path):
    volume = head_volume()
    for k, file in enumerate(write_dicom(tmp_path / "series", volume)):
        move_slice(file, volume.affine[:3, 3] + [0, 0, 2 * k + (0.03 if k % 2 else 0)])
    assert codes(tmp_path / "series") == {"coarse_resolution"}


@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".nrrd", b"space: left-posterior-superior", b"space: scanner-xyz"),
        (".nrrd", b"space: left-posterior-superior", b"space dimension: 3"),
        (".mha", b"TransformMatrix", b"Comment"),
    ],
)
def test_a_header_that_does_not_name_the_patients_left_is_flagged(tmp_path, suffix, old, new):
    path = replaced(write_scan(tmp_path / f"head{suffix}", head_volume()), old, new)
    assert "orientation_suspect" in codes(path)


@pytest.mark.parametrize(
    ("spacing_mm", "expected"),
    [
        ((1.0, 1.0, 1.6), {"coarse_resolution"}),
        ((0.9, 0.9, 1.5), {"anisotropic"}),
        ((1.0, 1.0, 3.0), {"anisotropic", "coarse_resolution"}),
        ((1.5, 1.5, 1.5), set()),
    ],
)
def test_anisotropic_and_coarse_voxels_are_flagged(tmp_path, spacing_mm, expected):
    volume = head_volume((96, 96, 56), np.diag([*spacing_mm, 1.0]))
    assert codes(write_scan(tmp_path / "head.nii.gz", volume)) == expected


def test_a_flag_has_one_of_the_known_codes():
    for code in FLAG_CODES:
        assert Flag(code, "A sentence.").code == code
    with pytest.raises(ValueError, match="unknown quality flag"):
        Flag("nonsense", "A sentence.")


def test_itk_warnings_are_shown_again_after_reading(tmp_path):
    sitk.ProcessObject.SetGlobalWarningDisplay(True)
    read_scan(write_scan(tmp_path / "head.nrrd", head_volume()))
    assert sitk.ProcessObject.GetGlobalWarningDisplay()


def test_a_patched_header_keeps_the_voxels(tmp_path):
    data = write_nifti(tmp_path / "head.nii", head_volume()).read_bytes()
    assert patched(data) == data
