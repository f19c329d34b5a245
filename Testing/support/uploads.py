"""What visitors send: zip archives, and the words with which the check refuses a file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from Testing.support.scan_files import head_volume, write_dicom
from Web.upload_checks import UploadRefusedError, check_upload

MOST_BYTES = 64 << 20


def refusal(
    path: Path, error: type[Exception] = UploadRefusedError, most_bytes: int = MOST_BYTES
) -> str:
    """The message with which a file is refused."""
    with pytest.raises(error) as raised:
        check_upload(path, most_bytes)
    return str(raised.value)


def archive(path: Path, entries: dict[str, bytes], **kinds: int) -> Path:
    """A zip whose entries have chosen names and, by ``kinds``, Unix modes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = kinds.get(name, 0o100600) << 16
            opened.writestr(info, data)
    return path


def zip_of(path: Path, files: Iterable[Path], prefix: str = "") -> Path:
    """A zip of files by their names, each after ``prefix``."""
    return archive(path, {f"{prefix}{file.name}": file.read_bytes() for file in files})


def study_of_two_series(folder: Path, second: str = "FLAIR") -> Path:
    """A zip with a T1-weighted series and another one, of a given description."""
    slices = write_dicom(folder / "one", head_volume())
    slices += write_dicom(folder / "two", head_volume(), "1.2.826.0.1.2", second, "other")
    return zip_of(folder / "study.zip", slices)
