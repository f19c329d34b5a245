"""A written label map lies exactly where its scan lies, whoever reads it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.errors import GridTooLargeError, HypothalamusSegError, NoSpaceLeftError
from HypothalamusSegLib.geometry.voxel_image import VoxelImage, volume_from_image
from HypothalamusSegLib.reading.nifti_file import read_nifti
from HypothalamusSegLib.results.atomic_files import atomic_files
from HypothalamusSegLib.results.files import write_label_map
from HypothalamusSegLib.results.nifti import QFORM_TOLERANCE_MM, write_nifti
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.support.scan_files import affine_of

SHAPE = (11, 9, 14)
# The header holds single precision: 150 mm to some 0.00001 mm.
POSITION_TOLERANCE_MM = 1e-4


def affines(smallest_mm: float) -> st.SearchStrategy[np.ndarray]:
    """Flipped, permuted, oblique, anisotropic; the axes at right angles."""
    return st.builds(
        affine_of,
        order=st.permutations(range(3)),
        signs=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
        angles_rad=st.tuples(*[st.sampled_from([0.0, 0.3]) | st.floats(-np.pi, np.pi)] * 3),
        spacing_mm=st.tuples(*[st.floats(smallest_mm, 5.0)] * 3),
        offset_mm=st.tuples(*[st.floats(-150, 150)] * 3),
    )


def labels_on(affine: np.ndarray, dtype: str = "uint8") -> VoxelImage:
    top = np.iinfo(dtype).max
    array = np.random.default_rng(5).integers(0, top, SHAPE, endpoint=True).astype(dtype)
    return VoxelImage(array, affine)


def sheared(affine: np.ndarray, shear: tuple[float, float, float]) -> np.ndarray:
    """Lean the second and third axis over; the shears are tangents of angles."""
    leaning = np.eye(4)
    leaning[0, 1], leaning[0, 2], leaning[1, 2] = shear
    spacing = np.diag([*np.linalg.norm(affine[:3, :3], axis=0), 1.0])
    return affine @ np.linalg.inv(spacing) @ leaning @ spacing


def assert_same_place(affine: np.ndarray, expected: np.ndarray, tolerance_mm: float) -> None:
    """Each corner of the grid lies where it should."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(SHAPE) - 1)
    homogeneous = np.c_[corners, np.ones(8)]
    distances = np.linalg.norm((homogeneous @ (affine - expected).T)[:, :3], axis=1)
    assert distances.max() < tolerance_mm


def written(folder: Path, volume: VoxelImage) -> Path:
    path = folder / "labels.nii.gz"
    write_nifti(volume, path)
    return path


def error_type(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> type[Exception]:
    with pytest.raises((ValueError, HypothalamusSegError)) as caught:
        written(tmp_path, VoxelImage(np.zeros(shape, dtype), np.eye(4)))
    return caught.type


@settings(max_examples=25, deadline=None)
@given(affine=affines(0.1), dtype=st.sampled_from(["uint8", "uint16"]))
def test_all_readers_see_labels_on_any_orthogonal_grid_in_the_same_place(
    tmp_path_factory, affine, dtype
):
    volume = labels_on(affine, dtype)
    path = written(tmp_path_factory.mktemp("labels"), volume)
    by_nibabel = nibabel.load(path)
    by_itk = volume_from_image(sitk.ReadImage(str(path)))
    by_us, flags = read_nifti(path)
    assert flags == []
    assert by_nibabel.get_data_dtype() == by_itk.array.dtype == np.dtype(dtype)
    for array, place in (
        (np.asanyarray(by_nibabel.dataobj), by_nibabel.affine),
        (by_itk.array, by_itk.affine),
        (by_us.array, by_us.affine),
    ):
        np.testing.assert_array_equal(array, volume.array)
        assert_same_place(place, affine, POSITION_TOLERANCE_MM)


@settings(max_examples=25, deadline=None)
@given(affine=affines(0.1))
def test_qform_and_sform_say_the_same_and_left_handed_grids_stay_left_handed(
    tmp_path_factory, affine
):
    header = nibabel.load(written(tmp_path_factory.mktemp("labels"), labels_on(affine))).header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 1)
    assert header["pixdim"][0] == np.sign(np.linalg.det(affine[:3, :3]))
    assert_same_place(header.get_qform(), affine, QFORM_TOLERANCE_MM)
    np.testing.assert_allclose(header.get_zooms(), np.linalg.norm(affine[:3, :3], axis=0))


@settings(max_examples=15, deadline=None)
@given(affine=affines(1.0), shear=st.tuples(*[st.floats(0.1, 0.3)] * 3))
def test_a_sheared_grid_is_kept_exactly_and_has_no_qform(tmp_path_factory, affine, shear):
    volume = labels_on(sheared(affine, shear))
    path = written(tmp_path_factory.mktemp("labels"), volume)
    by_nibabel = nibabel.load(path)
    by_us, flags = read_nifti(path)
    assert int(by_nibabel.header["qform_code"]) == 0
    assert flags == []
    np.testing.assert_array_equal(np.asanyarray(by_nibabel.dataobj), volume.array)
    np.testing.assert_array_equal(by_us.array, volume.array)
    assert_same_place(by_nibabel.affine, volume.affine, POSITION_TOLERANCE_MM)
    assert_same_place(by_us.affine, volume.affine, POSITION_TOLERANCE_MM)


