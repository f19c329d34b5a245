"""Write label maps as NIfTI-1 that lie exactly where the scan lies.

Written here and not by SimpleITK, because ITK forces the axes of a sheared grid to right angles:
the labels would move in the world, by millimetres at the edge of a head.

Both codes are 1 (scanner), because ITK, and so Slicer, takes the exact sform only then; with any
other code it takes the qform, whose quaternion is coarser. All other readers take the sform.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from ..errors import GridTooLargeError
from ..geometry.voxel_image import Grid, VoxelImage

HEADER_BYTES = 348
# Header and the four bytes that say that no header extension follows.
VOXEL_OFFSET_BYTES = 352
LARGEST_AXIS_VOXELS = 2**15 - 1
# NIfTI's codes.
VOXEL_TYPES = {"uint8": 2, "uint16": 512}
UNIT_MILLIMETRE = 2
FORM_UNKNOWN, FORM_SCANNER = 0, 1
# ITK refuses a sform with a shear of some 0.0002, as rounded headers have it, unless there is a
# qform. One that puts no voxel further away than this is better than a file that does not open.
QFORM_TOLERANCE_MM = 0.1
# Label maps are almost empty: higher levels take longer and save little.
COMPRESSION_LEVEL = 4
CHUNK_BYTES = 1 << 22


def write_nifti(volume: VoxelImage, path: Path) -> None:
    """Write a label map as gzip-compressed NIfTI-1; the same labels give the same bytes.

    Parameters
    ----------
    volume : VoxelImage
        uint8 or uint16, shape (I, J, K); any affine that spans space, sheared ones too.
    path : Path
        Overwritten if it is there.

    Raises
    ------
    ValueError
        Another voxel type, or not three axes.
    GridTooLargeError
        An axis of more than 32767 voxels.
    OSError
        From the disk; a part of the file may then be left.
    """
    header = _header(volume)
    # Without name and time in the gzip header, and little-endian on every machine.
    voxels = volume.array.astype(volume.array.dtype.newbyteorder("<"), copy=False)
    slice_bytes = voxels[..., 0].nbytes
    depth = max(1, CHUNK_BYTES // max(1, slice_bytes))
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, mtime=0) as stream,
    ):
        stream.write(header)
        for start in range(0, voxels.shape[2], depth):
            stream.write(voxels[..., start : start + depth].tobytes(order="F"))


def _header(volume: VoxelImage) -> bytes:
    dtype = volume.array.dtype
    if dtype.name not in VOXEL_TYPES or volume.array.ndim != 3:
        raise ValueError(f"not a label map: {dtype.name} of shape {volume.array.shape}")
    if max(volume.array.shape) > LARGEST_AXIS_VOXELS:
        raise GridTooLargeError(
            f"The label grid of {' × '.join(map(str, volume.array.shape))} voxels is too large "
            f"for NIfTI, which allows {LARGEST_AXIS_VOXELS} voxels per axis. Crop the scan."
        )
    header = bytearray(VOXEL_OFFSET_BYTES)

    def put(format_: str, offset: int, *values: float) -> None:
        struct.pack_into("<" + format_, header, offset, *values)

    handedness, quaternion = _quaternion(volume.grid)
    put("i", 0, HEADER_BYTES)
    put("c", 38, b"r")
    put("8h", 40, 3, *volume.array.shape, 1, 1, 1, 1)
    put("2h", 70, VOXEL_TYPES[dtype.name], 8 * dtype.itemsize)
    put("8f", 76, handedness, *volume.spacing_mm, 1, 1, 1, 1)
    # Voxel offset, then a slope of 1 and an intercept of 0: labels are stored as they are.
    put("3f", 108, VOXEL_OFFSET_BYTES, 1, 0)
    put("B", 123, UNIT_MILLIMETRE)
    put("80s", 148, b"HypothalamusSeg")
    put("2h", 252, FORM_UNKNOWN if quaternion is None else FORM_SCANNER, FORM_SCANNER)
    if quaternion is not None:
        put("6f", 256, *quaternion, *volume.affine[:3, 3])
    put("12f", 280, *volume.affine[:3].ravel())
    put("4s", 344, b"n+1\0")
    return bytes(header)


def _quaternion(grid: Grid) -> tuple[float, np.ndarray | None]:
    """Handedness (±1) and the quaternion's b, c, d; None for axes that are not at right angles."""
    spacing = grid.spacing_mm
    handedness = 1.0 if np.linalg.det(grid.affine[:3, :3]) > 0 else -1.0
    # NIfTI's qform mirrors the third axis of a left-handed grid.
    scale = spacing * [1, 1, handedness]
    u, _, v = np.linalg.svd(grid.affine[:3, :3] / scale)
    rotation = u @ v
    last = np.array(grid.shape) - 1
    corners = last * np.array(list(np.ndindex(2, 2, 2)))
    distances = np.linalg.norm(corners @ (rotation * scale - grid.affine[:3, :3]).T, axis=1)
    if distances.max() > QFORM_TOLERANCE_MM:
        return handedness, None
    return handedness, _imaginary_part(rotation)


def _imaginary_part(rotation: np.ndarray) -> np.ndarray:
    """b, c, d of the unit quaternion of a rotation whose real part is not negative.

    The quaternion is the eigenvector to the largest eigenvalue of a matrix made of the rotation's
    elements (Bar-Itzhack 2000), which unlike the trace is exact for turns by half a circle too.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    quaternion = np.linalg.eigh(matrix)[1][:, -1]
    return quaternion[1:] if quaternion[0] >= 0 else -quaternion[1:]
