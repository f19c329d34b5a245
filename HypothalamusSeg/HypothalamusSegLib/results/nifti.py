"""Write label maps as NIfTI-1 on exactly the same grid as the scan.

Own writer instead of SimpleITK, because ITK forces the axes of a sheared grid to right angles. The
labels would move by millimeters at the edge of a head.

Both codes are 1 (scanner), because only then do ITK and Slicer use the exact sform; with other
codes they use the less precise qform. All other readers use the sform.

Examples
--------
>>> import tempfile
>>> labels = VoxelImage(np.ones((2, 3, 4), np.uint8), np.eye(4))
>>> with tempfile.TemporaryDirectory() as folder:
...     write_nifti(labels, Path(folder) / "labels.nii.gz")
...     [path.name for path in Path(folder).iterdir()]
['labels.nii.gz']
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from ..errors import GridTooLargeError
from ..geometry.voxel_image import Grid, VoxelImage

HEADER_BYTES = 348
# Header plus four bytes meaning that no header extension follows.
VOXEL_OFFSET_BYTES = 352
LARGEST_AXIS_VOXELS = 2**15 - 1
# NIfTI's codes.
VOXEL_TYPES = {"uint8": 2, "uint16": 512}
UNIT_MILLIMETRE = 2
FORM_UNKNOWN, FORM_SCANNER = 0, 1
# Without a qform, ITK refuses a sform with a shear of about 0.0002, as in rounded headers. A qform
# that moves no voxel by more than this is better than a file that does not open.
QFORM_TOLERANCE_MM = 0.1
# Label maps are mostly zero: higher levels are slower and save little.
COMPRESSION_LEVEL = 4
CHUNK_BYTES = 1 << 22


def write_nifti(volume: VoxelImage, path: Path) -> None:
    """Write a label map as gzip-compressed NIfTI-1; the same labels give the same bytes.

    Parameters
    ----------
    volume : VoxelImage
        uint8 or uint16, shape (I, J, K); any affine that spans space, sheared ones too.
    path : Path
        Overwritten if it exists.

    Raises
    ------
    ValueError
        Another voxel type, or not three axes.
    GridTooLargeError
        An axis of more than 32767 voxels.
    OSError
        If writing fails; a partial file may remain.
    """
    header = _header(volume)
    # No name or time in the gzip header, and always little-endian, so output is reproducible.
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
    # Voxel offset, slope 1 and intercept 0: labels are stored unscaled.
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
    """Handedness (±1) and b, c, d of the quaternion; None if the axes are not orthogonal."""
    spacing = grid.spacing_mm
    handedness = 1.0 if np.linalg.det(grid.affine[:3, :3]) > 0 else -1.0
    # The NIfTI qform mirrors the third axis of a left-handed grid.
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
    """b, c, d of the unit quaternion of a rotation (real part not negative).

    The quaternion is the eigenvector for the largest eigenvalue of a matrix built from the
    rotation (Bar-Itzhack 2000). Unlike the trace formula, this is also exact for rotations by
    180°. Not by scipy, which the engine's command would otherwise have to load.
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
