"""Unpack untrusted zip files: check them first, and limit their size while unpacking."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from HypothalamusSegLib.reading.dicom_files import DICOM_SUFFIXES

from .upload_refusals import UploadRefusedError, UploadTooLargeError

MOST_ARCHIVE_FILES = 5000
CHUNK_BYTES = 1 << 20
# Other methods are rare, and zipfile has no memory limit for them.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LONGEST_SHOWN = 80
# What zipfile raises for damaged archives; the last two come from damaged and empty names.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError),
    *(UnicodeDecodeError, IndexError),
)
# Folder beside the archive; no upload has a name that starts with a dot.
UNPACKED = ".unpacked"
SCAN_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mgh", ".mgz")
SPLIT_SUFFIXES = (".nhdr", ".mhd", ".hdr", ".img", ".raw", ".zraw")


def unpack_dicom(archive: Path, most_bytes: int) -> Path:
    """Unpack an archive into one flat folder with its name, and delete the archive.

    The folder is inside another folder of its own, so names cannot collide. Entry names are never
    used as paths: slices are numbered.

    Raises
    ------
    UploadRefusedError
        An entry that leaves the folder, a link, an encrypted or damaged archive.
    UploadTooLargeError
        Too many entries, or more bytes than allowed (counted, not taken from headers).
    """
    folder = archive.with_name(UNPACKED) / archive.stem
    folder.mkdir(mode=0o700, parents=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _refuse_entries(entries, most_bytes)
            left = most_bytes
            for number, entry in enumerate(entries):
                suffix = PurePosixPath(entry.filename).suffix.lower()
                suffix = suffix if suffix in DICOM_SUFFIXES else ""
                with opened.open(entry) as source:
                    left -= _copy(source, folder / f"{number:05d}{suffix}", left)
    except DAMAGED as error:
        raise UploadRefusedError(
            "The archive is damaged and cannot be unpacked. Create it again as an ordinary zip "
            "file."
        ) from error
    except RuntimeError as error:  # an encrypted entry
        raise UploadRefusedError(
            "The archive is protected by a password. Create one without a password."
        ) from error
    archive.unlink()
    return folder


def _refuse_entries(entries: list[zipfile.ZipInfo], most_bytes: int) -> None:
    if not entries:
        raise UploadRefusedError("The archive is empty. Add the DICOM files of one series.")
    if len(entries) > MOST_ARCHIVE_FILES:
        raise UploadTooLargeError(
            f"The archive contains {len(entries)} files; the limit is {MOST_ARCHIVE_FILES}. "
            "Include only the T1-weighted series."
        )
    if sum(entry.file_size for entry in entries) > most_bytes:
        raise _unpacked_too_large(most_bytes)
    for entry in entries:
        if entry.compress_type not in METHODS:
            raise UploadRefusedError(
                "The archive uses an unusual compression method. Create it again as an ordinary "
                "zip file."
            )
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        drive = re.match(r"[A-Za-z]:", entry.filename)
        if path.is_absolute() or ".." in path.parts or drive:
            raise UploadRefusedError(
                "The archive contains a file that would be written outside its folder. Create "
                "it again with ordinary file names."
            )
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind and not stat.S_ISREG(kind):
            raise UploadRefusedError(
                "The archive contains a link or a device. Include only the DICOM files."
            )
        name = path.name.lower()
        if name.endswith((*SCAN_SUFFIXES, *SPLIT_SUFFIXES)):
            raise UploadRefusedError(
                f"The archive contains {_printable_name(path.name)}, but only DICOM files are "
                "accepted in "
                "archives. Upload other files without zipping them."
            )


def _printable_name(name: str) -> str:
    """A name from an archive as it may appear in a message: short and printable."""
    plain = "".join(sign if sign.isprintable() else "_" for sign in name)
    return plain if len(plain) <= LONGEST_SHOWN else f"…{plain[-LONGEST_SHOWN:]}"


def _copy(source, target: Path, most_bytes: int) -> int:
    copied = 0
    with target.open("xb") as stream:
        while chunk := source.read(CHUNK_BYTES):
            copied += len(chunk)
            if copied > most_bytes:
                raise _unpacked_too_large(most_bytes)
            stream.write(chunk)
    return copied


def _unpacked_too_large(most_bytes: int) -> UploadTooLargeError:
    return UploadTooLargeError(
        f"The unpacked archive is larger than the limit of {most_bytes >> 20} MB. Include only "
        "the T1-weighted series."
    )
