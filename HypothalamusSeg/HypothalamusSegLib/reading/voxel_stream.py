"""Read voxels from a file, gzip-compressed or not, and check that no byte is missing.

SimpleITK silently fills the missing rest of a truncated NIfTI file with zeros. Here, a missing
byte or a wrong gzip checksum is an error.

Examples
--------
>>> spatial_shape((4, 5, 6, 1), Path("head.nii"))
(4, 5, 6)
"""

from __future__ import annotations

import gzip
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import CorruptFileError, SeveralFramesError

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 24
# Highest possible compression of deflate. If a header asks for more, it is wrong or data is
# missing.
DEFLATE_LARGEST_RATIO = 1032
# MGH files end with tags. Without a limit, a small file could unpack for hours.
MOST_TRAILING_BYTES = 1 << 26


@contextmanager
def open_decompressed(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; gzip is detected by its first bytes, not by the file name."""
    with path.open("rb") as raw:
        is_gzip = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        if is_gzip:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream
        else:
            yield raw


def read_exactly(stream: BinaryIO, count: int, path: Path) -> bytes:
    """Read ``count`` bytes or raise CorruptFileError."""
    data = stream.read(count)
    if len(data) < count:
        raise _cut_error(path, "its header is incomplete")
    return data


def read_array(
    stream: BinaryIO, dtype: np.dtype, shape: tuple[int, int, int], path: Path
) -> np.ndarray:
    """Read the voxels from ``stream``, and the stream to its end.

    Parameters
    ----------
    stream : binary file
        At the first voxel; i runs fastest.
    dtype : dtype
        As stored.
    shape : tuple of int
        Voxels along i, j, k.
    path : Path
        For messages, and for the size on disk.

    Returns
    -------
    ndarray, shape ``shape``
        In Fortran order.

    Raises
    ------
    CorruptFileError
        Fewer bytes than the header promises, or many more.
    """
    count = math.prod(shape)
    if count * dtype.itemsize > os.path.getsize(path) * _largest_ratio(stream):
        raise _cut_error(path, "it is shorter than its header says")
    voxels = np.empty(count, dtype)
    view = memoryview(voxels.view(np.uint8))
    filled = 0
    while filled < len(view):
        chunk = stream.read(min(CHUNK_BYTES, len(view) - filled))
        if not chunk:
            raise _cut_error(path, f"it has only {filled} of {len(view)} bytes of voxel data")
        view[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    # gzip checks its checksum only at the end of the stream.
    trailing = 0
    while chunk := stream.read(CHUNK_BYTES):
        trailing += len(chunk)
        if trailing > MOST_TRAILING_BYTES:
            raise CorruptFileError(
                "{path} is much longer than its header says. Copy, download or export the file "
                "again.",
                path=path,
            )
    return voxels.reshape(shape, order="F")


def spatial_shape(sizes: tuple[int, ...], path: Path) -> tuple[int, int, int]:
    """Return the voxels along i, j, k if an image with any number of axes has a single frame.

    Raises
    ------
    CorruptFileError
        An axis has no voxels.
    SeveralFramesError
        More than one frame along the further axes.
    """
    if min(sizes[:3], default=0) < 1:
        raise CorruptFileError(
            "{path} has an axis with no voxels. Export the scan again.", path=path
        )
    # Some programs write 0 for unused axes.
    frames = math.prod(max(1, size) for size in sizes[3:])
    if frames > 1:
        raise SeveralFramesError(
            "{path} contains {frames} volumes (time points, echoes or directions), but only "
            "one can be segmented at a time. Save the T1-weighted volume as its own file.",
            path=path,
            frames=frames,
        )
    i, j, k = (*sizes, 1, 1)[:3]
    return i, j, k


def _largest_ratio(stream: BinaryIO) -> int:
    return DEFLATE_LARGEST_RATIO if isinstance(stream, gzip.GzipFile) else 1


def _cut_error(path: Path, detail: str) -> CorruptFileError:
    return CorruptFileError(
        "{path} is truncated: {detail}. Copy, download or export the file again.",
        path=path,
        detail=detail,
    )
