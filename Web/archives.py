"""A stranger's zip: looked at before it is unpacked, and counted while it is."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path, PurePosixPath

from HypothalamusSegLib.reading.dicom_series import DICOM_SUFFIXES

from .upload_refusals import UploadRefusedError, UploadTooLargeError

MOST_ARCHIVE_FILES = 5000
CHUNK_BYTES = 1 << 20
# Beside the archive; no upload's name begins with a dot.
UNPACKED = ".unpacked"
SCAN_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mgh", ".mgz")
SPLIT_SUFFIXES = (".nhdr", ".mhd", ".hdr", ".img", ".raw", ".zraw")


def unpack_dicom(archive: Path, most_bytes: int) -> Path:
    """Unpack an archive's files side by side into a folder of its name, and delete the archive.

    That folder lies in another of its own, so that no name meets another file. Names of entries
    never become paths: slices are numbered.

    Raises
    ------
    UploadRefusedError
        An entry that leaves the folder, a link, an encrypted or damaged archive.
    UploadTooLargeError
        Too many entries, or more bytes than allowed, whatever their headers say.
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
    # zipfile says "not implemented" of entries packed in a way that it does not know.
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise UploadRefusedError(
            f"The archive cannot be unpacked ({error}). Make it again, as an ordinary zip."
        ) from error
    except RuntimeError as error:  # an encrypted entry
        raise UploadRefusedError(
            "The archive is protected by a password. Make one without."
        ) from error
    archive.unlink()
    return folder


def _refuse_entries(entries: list[zipfile.ZipInfo], most_bytes: int) -> None:
    if not entries:
        raise UploadRefusedError("The archive is empty. Put the DICOM files of one series in it.")
    if len(entries) > MOST_ARCHIVE_FILES:
        raise UploadTooLargeError(
            f"The archive holds {len(entries)} files; at most {MOST_ARCHIVE_FILES} are taken. "
            "Put only the T1-weighted series in it."
        )
    if sum(entry.file_size for entry in entries) > most_bytes:
        raise _unpacked_too_large(most_bytes)
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        drive = re.match(r"[A-Za-z]:", entry.filename)
        if path.is_absolute() or ".." in path.parts or drive:
            raise UploadRefusedError(
                "The archive holds a file that would be written outside of its folder. "
                "Make it again, with ordinary names."
            )
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind and not stat.S_ISREG(kind):
            raise UploadRefusedError(
                "The archive holds a link or a device. Put only the DICOM files in it."
            )
        name = path.name.lower()
        if name.endswith((*SCAN_SUFFIXES, *SPLIT_SUFFIXES)):
            raise UploadRefusedError(
                f"The archive holds {path.name}, and only DICOM is taken in an archive. "
                "Give such files as they are, not zipped."
            )


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
        f"Unpacked, the archive is larger than is taken here ({most_bytes >> 20} MB in all). "
        "Put only the T1-weighted series in it."
    )
