"""A scan keeps its voxels and its place in the patient, whatever the format that holds it."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.geometry.voxel_image import VoxelImage, image_from_volume
from HypothalamusSegLib.reading import itk_reading, read_scan
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.support.scan_files import (
    affine_of,
    head_volume,
    move_slice,
    patched,
    write_dicom,
    write_nifti,
    write_scan,
)

FORMATS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".mgh", ".mgz", "")

affines = st.builds(
    affine_of,
    order=st.permutations(range(3)),
    signs=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    angles_rad=st.tuples(*[st.floats(-0.6, 0.6)] * 3),
    spacing_mm=st.tuples(*[st.floats(2.3, 4.0)] * 3),
    offset_mm=st.tuples(*[st.floats(-150, 150)] * 3),
)


def assert_same_in_world(read: VoxelImage, written: VoxelImage) -> None:
    """Each voxel that was read lies on the voxel that was written there, with its value."""
    assert read.array.dtype == np.float32
    assert read.array.size == written.array.size
    indices = np.random.default_rng(3).integers(0, read.array.shape, (500, 3))
    where = written.grid.indices_of(read.grid.points_at(indices.astype(float)))
    nearest = np.round(where).astype(int)
    np.testing.assert_allclose(where, nearest, atol=0.01)
    assert np.all((nearest >= 0) & (nearest < written.array.shape))
    np.testing.assert_array_equal(
        read.array[tuple(indices.T)], written.array[tuple(nearest.T)].astype(np.float32)
    )


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=6, deadline=None)
@given(affine=affines)
def test_every_format_keeps_the_world_space_content_in_any_orientation(
    tmp_path_factory, suffix, affine
):
    written = head_volume((36, 38, 40), affine)
    path = write_scan(tmp_path_factory.mktemp("scan") / f"head{suffix}", written)
    assert_same_in_world(read_scan(path).volume, written)


@pytest.mark.parametrize("suffix", FORMATS[:-1])
def test_the_name_is_the_file_name_without_its_format(tmp_path, suffix):
    path = write_scan(tmp_path / f"sub-01.v2_T1w{suffix}", head_volume())
    assert read_scan(path).name == "sub-01.v2_T1w"


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]
)
def test_every_voxel_type_of_nifti_is_read(tmp_path, dtype):
    written = head_volume(dtype=dtype)
    image = nibabel.Nifti1Image(written.array, written.affine, dtype=dtype)
    nibabel.save(image, tmp_path / "head.nii.gz")
    assert_same_in_world(read_scan(tmp_path / "head.nii.gz").volume, written)


def test_big_endian_and_nifti_2_are_read(tmp_path):
    written = head_volume()
    big = nibabel.Nifti1Header(endianness=">")
    nibabel.save(nibabel.Nifti1Image(written.array, written.affine, big), tmp_path / "big.nii")
    nibabel.save(nibabel.Nifti2Image(written.array, written.affine), tmp_path / "two.nii.gz")
    for name in ("big.nii", "two.nii.gz"):
        assert_same_in_world(read_scan(tmp_path / name).volume, written)


def test_gzip_is_known_by_the_bytes_not_by_the_name(tmp_path):
    written = head_volume()
    plain = write_nifti(tmp_path / "plain.nii.gz", written)
    packed = tmp_path / "packed.nii"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        assert_same_in_world(read_scan(path).volume, written)


def test_slope_and_intercept_are_applied(tmp_path):
    written = head_volume()
    path = write_nifti(tmp_path / "head.nii", written, scl_slope=2.5, scl_inter=-30)
    np.testing.assert_allclose(read_scan(path).volume.array, written.array * 2.5 - 30, rtol=1e-6)


def test_negative_values_stay(tmp_path):
    written = head_volume()
    shifted = VoxelImage(written.array - 300, written.affine)
    scan = read_scan(write_scan(tmp_path / "head.mha", shifted))
    assert scan.volume.array.min() == shifted.array.min()
    assert not any(flag.code == "repaired_values" for flag in scan.flags)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_a_fourth_axis_with_one_frame_is_dropped(tmp_path, suffix):
    written = head_volume()
    path = tmp_path / f"head{suffix}"
    if suffix == ".nii":
        nibabel.save(nibabel.Nifti1Image(written.array[..., None], written.affine), path)
    else:
        sitk.WriteImage(sitk.JoinSeries([image_from_volume(written)]), str(path))
    assert_same_in_world(read_scan(path).volume, written)


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("is_relative", [False, True])
def test_itk_is_given_no_letters_that_windows_would_lose(
    tmp_path, monkeypatch, suffix, is_relative
):
    """The folder of a user may be called Jürgen, and with it that of temporary files."""
    given, read = [], sitk.ReadImage

    def narrow(name: str, **more) -> sitk.Image:
        given.append(name)
        return read(name, **more)

    folder = tmp_path / "Jürgen 患"
    folder.mkdir()
    written = head_volume()
    path = write_scan(folder / f"scan{suffix}", written)
    monkeypatch.setattr(itk_reading, "LOSES_LETTERS", True)
    monkeypatch.setattr(sitk, "ReadImage", narrow)
    monkeypatch.chdir(tmp_path)
    found = read_scan(path.relative_to(tmp_path) if is_relative else path)
    assert_same_in_world(found.volume, written)
    assert given == [f"scan{suffix}"]
    assert Path.cwd() == tmp_path


def test_a_sheared_sform_is_kept_although_itk_would_take_the_qform(tmp_path):
    written = head_volume()
    sheared = written.affine.copy()
    sheared[0, 1] = 0.4
    path = write_nifti(tmp_path / "head.nii", written, srow_x=sheared[0])
    np.testing.assert_allclose(read_scan(path).volume.affine, sheared, atol=1e-5)


def test_the_sform_wins_over_the_qform_and_the_qform_stands_in_for_it(tmp_path):
    written = head_volume()
    data = write_nifti(tmp_path / "head.nii", written).read_bytes()
    moved = written.affine[0] + [0, 0, 0, 5]
    (tmp_path / "both.nii").write_bytes(patched(data, srow_x=moved))
    (tmp_path / "qform.nii").write_bytes(patched(data, srow_x=moved, sform_code=0))
    (tmp_path / "void.nii").write_bytes(patched(data, srow_x=0, srow_y=0))
    offsets = [
        read_scan(tmp_path / f"{name}.nii").volume.affine[0, 3]
        for name in ("both", "qform", "void")
    ]
    assert offsets == [-35, -40, -40]


def test_metres_in_the_header_are_followed_where_they_make_sense(tmp_path):
    written = head_volume()
    metres = written.affine[:3] / 1000
    path = write_nifti(
        tmp_path / "metres.nii",
        written,
        xyzt_units=1,
        **dict(zip(("srow_x", "srow_y", "srow_z"), metres, strict=True)),
        pixdim=[1, 0.002, 0.002, 0.002, 0, 0, 0, 0],
    )
    scan = read_scan(path)
    np.testing.assert_allclose(scan.volume.affine, written.affine, rtol=1e-5)
    assert "spacing_suspect" not in {flag.code for flag in scan.flags}
    wrong_unit = read_scan(write_nifti(tmp_path / "wrong.nii", written, xyzt_units=1))
    np.testing.assert_allclose(wrong_unit.volume.affine, written.affine, rtol=1e-5)
    assert "spacing_suspect" in {flag.code for flag in wrong_unit.flags}


def test_the_checksum_is_of_the_file(tmp_path):
    path = write_scan(tmp_path / "head.nii.gz", head_volume())
    assert read_scan(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_checksum_covers_detached_voxels(tmp_path):
    path = write_scan(tmp_path / "head.mhd", head_volume())
    before = read_scan(path).sha256
    raw = tmp_path / "head.raw"
    data = bytearray(raw.read_bytes())
    data[0] ^= 1
    raw.write_bytes(data)
    assert read_scan(path).sha256 != before


def test_a_path_may_be_text_and_its_suffix_upper_case(tmp_path):
    path = write_scan(tmp_path / "head.nii.gz", head_volume()).rename(tmp_path / "HEAD.NII.GZ")
    scan = read_scan(str(path))
    assert (scan.name, scan.path) == ("HEAD", Path(path))


def test_dicom_slices_are_sorted_by_position_and_hashed_in_that_order(tmp_path):
    written = head_volume()
    files = write_dicom(tmp_path / "series", written)
    scan = read_scan(tmp_path / "series")
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    assert scan.sha256 == digest.hexdigest()
    assert scan.name == "series"
    assert_same_in_world(scan.volume, written)


def test_one_dicom_file_stands_for_its_series(tmp_path):
    written = head_volume()
    files = write_dicom(tmp_path / "study", written)
    other = VoxelImage(written.array[::-1], written.affine)
    write_dicom(tmp_path / "study", other, "1.2.826.0.1.3680043.2.1125.2", "FLAIR", "other")
    scan = read_scan(files[5])
    assert scan.name == "study"
    assert_same_in_world(scan.volume, written)


def test_dicom_in_nested_folders_and_without_suffix_is_found(tmp_path):
    written = head_volume()
    files = write_dicom(tmp_path / "disc" / "PAT0" / "SER0", written)
    for number, file in enumerate(files):
        file.rename(file.with_name(f"IM{number:04d}"))
    (tmp_path / "disc" / "README.txt").write_text("viewer", encoding="utf-8")
    assert_same_in_world(read_scan(tmp_path / "disc").volume, written)


def test_a_sheared_dicom_series_keeps_its_positions(tmp_path):
    written = head_volume()
    sheared = written.affine.copy()
    sheared[1, 2] = 0.5
    for k, file in enumerate(write_dicom(tmp_path / "series", written)):
        move_slice(file, sheared[:3, 2] * k + sheared[:3, 3])
    np.testing.assert_allclose(read_scan(tmp_path / "series").volume.affine, sheared, atol=1e-4)