def test_itk_refuses_a_clear_shear_rather_than_to_move_the_labels(tmp_path):
    path = written(tmp_path, labels_on(sheared(np.diag([2.0, 2.0, 2.0, 1.0]), (0.1, 0.0, 0.2))))
    assert int(nibabel.load(path).header["qform_code"]) == 0
    with pytest.raises(RuntimeError, match="orthonormal"):
        sitk.ReadImage(str(path))


@pytest.mark.parametrize("shear", [1e-5, 1e-4, 3e-4, 7e-4])
def test_itk_reads_grids_whose_axes_are_at_right_angles_but_for_rounding(tmp_path, shear):
    affine = sheared(np.eye(4), (shear, 0.0, 0.0))
    volume = VoxelImage(np.zeros((4, 120, 4), np.uint8), affine)
    read = volume_from_image(sitk.ReadImage(str(written(tmp_path, volume))))
    last = np.array([3.0, 119.0, 3.0])
    distance = np.linalg.norm(read.grid.points_at(last) - volume.grid.points_at(last))
    assert distance < QFORM_TOLERANCE_MM


@pytest.mark.parametrize("signs", [(s, t, u) for s in (1, -1) for t in (1, -1) for u in (1, -1)])
def test_the_qform_of_a_flipped_grid_is_exact(tmp_path, signs):
    affine = affine_of((0, 1, 2), signs, (0, 0, 0), (1.0, 1.5, 2.0), (3.0, -4.0, 5.0))
    header = nibabel.load(written(tmp_path, labels_on(affine))).header
    np.testing.assert_allclose(header.get_qform(), affine, atol=1e-6)


def test_units_are_millimetres_and_labels_are_not_scaled(tmp_path):
    data = gzip.decompress(written(tmp_path, labels_on(np.eye(4))).read_bytes())
    header = np.frombuffer(data[:348], nibabel.nifti1.header_dtype)[0]
    assert header["xyzt_units"] == 2
    assert (header["scl_slope"], header["scl_inter"]) == (1.0, 0.0)
    assert header["dim"].tolist() == [3, *SHAPE, 1, 1, 1, 1]
    assert nibabel.Nifti1Header(data[:348]).get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("stored", [np.ascontiguousarray, np.asfortranarray, lambda a: a[::-1]])
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "u1"])
def test_the_layout_in_memory_does_not_matter(tmp_path, stored, dtype):
    array = stored(labels_on(np.eye(4)).array.astype(dtype))
    path = written(tmp_path, VoxelImage(array, np.eye(4)))
    np.testing.assert_array_equal(np.asanyarray(nibabel.load(path).dataobj), array)


def test_a_map_of_more_bytes_than_are_written_at_once_is_whole(tmp_path):
    array = np.random.default_rng(2).integers(0, 2, (256, 256, 150)).astype(np.uint8)
    path = written(tmp_path, VoxelImage(array, np.eye(4)))
    assert np.array_equal(np.asanyarray(nibabel.load(path).dataobj), array)


def test_the_same_labels_give_the_same_bytes_under_any_name(tmp_path, monkeypatch):
    volume = labels_on(np.eye(4))
    write_nifti(volume, tmp_path / "first.nii.gz")
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_nifti(volume, tmp_path / "second.nii.gz")
    first = (tmp_path / "first.nii.gz").read_bytes()
    assert first == (tmp_path / "second.nii.gz").read_bytes()
    # No name, no comment, no time in the gzip header.
    assert first[3:8] == bytes(5)
    assert len(gzip.decompress(first)) == 352 + volume.array.nbytes


def test_a_longer_file_of_the_same_name_is_replaced(tmp_path):
    path = tmp_path / "labels.nii.gz"
    path.write_bytes(bytes(1_000_000))
    write_nifti(labels_on(np.eye(4)), path)
    assert np.asanyarray(nibabel.load(path).dataobj).shape == SHAPE


def test_what_nifti_1_cannot_hold_is_refused_before_a_file_is_made(tmp_path):
    assert error_type(tmp_path, (32768, 1, 1), "uint8") is GridTooLargeError
    assert error_type(tmp_path, (4, 4, 4), "float32") is ValueError
    assert error_type(tmp_path, (4, 4), "uint8") is ValueError
    assert list(tmp_path.iterdir()) == []
    written(tmp_path, VoxelImage(np.zeros((32767, 1, 1), np.uint8), np.eye(4)))


def test_a_folder_that_is_missing_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_nifti(labels_on(np.eye(4)), tmp_path / "missing" / "labels.nii.gz")


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_an_error_of_the_system(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write_nifti(labels_on(np.eye(4)), tmp_path / "labels.nii.gz")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_in_our_words_and_leaves_nothing(tmp_path):
    def write_to_full_disk() -> None:
        with atomic_files(tmp_path) as stage:
            (stage / "labels.nii.gz").symlink_to("/dev/full")
            write_label_map(labels_on(np.eye(4)), stage / "labels.nii.gz")

    with pytest.raises(NoSpaceLeftError):
        write_to_full_disk()
    assert list(tmp_path.iterdir()) == []
