"""What is no head scan is refused with its reason, its file and what to do."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib import errors
from HypothalamusSegLib.geometry.voxel_image import VoxelImage, image_from_volume
from HypothalamusSegLib.reading import read_scan

from Testing.support.scan_files import (
    codes,
    cubes,
    head_volume,
    replaced,
    write_dicom,
    write_nifti,
    write_scan,
)

SECOND_SERIES = "1.2.826.0.1.3680043.2.1125.2"
READ_WITH_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from HypothalamusSegLib.errors import OutOfMemoryError
from HypothalamusSegLib.reading import read_scan
in_use_pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
in_use = in_use_pages * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 2**29, in_use + 2**29))
try:
    read_scan(Path(sys.argv[1]))
except OutOfMemoryError:
    sys.exit(42)
"""


def refused(error: type[errors.HypothalamusSegError], path: Path, match: str | None = None) -> str:
    """The message with which a path is refused; it names the path."""
    with pytest.raises(error, match=match) as caught:
        read_scan(path)
    assert type(caught.value) is error
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["missing.nii.gz", "missing.nrrd", "missing.mha", "missing.mgz"])
def test_a_missing_file_is_no_image(tmp_path, name):
    refused(errors.NotAnImageError, tmp_path / name, "does not exist")


def test_a_missing_folder_is_no_image(tmp_path):
    refused(errors.NotAnImageError, tmp_path / "missing", "does not exist")


def test_a_text_file_is_no_image(tmp_path):
    (tmp_path / "report.txt").write_text("no acute findings " * 20, encoding="utf-8")
    refused(errors.NotAnImageError, tmp_path / "report.txt", "NIfTI")


def test_a_folder_without_dicom_is_no_image(tmp_path):
    (tmp_path / "folder" / "deeper").mkdir(parents=True)
    (tmp_path / "folder" / "notes").write_text("notes", encoding="utf-8")
    refused(errors.NotAnImageError, tmp_path / "folder", "DICOM")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mgh", ".mgz", ".dcm"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.98])
def test_a_truncated_file_is_corrupt(tmp_path, suffix, kept):
    if suffix == ".dcm":
        path = write_dicom(tmp_path / "series", head_volume())[7]
    else:
        path = write_scan(tmp_path / f"head{suffix}", head_volume())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    refused(errors.CorruptFileError, path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz"])
def test_noise_under_an_image_name_is_corrupt(tmp_path, suffix):
    path = tmp_path / f"head{suffix}"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    refused(errors.CorruptFileError, path)


def test_a_damaged_gzip_is_corrupt(tmp_path):
    path = write_scan(tmp_path / "head.nii.gz", head_volume())
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)
    refused(errors.CorruptFileError, path)


@pytest.mark.parametrize("kept", ["damaged", "truncated"])
@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_compressed_metaimage_voxels_are_verified(tmp_path, suffix, kept):
    path = tmp_path / f"head{suffix}"
    sitk.WriteImage(image_from_volume(head_volume()), str(path), useCompression=True)
    read_scan(path)
    voxels = path.with_suffix(".zraw") if suffix == ".mhd" else path
    data = bytearray(voxels.read_bytes())
    data[len(data) * 2 // 3] ^= 0xFF
    voxels.write_bytes(data if kept == "damaged" else data[: len(data) // 2])
    refused(errors.CorruptFileError, path)


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_a_header_without_its_voxel_file_is_corrupt(tmp_path, suffix):
    path = write_scan(tmp_path / f"head{suffix}", head_volume())
    (tmp_path / "head.raw").unlink()
    refused(errors.CorruptFileError, path, "head.raw is missing")


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.9])
def test_a_truncated_slice_is_not_left_out_of_its_series(tmp_path, kept):
    file = write_dicom(tmp_path / "series", head_volume())[7]
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data))])
    message = refused(errors.CorruptFileError, tmp_path / "series")
    assert file.name in message


def test_several_series_are_listed(tmp_path):
    write_dicom(tmp_path / "study", head_volume())
    write_dicom(tmp_path / "study", head_volume(), SECOND_SERIES, "FLAIR", "other")
    message = refused(errors.SeveralSeriesError, tmp_path / "study", "2 DICOM series")
    for part in ("T1 MPRAGE, 52 images", "FLAIR, 52 images", SECOND_SERIES):
        assert part in message


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".mgz"])
def test_several_frames_are_refused(tmp_path, suffix):
    volume = head_volume()
    path = tmp_path / f"head{suffix}"
    if suffix == ".mgz":
        frames = np.stack([volume.array] * 3, axis=-1)
        nibabel.save(nibabel.MGHImage(frames, volume.affine), path)
    else:
        sitk.WriteImage(sitk.JoinSeries([image_from_volume(volume)] * 3), str(path))
    refused(errors.SeveralFramesError, path, "3 volumes")


def test_two_images_at_one_position_of_a_series_are_several_frames(tmp_path):
    write_dicom(tmp_path / "series", head_volume())
    write_dicom(tmp_path / "series", head_volume(), prefix="echo2")
    refused(errors.SeveralFramesError, tmp_path / "series", "same position")


def test_a_localizer_is_several_frames(tmp_path):
    volume = head_volume()
    turned = volume.affine[:, [1, 2, 0, 3]]
    write_dicom(tmp_path / "series", volume)
    write_dicom(tmp_path / "series", VoxelImage(volume.array, turned), prefix="coronal")
    refused(errors.SeveralFramesError, tmp_path / "series", "localizer")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_colour_images_are_refused(tmp_path, suffix):
    grey = sitk.Cast(image_from_volume(head_volume()), sitk.sitkUInt8)
    sitk.WriteImage(sitk.Compose(grey, grey, grey), str(tmp_path / f"head{suffix}"))
    refused(errors.ColourImageError, tmp_path / f"head{suffix}")


