"""Date of acquisition and patient of a DICOM series, from the header of one of its files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from .dicom_files import DICOM_SUFFIXES, header_text, is_dicom_file, read_header

# Acquisition, series and study date, in the order in which they are trusted.
DATE_TAGS = ("0008|0022", "0008|0021", "0008|0020")
PATIENT_ID, BIRTH_DATE = "0010|0020", "0010|0030"


@dataclass(frozen=True)
class StudyIdentity:
    """What a DICOM header says of date and patient; None and "" where it says nothing."""

    acquired: date | None = None
    patient_id: str = ""
    birth_date: str = ""


def study_identity(path: Path) -> StudyIdentity:
    """Read date and patient of a scan; empty for other formats than DICOM.

    Parameters
    ----------
    path : Path
        As given to `read_scan`.
    """
    file = _first_file(path)
    if file is None:
        return StudyIdentity()
    header = read_header(file)
    if header is None:
        return StudyIdentity()
    dates = [as_date(header_text(header, tag)) for tag in DATE_TAGS]
    acquired = next((found for found in dates if found), None)
    patient_id, birth_date = (header_text(header, tag) for tag in (PATIENT_ID, BIRTH_DATE))
    return StudyIdentity(acquired, patient_id, birth_date)


def as_date(text: str) -> date | None:
    """Read ``20250131``, ``2025-01-31`` or ``2025-01-31T10:00:00``; None if it is no date.

    Examples
    --------
    >>> as_date("20250131") == as_date("2025-01-31T10:00:00") == date(2025, 1, 31)
    True
    >>> as_date("n/a") is None
    True
    """
    for layout, length in (("%Y%m%d", 8), ("%Y-%m-%d", 10)):
        try:
            return datetime.strptime(text[:length], layout).date()
        except ValueError:
            continue
    return None


def _first_file(path: Path) -> Path | None:
    if path.is_file():
        return path if is_dicom_file(path) or path.suffix.lower() in DICOM_SUFFIXES else None
    files = (file for file in sorted(path.rglob("*")) if file.is_file())
    return next((file for file in files if is_dicom_file(file)), None)
