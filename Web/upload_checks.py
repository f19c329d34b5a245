"""Whether an upload is one scan that can be segmented here, found out in a process of its own.

What came from a stranger is looked at from the outside in: archive entries before they are
unpacked, headers before their voxels are read, and files that point to other files never opened.
"""

from __future__ import annotations

import math
import re
import stat
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import SimpleITK as sitk
from HypothalamusSegLib.errors import HypothalamusSegError, SeveralSeriesError
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.reading.dicom_series import DICOM_READER, DICOM_SUFFIXES
from HypothalamusSegLib.reading.mgh_file import HEADER_BYTES as MGH_HEADER_BYTES
from HypothalamusSegLib.reading.nifti_header import read_nifti_header
from HypothalamusSegLib.reading.nrrd_metaimage import METAIMAGE_READER, NRRD_READER, text_header
from HypothalamusSegLib.reading.voxel_stream import open_decompressed, read_exactly

# A head at 0.4 mm; the engine would need several GB for more.
MOST_VOXELS = 512**3
MOST_ARCHIVE_FILES = 5000
CHUNK_BYTES = 1 << 20
ZIP_MAGIC = b"PK"
TEXT_HEADER_READERS = {".nrrd": NRRD_READER, ".mha": METAIMAGE_READER}
SCAN_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mgh", ".mgz")
SPLIT_SUFFIXES = (".nhdr", ".mhd", ".hdr", ".img", ".raw", ".zraw")
ACCEPTED = "NIfTI (.nii, .nii.gz), NRRD, MGZ/MGH, MetaImage (.mha), or a zip with one DICOM series"


class UploadRefusedError(HypothalamusSegError):
    """The upload is none that is taken here; the message says why and what to do."""

    code = "upload_refused"


class UploadTooLargeError(HypothalamusSegError):
    """Larger, unpacked or in its header, than what is taken here."""

    code = "upload_too_large"


@dataclass(frozen=True)
class CheckedUpload:
    """A scan that can be segmented.

    Attributes
    ----------
    path : Path
        What to give to the engine: the file, or the folder with the DICOM slices.
    name : str
        Of the results.
    shape : tuple of int
    spacing_mm : tuple of float
    flags : tuple of dict
        Code and message of what reading found.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    flags: tuple[dict, ...]

    def as_event(self) -> dict:
        """For the process that asked."""
        return {**self.__dict__, "path": str(self.path)}


def check_upload(path: Path, most_bytes: int) -> CheckedUpload:
    """Unpack, if it is an archive, and read a scan once.

    Parameters
    ----------
    path : Path
        The uploaded file, alone in its folder; an archive is replaced by a folder with its slices.
    most_bytes : int
        Taken by an archive when unpacked.

    Raises
    ------
    UploadRefusedError, UploadTooLargeError
    HypothalamusSegError
        What `read_scan` refuses.
    """
    if _begins_with(path, ZIP_MAGIC):
        path = unpack_dicom(path, most_bytes)
    else:
        _refuse_by_name(path)
        _refuse_split_files(path)
    _refuse_huge(path)
    try:
        scan = read_scan(path)
    except SeveralSeriesError as error:
        raise SeveralSeriesError(_series_words(str(error))) from error
    return CheckedUpload(
        path,
        scan.name,
        tuple(scan.volume.array.shape),
        tuple(round(float(edge), 3) for edge in scan.volume.spacing_mm),
        tuple({"code": flag.code, "message": flag.message} for flag in scan.flags),
    )


def unpack_dicom(archive: Path, most_bytes: int) -> Path:
    """Unpack an archive's files side by side into a folder of its name, and delete the archive.

    Names of entries never become paths: slices are numbered.

    Raises
    ------
    UploadRefusedError
        An entry that leaves the folder, a link, an encrypted or damaged archive.
    UploadTooLargeError
        Too many entries, or more bytes than allowed, whatever their headers say.
    """
    folder = archive.with_name(archive.stem if archive.suffix.lower() == ".zip" else "scan")
    folder.mkdir(mode=0o700)
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


def _series_words(message: str) -> str:
    """The engine's list of series, without its files and its advice for the command line."""
    listed = [line.split(", series ")[0] for line in message.splitlines() if line.startswith("- ")]
    return (
        f"The archive holds {len(listed)} DICOM series. Put only the T1-weighted one into a zip:\n"
        + "\n".join(listed)
    )


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


def _refuse_by_name(path: Path) -> None:
    name = path.name.lower()
    if name.endswith(SPLIT_SUFFIXES):
        raise UploadRefusedError(
            f"{path.name} is one of two files that belong together. Save the scan as a single "
            "file: .nii.gz, .nrrd, .mgz or .mha."
        )
    if name.endswith(DICOM_SUFFIXES):
        raise UploadRefusedError(
            f"{path.name} is a single DICOM file. Put all files of the series into a zip, and give "
            "that."
        )
    if not name.endswith(SCAN_SUFFIXES):
        raise UploadRefusedError(
            f"{path.name} is no scan that is read here. Taken are: {ACCEPTED}."
        )


def _refuse_split_files(path: Path) -> None:
    """A header that names another file would have the server read that one."""
    if path.suffix.lower() in TEXT_HEADER_READERS and text_header(path).data_file is not None:
        raise UploadRefusedError(
            f"{path.name} keeps its voxels in another file. Save the scan as a single file."
        )


def _refuse_huge(path: Path) -> None:
    voxels = sum(_declared_voxels(file) for file in ([path] if path.is_file() else _files(path)))
    if voxels > MOST_VOXELS:
        raise UploadTooLargeError(
            f"{path.name} says that it has {voxels:,} voxels; at most {MOST_VOXELS:,} are taken. "
            "Resample it to 0.5 mm or more, or crop it to the head."
        )


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _declared_voxels(path: Path) -> int:
    """Voxels that the header promises, nothing but the header being read."""
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        with open_decompressed(path) as stream:
            return _product(read_nifti_header(stream, path)[0].sizes)
    if name.endswith((".mgh", ".mgz")):
        with open_decompressed(path) as stream:
            header = read_exactly(stream, MGH_HEADER_BYTES, path)
            return _product(struct.unpack_from(">4i", header, 4))
    reader = sitk.ImageFileReader()
    # ITK must not guess: it would hand a stranger's file to whichever of its parsers takes it.
    reader.SetImageIO(TEXT_HEADER_READERS.get(path.suffix.lower(), DICOM_READER))
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return 0  # `read_scan` says what is wrong with it
    return _product(reader.GetSize()) * reader.GetNumberOfComponents()


def _product(sizes: tuple[int, ...]) -> int:
    return math.prod(max(1, size) for size in sizes)


def _begins_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic
