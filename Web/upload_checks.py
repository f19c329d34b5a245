"""Check in a separate process whether an upload is a scan that can be segmented.

Untrusted files are checked step by step: archive entries before unpacking, headers before reading
voxels. Files that refer to other files are never opened.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import SimpleITK as sitk
from HypothalamusSegLib.flags import Flag
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.reading.dicom_files import DICOM_READER, DICOM_SUFFIXES
from HypothalamusSegLib.reading.dicom_series import find_series
from HypothalamusSegLib.reading.mgh_file import HEADER_BYTES as MGH_HEADER_BYTES
from HypothalamusSegLib.reading.nifti_header import read_nifti_header
from HypothalamusSegLib.reading.nrrd_metaimage import METAIMAGE_READER, NRRD_READER, text_header
from HypothalamusSegLib.reading.voxel_stream import open_decompressed, read_exactly

from .archives import SCAN_SUFFIXES, SPLIT_SUFFIXES, unpack_dicom
from .series_offer import OfferedSeries, offered_series
from .upload_refusals import UploadRefusedError, UploadTooLargeError

Look = Callable[[VoxelImage], Sequence[Flag]]
# A head at 0.4 mm; the engine would need several GB for more.
MOST_VOXELS = 512**3
ZIP_MAGIC = b"PK"
TEXT_HEADER_READERS = {".nrrd": NRRD_READER, ".mha": METAIMAGE_READER}
ACCEPTED = "NIfTI (.nii, .nii.gz), NRRD, MGZ/MGH, MetaImage (.mha), or a zip with DICOM series"


@dataclass(frozen=True)
class CheckedUpload:
    """A scan that can be segmented.

    Attributes
    ----------
    path : Path
        Input for the engine: the file, or the folder with the DICOM slices.
    name : str
        Name of the results.
    shape : tuple of int
    spacing_mm : tuple of float
    flags : tuple of dict
        Code and message of each flag found while reading.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    flags: tuple[dict, ...]

    def as_event(self) -> dict:
        """As JSON, for the server."""
        return {**self.__dict__, "path": str(self.path)}


@dataclass(frozen=True)
class SeriesOffer:
    """An archive with several series, of which one must be chosen.

    Attributes
    ----------
    path : Path
        The folder with all slices.
    series : tuple of OfferedSeries
    """

    path: Path
    series: tuple[OfferedSeries, ...]

    def as_event(self) -> dict:
        """As JSON, for the server."""
        return {"path": str(self.path), "series": [asdict(each) for each in self.series]}


def check_upload(
    path: Path,
    most_bytes: int,
    pictures: Path | None = None,
    series: int | None = None,
    look: Look | None = None,
) -> CheckedUpload | SeriesOffer:
    """Unpack, if it is an archive, and read a scan once.

    Parameters
    ----------
    path : Path
        The uploaded file, alone in its folder. An archive is replaced by a folder with its slices;
        with ``series``, this is that folder.
    most_bytes : int
        Size limit of an unpacked archive.
    pictures : Path or None
        New folder for pictures of the series, if there are several; None: no pictures.
    series : int or None
        The number of the series that was chosen, from 1.
    look : callable or None
        Finds flags in a scan before it is segmented.

    Returns
    -------
    CheckedUpload or SeriesOffer
        The latter where an archive holds several series and none was chosen.

    Raises
    ------
    UploadRefusedError, UploadTooLargeError
    HypothalamusSegError
        See `read_scan`.
    """
    if series is not None:
        slices = list(find_series(path).values())[series - 1]
        path, files = slices[0].path, [each.path for each in slices]
    elif _begins_with(path, ZIP_MAGIC):
        path = unpack_dicom(path, most_bytes)
        found = find_series(path)
        if len(found) > 1:
            return SeriesOffer(path, offered_series(found, pictures))
        files = sorted(path.iterdir())
    else:
        _refuse_by_name(path)
        _refuse_split_files(path)
        files = [path]
    _refuse_huge(path, files)
    scan = read_scan(path)
    flags = (*scan.flags, *(look(scan.volume) if look else ()))
    return CheckedUpload(
        path,
        scan.name,
        tuple(scan.volume.array.shape),
        tuple(round(float(edge), 3) for edge in scan.volume.spacing_mm),
        tuple({"code": flag.code, "message": flag.message} for flag in flags),
    )


def _refuse_by_name(path: Path) -> None:
    name = path.name.lower()
    if name.endswith(SPLIT_SUFFIXES):
        raise UploadRefusedError(
            f"{path.name} is one of two files that belong together. Save the scan as a single "
            "file: .nii.gz, .nrrd, .mgz or .mha."
        )
    if name.endswith(DICOM_SUFFIXES):
        raise UploadRefusedError(
            f"{path.name} is a single DICOM file. Zip all files of the series and upload the "
            "zip file."
        )
    if not name.endswith(SCAN_SUFFIXES):
        raise UploadRefusedError(
            f"{path.name} is not in an accepted format. Accepted formats: {ACCEPTED}."
        )


def _refuse_split_files(path: Path) -> None:
    """Refuse headers that refer to other files: the server would read those."""
    if path.suffix.lower() in TEXT_HEADER_READERS and text_header(path).data_file is not None:
        raise UploadRefusedError(
            f"{path.name} keeps its voxels in another file. Save the scan as a single file."
        )


def _refuse_huge(path: Path, files: list[Path]) -> None:
    voxels = sum(map(_declared_voxels, files))
    if voxels > MOST_VOXELS:
        raise UploadTooLargeError(
            f"{path.name} is said to have {voxels:,} voxels; the limit is {MOST_VOXELS:,}. "
            "Resample it to 0.5 mm or more, or crop it to the head."
        )


def _declared_voxels(path: Path) -> int:
    """Number of voxels according to the header; reads only the header."""
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        with open_decompressed(path) as stream:
            return _product(read_nifti_header(stream, path)[0].sizes)
    if name.endswith((".mgh", ".mgz")):
        with open_decompressed(path) as stream:
            header = read_exactly(stream, MGH_HEADER_BYTES, path)
            return _product(struct.unpack_from(">4i", header, 4))
    reader = sitk.ImageFileReader()
    # ITK must not guess the format: it would pass an untrusted file to any of its parsers.
    reader.SetImageIO(TEXT_HEADER_READERS.get(path.suffix.lower(), DICOM_READER))
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return 0  # `read_scan` reports what is wrong
    return _product(reader.GetSize()) * reader.GetNumberOfComponents()


def _product(sizes: tuple[int, ...]) -> int:
    return math.prod(max(1, size) for size in sizes)


def _begins_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic
