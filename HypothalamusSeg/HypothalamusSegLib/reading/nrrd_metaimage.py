"""NRRD (.nrrd, .nhdr) and MetaImage (.mha, .mhd) files.

SimpleITK reads the voxels. The text header is checked first (`text_header`), because ITK assumes
an identity if a header gives no orientation, and opens any file it names.

Examples
--------
>>> volume, flags = read_nrrd(Path("head.nrrd"))  # doctest: +SKIP
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import SimpleITK as sitk

from ..errors import CorruptFileError, NoSpatialInformationError
from ..flags import Flag
from ..geometry.voxel_image import VoxelImage, volume_from_image
from .itk_reading import name_for_itk, name_itk_failures, take_grey_frame
from .text_header import TextHeader, read_metaimage_header, read_nrrd_header
from .voxel_stream import MOST_TRAILING_BYTES

CHUNK_BYTES = 1 << 24
LARGEST_ELEMENT_BYTES = 8
# Names of ITK's readers, so ITK does not guess one from the content of a file.
NRRD_READER, METAIMAGE_READER = "NrrdImageIO", "MetaImageIO"
# The spaces that ITK converts to LPS; it treats all others as LPS.
NRRD_ANATOMICAL_SPACES = (
    "right-anterior-superior",
    "left-anterior-superior",
    "left-posterior-superior",
    "right-anterior-superior-time",
    "left-anterior-superior-time",
    "left-posterior-superior-time",
    "ras",
    "las",
    "lps",
    "rast",
    "last",
    "lpst",
)
METAIMAGE_DIRECTIONS = ("TransformMatrix", "Rotation", "Orientation")


def read_nrrd(path: Path) -> tuple[VoxelImage, list[Flag]]:
    """Read a NRRD file with its space directions.

    Returns
    -------
    VoxelImage
        float32, RAS affine.
    list of Flag
        orientation_suspect if the space is not anatomical.

    Raises
    ------
    CorruptFileError, ColourImageError, SeveralFramesError, NoSpatialInformationError
    """
    header = read_nrrd_header(path)
    fields = header.fields
    if "spacedirections" not in fields or not {"space", "spacedimension"} & fields.keys():
        raise NoSpatialInformationError(
            "{path} has no 'space' or no 'space directions', so left and right are unknown. "
            "Convert it again from DICOM.",
            path=path,
        )
    _existing_data_file(path, header)
    flags = []
    if fields.get("space", "").lower() not in NRRD_ANATOMICAL_SPACES:
        flags.append(_assumed_axes_flag())
    return _read_by_itk(path, NRRD_READER), flags


def read_metaimage(path: Path) -> tuple[VoxelImage, list[Flag]]:
    """Read a MetaImage file.

    Returns
    -------
    VoxelImage
        float32, RAS affine.
    list of Flag
        orientation_suspect if the header has a voxel size but no directions.

    Raises
    ------
    CorruptFileError, ColourImageError, SeveralFramesError, NoSpatialInformationError
    """
    header = read_metaimage_header(path)
    fields = header.fields
    if "DimSize" not in fields:
        raise CorruptFileError(
            "{path} is not a valid MetaImage file, or is damaged. Copy or export it again.",
            path=path,
        )
    has_directions = any(name in fields for name in METAIMAGE_DIRECTIONS)
    if not has_directions and "ElementSpacing" not in fields and "ElementSize" not in fields:
        raise NoSpatialInformationError(
            "{path} gives neither a voxel size nor directions, so its position in the patient "
            "is unknown. Convert it again from DICOM.",
            path=path,
        )
    data_file = _existing_data_file(path, header)
    if fields.get("CompressedData", "").lower() == "true":
        offset = 0 if data_file else header.data_offset
        _check_zlib(path, data_file or path, offset, _most_bytes(fields))
    return _read_by_itk(path, METAIMAGE_READER), [] if has_directions else [_assumed_axes_flag()]


def detached_data_file(path: Path) -> Path | None:
    """Find the single data file of a detached header, if there is one."""
    return _data_file(path, text_header(path))


def text_header(path: Path) -> TextHeader:
    """Read the header of a NRRD or MetaImage file, depending on the suffix."""
    is_nrrd = path.suffix.lower() in (".nrrd", ".nhdr")
    return read_nrrd_header(path) if is_nrrd else read_metaimage_header(path)


def _read_by_itk(path: Path, reader: str) -> VoxelImage:
    with name_itk_failures(path), name_for_itk(path) as name:
        return volume_from_image(take_grey_frame(sitk.ReadImage(name, imageIO=reader), path))


def _assumed_axes_flag() -> Flag:
    return Flag(
        "orientation_suspect",
        "The file does not say which side is the patient's left. The axes of DICOM were "
        "assumed. Check left and right on the original scan.",
    )


def _data_file(path: Path, header: TextHeader) -> Path | None:
    name = header.data_file
    # Lists and numbered patterns of files are left to ITK.
    if name is None or name.upper().startswith("LIST") or "%" in name:
        return None
    return path.parent / name


def _existing_data_file(path: Path, header: TextHeader) -> Path | None:
    data_file = _data_file(path, header)
    if data_file is not None and not data_file.is_file():
        raise CorruptFileError(
            "{path} is only a header, and its data file {data_file} is missing. Put both files "
            "in the same folder.",
            path=path,
            data_file=data_file,
        )
    return data_file


def _most_bytes(fields: dict[str, str]) -> int:
    """Upper limit of the unpacked voxels of a MetaImage file, with some room."""
    words = f"{fields['DimSize']} {fields.get('ElementNumberOfChannels', '1')}".split()
    count = math.prod(max(1, int(float(word))) for word in words)
    return count * LARGEST_ELEMENT_BYTES + MOST_TRAILING_BYTES


def _check_zlib(path: Path, data_file: Path, offset: int, most_bytes: int) -> None:
    """Check the checksum: ITK prints "Uncompress failed" and continues with garbage."""
    inflate = zlib.decompressobj()
    count = 0
    with data_file.open("rb") as stream:
        stream.seek(offset)
        while not inflate.eof:
            chunk = stream.read(CHUNK_BYTES)
            if not chunk:
                raise CorruptFileError(
                    "{path} is truncated: its compressed data ends too early. Copy or export "
                    "it again.",
                    path=path,
                )
            while chunk and not inflate.eof:
                count += len(inflate.decompress(chunk, CHUNK_BYTES))
                chunk = inflate.unconsumed_tail
                if count > most_bytes:
                    raise CorruptFileError(
                        "{path} is much longer than its header says. Copy or export it again.",
                        path=path,
                    )
