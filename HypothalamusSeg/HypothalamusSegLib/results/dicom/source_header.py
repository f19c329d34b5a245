"""The header of a source image, made fit to be copied into new objects.

Real headers are not always valid: anonymized ones lack attributes or hold a word where a date
belongs. What the standard lets be empty becomes empty; what identifies an image must be there.

Examples
--------
>>> use_pseudonym(header, "subject 7")  # doctest: +SKIP
>>> complete_header(header)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import DicomSourceError
from .named_uid import named_uid

if TYPE_CHECKING:
    from pydicom import Dataset

# Unicode: the report has characters that most other sets lack.
CHARACTER_SET = "ISO_IR 192"
IDENTIFYING = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
# Type 2: must be there, may be empty.
MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
DATES, TIMES = ("PatientBirthDate", "StudyDate"), ("StudyTime",)
SEXES = ("M", "F", "O")
# All that a pseudonym leaves: what the new objects need to find and to lie on the source images.
WITHOUT_PERSON = (
    *IDENTIFYING,
    "SpecificCharacterSet",
    "Modality",
    "SeriesNumber",
    "InstanceNumber",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "ImageType",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)


def check_identity(header: Dataset) -> None:
    """Check that a header identifies its image, and give it a frame of reference if it has none.

    Raises
    ------
    DicomSourceError
        It does not identify its image, study and series.
    """
    missing = [keyword for keyword in IDENTIFYING if not header.get(keyword)]
    if missing:
        raise DicomSourceError(
            "The DICOM files have no {missing}, so a DICOM segmentation could not refer to them. "
            "The other results do not need it. Export the series again from the archive.",
            missing=", ".join(missing),
        )
    if not header.get("FrameOfReferenceUID"):
        header.FrameOfReferenceUID = named_uid("frame of reference", header.SeriesInstanceUID)


def complete_header(header: Dataset) -> None:
    """Have a header written in Unicode, and empty what is missing or not valid, in place."""
    for keyword in ("PatientName", "ReferringPhysicianName"):
        # As text, or it would be written in its old bytes.
        setattr(header, keyword, str(header.get(keyword) or ""))
    header.SpecificCharacterSet = CHARACTER_SET
    for keyword in MAY_BE_EMPTY:
        if header.get(keyword) is None:
            setattr(header, keyword, "")
    for keyword in (*DATES, *TIMES):
        if not _is_valid(keyword, str(header.get(keyword))):
            setattr(header, keyword, "")
    if header.PatientSex not in SEXES:
        header.PatientSex = ""
    if header.get("PositionReferenceIndicator") is None:
        header.PositionReferenceIndicator = ""


def use_pseudonym(header: Dataset, pseudonym: str) -> None:
    """Remove all that says who the patient is and when the scan was made, in place.

    The unique identifiers of study, series and images stay, because the objects refer to them.
    """
    from pydicom.datadict import keyword_for_tag

    for tag in list(header.keys()):
        if keyword_for_tag(tag) not in WITHOUT_PERSON:
            del header[tag]
    for keyword in MAY_BE_EMPTY:
        setattr(header, keyword, "")
    header.PatientName = header.PatientID = pseudonym


def _is_valid(keyword: str, text: str) -> bool:
    from pydicom.valuerep import DA, TM

    try:
        (DA if keyword in DATES else TM)(text)
    except (ValueError, OverflowError):
        return False
    return True
