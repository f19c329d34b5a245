"""NIfTI-1 and NIfTI-2 files.

Own reader instead of SimpleITK, because ITK 5.4 reads truncated files silently, uses the qform (or
fails) if the sform is sheared, does not say which of the two it used, and lacks NIfTI-2 in the
PyPI build.

Examples
--------
>>> volume, flags = read_nifti(Path("head.nii.gz"))  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import CorruptFileError
from ..flags import Flag
from ..geometry.voxel_image import VoxelImage
from .itk_reading import several_values_error
from .nifti_affine import nifti_affine
from .nifti_header import NiftiHeader, read_nifti_header
from .voxel_stream import open_decompressed, read_array, read_exactly, spatial_shape

VOXEL_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
# Complex 64, complex 128, complex 256, RGB, RGBA.
SEVERAL_VALUES_TYPES = (32, 1792, 2048, 128, 2304)


def read_nifti(path: Path) -> tuple[VoxelImage, list[Flag]]:
    """Read a ``.nii`` or ``.nii.gz`` file, scaled by its slope and intercept.

    Returns
    -------
    VoxelImage
        float32; RAS affine from the sform, or from the qform if there is no valid sform.
    list of Flag
        left_right_suspect, orientation_suspect, spacing_suspect.

    Raises
    ------
    CorruptFileError, ColourImageError, SeveralFramesError, NoSpatialInformationError
    """
    with open_decompressed(path) as stream:
        header, header_bytes = read_nifti_header(stream, path)
        dtype = _voxel_dtype(header, path)
        shape = spatial_shape(header.sizes, path)
        affine, flags = nifti_affine(header, path)
        read_exactly(stream, max(0, header.voxel_offset - header_bytes), path)
        array = _scale(read_array(stream, dtype, shape, path), header.slope, header.intercept)
    return VoxelImage(array, affine), flags


def _voxel_dtype(header: NiftiHeader, path: Path) -> np.dtype:
    # NIfTI standard: the fourth axis is time, the fifth holds vector components.
    if header.voxel_type in SEVERAL_VALUES_TYPES or max(header.sizes[4:], default=1) > 1:
        raise several_values_error(path)
    if header.voxel_type not in VOXEL_TYPES:
        raise CorruptFileError(
            "{path} has an unknown voxel type ({voxel_type}). Export it again as 16-bit "
            "integers or 32-bit floating point.",
            path=path,
            voxel_type=header.voxel_type,
        )
    return np.dtype(header.byte_order + VOXEL_TYPES[header.voxel_type])


def _scale(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    # NIfTI standard: a slope of 0 means no scaling. Like nibabel, also ignore non-finite slopes.
    scale = slope if np.isfinite(slope) and slope != 0 else 1.0
    shift = intercept if scale == slope and np.isfinite(intercept) else 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        if (scale, shift) == (1.0, 0.0):
            return stored.astype(np.float32)
        # Large integers lose their low bits in float32, which an intercept can make visible.
        precision = np.float32 if stored.dtype.itemsize <= 2 else np.float64
        return (stored.astype(precision) * scale + shift).astype(np.float32)
