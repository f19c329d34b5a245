"""NRRD (.nrrd, .nhdr) and MetaImage (.mha, .mhd) files.

SimpleITK reads the voxels. The text header is looked at first, because ITK fills in an identity
where a header says nothing about space.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import SimpleITK as sitk

from ..errors import CorruptFileError, NoSpatialInformationError
from ..flags import Flag
from ..volume import Volume, volume_from_image
from .itk_reading import grey_frame, itk_failures_named

LONGEST_HEADER_BYTES = 1 << 20
CHUNK_BYTES = 1 << 24
# The spaces that ITK turns into LPS; it takes any other as if it were LPS.
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
METAIMAGE_DIRECTIONS = ("transformmatrix", "rotation", "orientation")


def read_nrrd(path: Path) -> tuple[Volume, list[Flag]]:
    """Read a NRRD file with its space directions.

    Returns
    -------
    Volume
        float32, RAS affine.
    list of Flag
        orientation_suspect where the space is not an anatomical one.

    Raises
    ------
    CorruptFileError, ColourImageError, SeveralFramesError, NoSpatialInformationError
    """
    fields, _ = _header(path, b":", b"NRRD")
    if "spacedirections" not in fields or not {"space", "spacedimension"} & fields.keys():
        raise NoSpatialInformationError(
            f"{path} has no 'space' or no 'space directions', so left and right cannot be told. "
            "Convert it again from DICOM."
        )
    _existing_data_file(path, fields)
    flags = []
    if fields.get("space", "").lower() not in NRRD_ANATOMICAL_SPACES:
        flags.append(_assumed_lps())
    return _read_by_itk(path), flags


def read_metaimage(path: Path) -> tuple[Volume, list[Flag]]:
    """Read a MetaImage file.

    Returns
    -------
    Volume
        float32, RAS affine.
    list of Flag
        orientation_suspect where the header has a voxel size but no directions.

    Raises
    ------
    CorruptFileError, ColourImageError, SeveralFramesError, NoSpatialInformationError
    """
    fields, data_offset = _header(path, b"=", b"")
    if "dimsize" not in fields or "elementdatafile" not in fields:
        raise CorruptFileError(
            f"{path} is named as a MetaImage but is none, or is damaged. Copy or export it again."
        )
    has_directions = any(name in fields for name in METAIMAGE_DIRECTIONS)
    if not has_directions and "elementspacing" not in fields and "elementsize" not in fields:
        raise NoSpatialInformationError(
            f"{path} has neither a voxel size nor directions, so it cannot be placed in the "
            "patient. Convert it again from DICOM."
        )
    data_file = _existing_data_file(path, fields)
    if fields.get("compresseddata", "").lower() == "true":
        _check_zlib(path, data_file or path, 0 if data_file else data_offset)
    return _read_by_itk(path), [] if has_directions else [_assumed_lps()]


def detached_data_file(path: Path) -> Path | None:
    """The single file with the voxels of a ``.nhdr`` or ``.mhd`` header, if there is one."""
    is_nrrd = path.suffix.lower() in (".nrrd", ".nhdr")
    fields, _ = _header(path, b":" if is_nrrd else b"=", b"")
    return _data_file(path, fields)


def _read_by_itk(path: Path) -> Volume:
    with itk_failures_named(path):
        return volume_from_image(grey_frame(sitk.ReadImage(str(path)), path))


def _assumed_lps() -> Flag:
    return Flag(
        "orientation_suspect",
        "The file does not say which way is the patient's left; DICOM's axes were assumed. "
        "Check left and right on the original scan.",
    )


def _header(path: Path, separator: bytes, magic: bytes) -> tuple[dict[str, str], int]:
    """Fields of a text header, names in lower case without blanks, and where the header ends."""
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        start = stream.readline(LONGEST_HEADER_BYTES)
        if not start.startswith(magic):
            raise CorruptFileError(
                f"{path} does not begin as its name says. Copy or export it again."
            )
        line = start
        while line.strip() and stream.tell() < LONGEST_HEADER_BYTES:
            name, found, value = line.partition(separator)
            if found and not line.startswith(b"#") and not value.startswith(b"="):
                name = name.decode("latin-1").lower().replace(" ", "").strip()
                fields[name] = value.decode("utf-8", "replace").strip()
                if name == "elementdatafile":
                    break
            line = stream.readline(LONGEST_HEADER_BYTES)
        return fields, stream.tell()


def _data_file(path: Path, fields: dict[str, str]) -> Path | None:
    name = fields.get("elementdatafile") or fields.get("datafile", "LOCAL")
    # Lists and numbered patterns of files are left to ITK.
    if name.upper() == "LOCAL" or name.upper().startswith("LIST") or "%" in name:
        return None
    return path.parent / name


def _existing_data_file(path: Path, fields: dict[str, str]) -> Path | None:
    data_file = _data_file(path, fields)
    if data_file is not None and not data_file.is_file():
        raise CorruptFileError(
            f"{path} is only a header, and its voxels in {data_file} are missing. "
            "Put both files into one folder."
        )
    return data_file


def _check_zlib(path: Path, data_file: Path, offset: int) -> None:
    """ITK prints "Uncompress failed" and goes on with noise; a wrong checksum ends it here."""
    inflate = zlib.decompressobj()
    with data_file.open("rb") as stream:
        stream.seek(offset)
        while not inflate.eof:
            chunk = stream.read(CHUNK_BYTES)
            if not chunk:
                raise CorruptFileError(
                    f"{path} is truncated: its compressed voxels end too early. "
                    "Copy or export it again."
                )
            while chunk and not inflate.eof:
                inflate.decompress(chunk, CHUNK_BYTES)
                chunk = inflate.unconsumed_tail
