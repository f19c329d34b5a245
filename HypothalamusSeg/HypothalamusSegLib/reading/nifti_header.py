"""Headers of NIfTI-1 and NIfTI-2 files, in either byte order.

Examples
--------
>>> import io
>>> try:
...     read_nifti_header(io.BytesIO(b"no header"), Path("head.nii"))
... except CorruptFileError as error:
...     print(error.code)
corrupt_file
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import CorruptFileError
from .voxel_stream import read_exactly

NIFTI1_BYTES = 348
NIFTI2_BYTES = 540
# Header extensions between header and voxels are never this long.
LARGEST_VOXEL_OFFSET_BYTES = 1 << 30


@dataclass(frozen=True)
class NiftiHeader:
    """The header fields in use; lengths in the unit of the file (``spatial_unit``)."""

    byte_order: str
    sizes: tuple[int, ...]
    voxel_type: int
    voxel_offset: int
    slope: float
    intercept: float
    spacing: np.ndarray
    handedness: float
    spatial_unit: int
    qform_code: int
    sform_code: int
    quaternion: np.ndarray
    qform_offset: np.ndarray
    sform: np.ndarray


def read_nifti_header(stream: BinaryIO, path: Path) -> tuple[NiftiHeader, int]:
    """Read the header at the start of a stream.

    Returns
    -------
    NiftiHeader
    int
        Bytes read.

    Raises
    ------
    CorruptFileError
        No NIfTI header, or an incomplete one.
    """
    start = read_exactly(stream, 4, path)
    for byte_order in "<>":
        (length,) = struct.unpack(f"{byte_order}i", start)
        if length in (NIFTI1_BYTES, NIFTI2_BYTES):
            data = start + read_exactly(stream, length - 4, path)
            parse = _nifti1 if length == NIFTI1_BYTES else _nifti2
            header = parse(data, byte_order)
            if header is not None:
                return header, length
    raise CorruptFileError(
        "{path} is not a valid NIfTI file, or is damaged. Copy or export it again.", path=path
    )


def _nifti1(data: bytes, order: str) -> NiftiHeader | None:
    def field(format_: str, offset: int) -> tuple:
        return struct.unpack_from(order + format_, data, offset)

    if data[344:348] != b"n+1\0":
        return None
    return _header(
        order,
        dim=field("8h", 40),
        types=(field("h", 70)[0], field("f", 108)[0], *field("2f", 112)),
        pixdim=field("8f", 76),
        unit=data[123] & 7,
        codes=field("2h", 252),
        qform=field("6f", 256),
        sform=field("12f", 280),
    )


def _nifti2(data: bytes, order: str) -> NiftiHeader | None:
    def field(format_: str, offset: int) -> tuple:
        return struct.unpack_from(order + format_, data, offset)

    if data[4:8] != b"n+2\0":
        return None
    return _header(
        order,
        dim=field("8q", 16),
        types=(field("h", 12)[0], field("q", 168)[0], *field("2d", 176)),
        pixdim=field("8d", 104),
        unit=field("i", 500)[0] & 7,
        codes=field("2i", 344),
        qform=field("6d", 352),
        sform=field("12d", 400),
    )


def _header(order, dim, types, pixdim, unit, codes, qform, sform) -> NiftiHeader | None:
    if not 1 <= dim[0] <= 7 or not 0 <= types[1] < LARGEST_VOXEL_OFFSET_BYTES:
        return None
    return NiftiHeader(
        byte_order=order,
        sizes=tuple(dim[1 : dim[0] + 1]),
        voxel_type=types[0],
        voxel_offset=int(types[1]),
        slope=types[2],
        intercept=types[3],
        spacing=np.abs(pixdim[1:4]),
        handedness=-1.0 if pixdim[0] < 0 else 1.0,
        spatial_unit=unit,
        qform_code=codes[0],
        sform_code=codes[1],
        quaternion=np.array(qform[:3], float),
        qform_offset=np.array(qform[3:], float),
        sform=np.reshape(np.array(sform, float), (3, 4)),
    )