@pytest.mark.parametrize("dtype", ["complex64", [("R", "u1"), ("G", "u1"), ("B", "u1")]])
def test_a_nifti_voxel_type_with_several_values_is_refused(tmp_path, dtype):
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((48, 50, 52), dtype), np.eye(4)), tmp_path / "head.nii"
    )
    refused(errors.ColourImageError, tmp_path / "head.nii")


def test_a_colour_dicom_is_refused(tmp_path):
    grey = sitk.Cast(image_from_volume(head_volume()), sitk.sitkUInt8)
    (tmp_path / "series").mkdir()
    sitk.WriteImage(sitk.Compose(grey, grey, grey), str(tmp_path / "series" / "capture.dcm"))
    refused(errors.ColourImageError, tmp_path / "series")


def test_a_nifti_without_sform_and_qform_is_refused(tmp_path):
    path = write_nifti(tmp_path / "head.nii", head_volume(), sform_code=0, qform_code=0)
    refused(errors.NoSpatialInformationError, path, "sform")


def test_an_mgz_without_good_ras_is_refused(tmp_path):
    path = write_scan(tmp_path / "head.mgh", head_volume())
    data = bytearray(path.read_bytes())
    data[28:30] = b"\0\0"
    path.write_bytes(data)
    refused(errors.NoSpatialInformationError, path, "goodRAS")


@pytest.mark.parametrize("field", [b"space: left-posterior-superior\n", b"space directions: "])
def test_a_nrrd_without_space_or_directions_is_refused(tmp_path, field):
    path = write_scan(tmp_path / "head.nrrd", head_volume())
    path = replaced(path, field, b"# " if field.endswith(b" ") else b"")
    refused(errors.NoSpatialInformationError, path, "space")


def test_a_metaimage_without_spacing_and_directions_is_refused(tmp_path):
    path = write_scan(tmp_path / "head.mha", head_volume())
    path = replaced(path, b"TransformMatrix", b"Comment")
    refused(
        errors.NoSpatialInformationError, replaced(path, b"ElementSpacing", b"Name"), "voxel size"
    )


@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".mha", b"ElementSpacing = 2 2 2", b"ElementSpacing = 0 2 2"),
        (".nrrd", b"(0,0,2)", b"(0,0,0)"),
    ],
)
def test_a_voxel_size_of_0_that_itk_cannot_read_is_refused(tmp_path, suffix, old, new):
    path = replaced(write_scan(tmp_path / f"head{suffix}", head_volume()), old, new)
    refused(errors.NoSpatialInformationError, path)


def test_dicom_without_positions_is_refused(tmp_path):
    for file in write_dicom(tmp_path / "series", head_volume()):
        # The tag (0020,0032) becomes one that nobody knows.
        replaced(file, b"\x20\x00\x32\x00", b"\x20\x00\x33\x00")
    refused(errors.NoSpatialInformationError, tmp_path / "series", "positions")


@pytest.mark.parametrize(
    ("shape", "spacing_mm"), [((30, 90, 90), 1.9), ((39, 39, 90), 2.0), ((15, 40, 40), 5.0)]
)
def test_a_field_of_view_smaller_than_a_head_is_refused(tmp_path, shape, spacing_mm):
    volume = head_volume(shape, np.diag([spacing_mm] * 3 + [1.0]))
    path = write_scan(tmp_path / "head.nii.gz", volume)
    refused(errors.SmallerThanHeadError, path, "too small for a head")


def test_a_crop_around_the_centre_of_the_brain_is_read(tmp_path):
    volume = head_volume((60, 80, 80), np.diag([1.0] * 4), radius_share=0.9)
    assert codes(write_scan(tmp_path / "head.nii.gz", volume)) == set()


def test_a_two_dimensional_image_is_refused(tmp_path):
    array = np.random.default_rng(0).random((200, 200)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "head.nii")
    refused(errors.SmallerThanHeadError, tmp_path / "head.nii")


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_a_constant_image_is_refused(tmp_path, value):
    volume = VoxelImage(np.full((48, 50, 52), value, np.float32), head_volume().affine)
    refused(errors.EmptyImageError, write_scan(tmp_path / "head.nii.gz", volume), "same value")


@pytest.mark.parametrize("spacing_mm", [0.002, 0.05, 8.0])
def test_a_voxel_size_beyond_sense_is_refused(tmp_path, spacing_mm):
    path = write_scan(tmp_path / "head.nii.gz", cubes(40, spacing_mm))
    refused(errors.VoxelSizeError, path, "voxels of")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's memory limits")
def test_a_scan_larger_than_memory_is_refused(tmp_path):
    path = write_nifti(tmp_path / "head.nii", cubes(40, 0.5), dim=[3, 800, 800, 800, 1, 1, 1, 1])
    with path.open("r+b") as stream:
        stream.truncate(352 + 2 * 800**3)
    command = [sys.executable, "-c", READ_WITH_LITTLE_MEMORY, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, env=environment, check=False).returncode == 42


def test_a_header_that_asks_for_more_than_the_file_can_hold_is_corrupt(tmp_path):
    path = write_nifti(tmp_path / "head.nii", cubes(40, 2.0), dim=[3, *[32000] * 3, 1, 1, 1, 1])
    refused(errors.CorruptFileError, path)
    packed = tmp_path / "head.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    refused(errors.CorruptFileError, packed)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    path = write_scan(tmp_path / "head.nii.gz", head_volume())
    path.chmod(0)
    refused(errors.PermissionDeniedError, path)
