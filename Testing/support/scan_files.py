"""Scans for the tests of reading: made in memory and written as real files of each format."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
from HypothalamusSegLib.geometry.voxel_image import VoxelImage, image_from_volume
from HypothalamusSegLib.reading import read_scan

SHAPE = (48, 50, 52)
SPACING_MM = 2.0


def head_volume(
    shape: tuple[int, int, int] = SHAPE,
    affine: np.ndarray | None = None,
    dtype: str = "int16",
    radius_share: float = 0.4,
) -> VoxelImage:
    """A bright, noisy ellipsoid in a dark field: any two voxels of it mostly differ."""
    if affine is None:
        affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
        affine[:3, 3] = [-40, -50, -60]
    axes = [(np.arange(size) - (size - 1) / 2) / (radius_share * size) for size in shape]
    squares = [axis**2 for axis in np.meshgrid(*axes, indexing="ij")]
    noise = np.random.default_rng(7).integers(0, 100, shape)
    inside = sum(squares) < 1
    top = 100 if np.dtype(dtype).itemsize == 1 else 500
    return VoxelImage((inside * top + noise // (1 if top > 100 else 4)).astype(dtype), affine)


def affine_of(order, signs, angles_rad, spacing_mm, offset_mm) -> np.ndarray:
    """RAS affine with permuted, flipped and turned axes."""
    directions = np.eye(3)[:, list(order)] * np.asarray(signs)
    for axis, angle in enumerate(angles_rad):
        first, second = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        directions = turn @ directions
    affine = np.eye(4)
    affine[:3, :3] = directions * np.asarray(spacing_mm)
    affine[:3, 3] = offset_mm
    return affine


def write_scan(path: Path, volume: VoxelImage) -> Path:
    """Write a file in the format that its suffix names, or a DICOM folder without one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".mgz", ".mgh"):
        nibabel.save(nibabel.MGHImage(volume.array, volume.affine), path)
    elif path.suffix:
        sitk.WriteImage(image_from_volume(volume), str(path))
    else:
        write_dicom(path, volume)
    return path


def write_nifti(path: Path, volume: VoxelImage, **header: object) -> Path:
    """Write NIfTI-1 with chosen header fields, for example ``sform_code=0``."""
    image = nibabel.Nifti1Image(volume.array, volume.affine)
    image.set_qform(volume.affine, 1)
    path.write_bytes(patched(image.to_bytes(), **header))
    return path


def patched(data: bytes, **header: object) -> bytes:
    """Set header fields of an uncompressed NIfTI-1 file, after all that nibabel would correct."""
    fields = np.frombuffer(data[:348], nibabel.nifti1.header_dtype).copy()
    for name, value in header.items():
        fields[name] = value
    return fields.tobytes() + data[348:]


def write_dicom(
    folder: Path,
    volume: VoxelImage,
    series_uid: str = "1.2.826.0.1.3680043.2.1125.1",
    description: str = "T1 MPRAGE",
    prefix: str = "image",
    header: dict[str, str] | None = None,
) -> list[Path]:
    """Write one slice a file; the names are in no useful order. ``header`` adds tags."""
    folder.mkdir(parents=True, exist_ok=True)
    image = image_from_volume(volume)
    direction = np.reshape(image.GetDirection(), (3, 3))
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    files = []
    for k in range(image.GetDepth()):
        position = image.TransformIndexToPhysicalPoint((0, 0, k))
        slice_image = image[:, :, k]
        tags = {
            "0008|0060": "MR",
            "0008|0018": f"{series_uid}.{k + 1}",
            "0008|103e": description,
            "0020|000d": "1.2.826.0.1.3680043.2.1125.9",
            "0020|000e": series_uid,
            "0020|0013": str(k + 1),
            "0020|0032": "\\".join(f"{value:.6f}" for value in position),
            "0020|0037": "\\".join(f"{value:.8f}" for value in direction[:, :2].T.ravel()),
            **(header or {}),
        }
        for tag, value in tags.items():
            slice_image.SetMetaData(tag, value)
        file = folder / f"{prefix}{k * 7919 % 1000:03d}.dcm"
        writer.SetFileName(str(file))
        writer.Execute(slice_image)
        files.append(file)
    return files


def move_slice(file: Path, position_mm: np.ndarray) -> None:
    """Rewrite a DICOM slice with another position, given in RAS."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    image = reader.Execute()
    slice_image = image[:, :, 0]
    for key in reader.GetMetaDataKeys():
        slice_image.SetMetaData(key, reader.GetMetaData(key))
    position_lps = position_mm * [-1, -1, 1]
    slice_image.SetMetaData("0020|0032", "\\".join(f"{value:.6f}" for value in position_lps))
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(file))
    writer.Execute(slice_image)


def codes(path: Path) -> set[str]:
    """Of the flags with which a scan is read."""
    return {flag.code for flag in read_scan(path).flags}


def replaced(path: Path, old: bytes, new: bytes) -> Path:
    """Put other bytes in a file where ``old`` first stands."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    return path


def cubes(size: int, spacing_mm: float, **options) -> VoxelImage:
    return head_volume((size,) * 3, np.diag([spacing_mm] * 3 + [1.0]), **options)
