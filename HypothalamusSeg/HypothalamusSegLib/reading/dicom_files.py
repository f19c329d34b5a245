"""The DICOM files of a folder and their headers.

Slices are found here because GDCM's own search silently drops truncated slices.

Examples
--------
>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder) / "notes.txt"
...     _ = file.write_text("no DICOM", encoding="utf-8")
...     is_dicom_file(file)
False
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import CorruptFileError, NotAnImageError
from .itk_reading import name_itk_failures

# Name of ITK's reader, so ITK does not guess one from the content of a file.
DICOM_READER = "GDCMImageIO"
PREAMBLE_BYTES = 128
FILE_META_BYTES = 1024
# Old scanners wrote DICOM without the preamble; such files are accepted by their name.
DICOM_SUFFIXES = (".dcm", ".ima", ".dicom")
# Enhanced and legacy-converted multi-frame objects keep their positions in sequences.
ENHANCED_SOP_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.4.4",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.2.2",
)
POSITION, ORIENTATION, PIXEL_SPACING = "0020|0032", "0020|0037", "0028|0030"
SOP_CLASS, SERIES_UID, SERIES_DESCRIPTION = "0008|0016", "0020|000e", "0008|103e"
# Images that are not scans: segmentations and secondary captures, such as this package writes.
OTHER_SOP_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.66.7",
    "1.2.840.10008.5.1.4.1.1.7",
)


@dataclass(frozen=True)
class Slice:
    """Header of one DICOM file; position and directions in LPS, in millimeters."""

    path: Path
    series_uid: str
    description: str
    sop_class: str
    size: tuple[int, int, int]
    position_mm: np.ndarray
    directions: np.ndarray
    spacing_mm: np.ndarray
    has_position: bool
    has_spacing: bool
    values_per_voxel: int


def is_dicom_file(path: Path) -> bool:
    """Whether a file starts with the DICOM preamble."""
    with path.open("rb") as stream:
        return stream.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] == b"DICM"


def find_slices(path: Path) -> tuple[list[Slice], list[Path]]:
    """Read the headers of all DICOM images; also returns the unreadable DICOM files."""
    folder = path if path.is_dir() else path.parent
    files = [
        file for file in sorted(folder.iterdir()) if file.is_file() and _may_be_dicom(file, True)
    ]
    if path.is_dir() and not any(is_dicom_file(file) for file in files):
        nested = sorted(set(folder.rglob("*")).difference(files))
        files += [file for file in nested if file.is_file() and _may_be_dicom(file, False)]
    slices, unreadable = [], []
    for file in files:
        header = _slice_of(file)
        if header is not None:
            slices.append(header)
        elif is_dicom_file(file) or file.suffix.lower() in DICOM_SUFFIXES:
            unreadable.append(file)
    # A folder of a whole study may have a segmentation and screen captures beside the scan.
    scans = [
        image for image in slices if image.sop_class not in OTHER_SOP_CLASSES or image.path == path
    ]
    if slices:
        return scans or slices, unreadable
    if unreadable:
        raise CorruptFileError(
            "None of the {count} DICOM files in {folder} can be read as an image. "
            "They are truncated, damaged, or not images. Copy or export the series again.",
            count=len(unreadable),
            folder=folder,
        )
    raise NotAnImageError(
        "{folder} contains no DICOM series. Choose the folder with the DICOM files of one "
        "T1-weighted series, or a NIfTI, NRRD, MetaImage or MGZ file.",
        folder=folder,
    )


def _may_be_dicom(file: Path, without_preamble: bool) -> bool:
    if file.name.startswith(".") or file.name.upper() == "DICOMDIR":
        return False
    return is_dicom_file(file) or (
        without_preamble and file.suffix.lower() in ("", *DICOM_SUFFIXES)
    )


def read_header(file: Path) -> sitk.ImageFileReader | None:
    """Read the header of a DICOM image, without its voxels; None if it cannot be read."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(DICOM_READER)
    reader.SetFileName(str(file))
    try:
        with name_itk_failures(file):
            reader.ReadImageInformation()
    except CorruptFileError:
        return None
    return reader


def header_text(reader: sitk.ImageFileReader, tag: str) -> str:
    """Get the text of a tag such as ``0010|0020`` from a header; empty if it is missing."""
    # Without a declared character set, a string may contain half a multi-byte character.
    value = reader.GetMetaData(tag) if reader.HasMetaDataKey(tag) else ""
    return value.encode("utf-8", "replace").decode("utf-8").strip(" \0")


def _slice_of(file: Path) -> Slice | None:
    reader = read_header(file)
    if reader is None:
        return None
    size = (*reader.GetSize(), 1)[:3]
    placed = reader.HasMetaDataKey(POSITION) and reader.HasMetaDataKey(ORIENTATION)
    return Slice(
        path=file,
        series_uid=header_text(reader, SERIES_UID),
        description=header_text(reader, SERIES_DESCRIPTION),
        sop_class=header_text(reader, SOP_CLASS),
        size=size,
        position_mm=np.array(reader.GetOrigin()[:3]),
        directions=np.reshape(reader.GetDirection(), (3, 3)),
        spacing_mm=np.array(reader.GetSpacing()[:3]),
        has_position=placed or header_text(reader, SOP_CLASS) in ENHANCED_SOP_CLASSES,
        has_spacing=reader.HasMetaDataKey(PIXEL_SPACING),
        values_per_voxel=reader.GetNumberOfComponents(),
    )
