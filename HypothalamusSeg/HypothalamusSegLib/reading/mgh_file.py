"""FreeSurfer's MGH and MGZ files.

Own reader, because SimpleITK's PyPI build has no MGH reader and 3D Slicer has no nibabel.

Examples
--------
>>> volume, flags = read_mgh(Path("T1.mgz"))  # doctest: +SKIP
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from ..errors import CorruptFileError, NoSpatialInformationError
from ..flags import Flag
from ..geometry.voxel_image import VoxelImage
from .scan_checks import spans_space
from .voxel_stream import open_decompressed, read_array, read_exactly, spatial_shape

HEADER_BYTES = 284
VOXEL_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}


def read_mgh(path: Path) -> tuple[VoxelImage, list[Flag]]:
    """Read an ``.mgh`` or ``.mgz`` file.

    Returns
    -------
    VoxelImage
        float32; RAS scanner coordinates (not the "tkr" surface coordinates of FreeSurfer).
    list of Flag
        spacing_suspect where a voxel size is missing.

    Raises
    ------
    CorruptFileError, SeveralFramesError, NoSpatialInformationError
    """
    with open_decompressed(path) as stream:
        header = read_exactly(stream, HEADER_BYTES, path)
        version, *sizes, voxel_type, _, good_ras = struct.unpack_from(">7ih", header)
        if version & 0xFF != 1:
            raise CorruptFileError(
                "{path} is not a valid FreeSurfer volume, or is damaged. Copy or export it again.",
                path=path,
            )
        shape = spatial_shape(tuple(sizes), path)
        if voxel_type not in VOXEL_TYPES:
            raise CorruptFileError(
                "{path} has an unknown voxel type ({voxel_type}). Convert it to 32-bit "
                "floating point with mri_convert.",
                path=path,
                voxel_type=voxel_type,
            )
        if not good_ras:
            raise NoSpatialInformationError(
                "{path} does not give the orientation in the patient (its goodRAS flag is "
                "off). Convert it again from DICOM.",
                path=path,
            )
        affine, flags = _affine(struct.unpack_from(">15f", header, 30), shape, path)
        array = read_array(stream, np.dtype(VOXEL_TYPES[voxel_type]), shape, path)
    return VoxelImage(array.astype(np.float32), affine), flags


def _affine(
    numbers: tuple[float, ...], shape: tuple[int, int, int], path: Path
) -> tuple[np.ndarray, list[Flag]]:
    spacing = np.array(numbers[:3])
    flags = []
    if not spacing.all():
        message = "The header gives no voxel size; 1 mm was assumed. Volumes may be wrong."
        flags.append(Flag("spacing_suspect", message))
        spacing[spacing == 0] = 1.0
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(numbers[3:12], (3, 3)).T * spacing
    # FreeSurfer stores the position of the voxel with index size / 2.
    affine[:3, 3] = numbers[12:15] - affine[:3, :3] @ (np.array(shape) / 2)
    if not spans_space(affine):
        raise NoSpatialInformationError(
            "{path} has invalid direction cosines, so left and right are unknown. Convert it "
            "again from DICOM.",
            path=path,
        )
    return affine, flags
