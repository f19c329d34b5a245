"""Read and check a scan in any supported format.

Examples
--------
>>> scan = read_scan(Path("sub-01_T1w.nii.gz"))  # doctest: +SKIP
>>> scan.name, scan.volume.array.shape  # doctest: +SKIP
('sub-01_T1w', (192, 256, 256))
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import CorruptFileError, NotAnImageError, OutOfMemoryError, PermissionDeniedError
from ..flags import Flag
from ..geometry.voxel_image import VoxelImage
from .dicom_files import DICOM_SUFFIXES, is_dicom_file
from .dicom_series import read_dicom_series
from .mgh_file import read_mgh
from .nifti_file import read_nifti
from .nrrd_metaimage import detached_data_file, read_metaimage, read_nrrd
from .scan_checks import check_geometry, check_spacing, repair_values

READERS = {
    ".nii.gz": read_nifti,
    ".nii": read_nifti,
    ".nrrd": read_nrrd,
    ".nhdr": read_nrrd,
    ".mha": read_metaimage,
    ".mhd": read_metaimage,
    ".mgz": read_mgh,
    ".mgh": read_mgh,
}
TEXT_HEADER_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
FORMATS = "NIfTI, NRRD, MetaImage, MGZ/MGH and DICOM series folders"
HASH_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Scan:
    """A scan that was read from disk.

    Attributes
    ----------
    volume : VoxelImage
        float32, in the stored orientation; RAS affine in millimeters.
    name : str
        File name without its image suffix; folder name for DICOM.
    path : Path
        As given.
    sha256 : str
        Checksum of the file, followed by its detached data file if any; for DICOM, of the slice
        files in slice order.
    flags : tuple of Flag
        Flags found while reading.
    slice_files : tuple of Path
        For DICOM, the files in slice order (or the one file with all frames); else empty.
    """

    volume: VoxelImage
    name: str
    path: Path
    sha256: str
    flags: tuple[Flag, ...]
    slice_files: tuple[Path, ...] = ()


def read_scan(path: Path) -> Scan:
    """Read and check one scan.

    Parameters
    ----------
    path : Path
        A NIfTI, NRRD, MetaImage or MGZ/MGH file, a folder with one DICOM series, or one DICOM file
        of the series.

    Returns
    -------
    Scan
        With finite voxels, on a grid large enough for a head.

    Raises
    ------
    NotAnImageError
        Missing path or unsupported format.
    CorruptFileError
        Truncated or damaged.
    SeveralSeriesError, SeveralFramesError, ColourImageError
        Not a single grayscale volume.
    NoSpatialInformationError
        The file does not give the orientation.
    VoxelSizeError, SmallerThanHeadError, EmptyImageError
        Not a scan of a head.
    OutOfMemoryError, PermissionDeniedError
    """
    path = Path(path)
    with _name_failures(path):
        suffix = _image_suffix(path)
        is_dicom = path.is_dir() or suffix is None
        if is_dicom:
            volume, flags, files = _read_dicom(path)
            folder = path if path.is_dir() else path.parent
            name = folder.resolve().name
        else:
            volume, flags = READERS[suffix](path)
            detached = detached_data_file(path) if suffix in TEXT_HEADER_SUFFIXES else None
            files = [path] if detached is None else [path, detached]
            name = path.name[: -len(suffix)]
        flags = flags + check_geometry(volume, path)
        array, repairs = repair_values(np.asarray(volume.array, np.float32), path)
        volume = VoxelImage(array, volume.affine)
        flags = flags + repairs + check_spacing(volume)
        slices = tuple(files) if is_dicom else ()
        return Scan(volume, name, path, _sha256(files), tuple(flags), slices)


def _image_suffix(path: Path) -> str | None:
    name = path.name.lower()
    return next((suffix for suffix in READERS if name.endswith(suffix)), None)


def _read_dicom(path: Path) -> tuple[VoxelImage, list[Flag], list[Path]]:
    if not path.exists():
        raise NotAnImageError("{path} does not exist. Check the path.", path=path)
    if path.is_file() and not is_dicom_file(path) and path.suffix.lower() not in DICOM_SUFFIXES:
        raise NotAnImageError(
            "{path} is not an image in a supported format. Supported formats: {formats}.",
            path=path,
            formats=FORMATS,
        )
    return read_dicom_series(path)


@contextmanager
def _name_failures(path: Path) -> Iterator[None]:
    """Convert errors of Python, zlib and the operating system to ours."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(
            "Not enough memory to read {path}. Close other programs, or resample the scan.",
            path=path,
        ) from error
    except FileNotFoundError as error:
        raise NotAnImageError(
            "{path} does not exist. Check the path.", path=Path(error.filename or path)
        ) from error
    except PermissionError as error:
        raise PermissionDeniedError(
            "No permission to read {path}. Ask for read access.", path=Path(error.filename or path)
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorruptFileError(
            "{path} is truncated or damaged ({error}). Copy or download it again.",
            path=path,
            error=error,
        ) from error
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise OutOfMemoryError(
                "Not enough memory to read {path}. Close other programs and try again.", path=path
            ) from error
        raise CorruptFileError(
            "{path} cannot be read ({reason}). Check the disk and copy the file again.",
            path=path,
            reason=error.strerror or error,
        ) from error


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(HASH_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def read_label_map(path: Path) -> tuple[VoxelImage, str]:
    """Read a label map, which need not be of a head's size, and its checksum.

    Parameters
    ----------
    path : Path
        A NIfTI, NRRD, MetaImage or MGZ/MGH file.

    Returns
    -------
    labels : VoxelImage
        int32, in the stored orientation.
    sha256 : str

    Raises
    ------
    NotAnImageError, CorruptFileError
    SeveralFramesError, ColourImageError
    NoSpatialInformationError
    OutOfMemoryError, PermissionDeniedError
    """
    path = Path(path)
    suffix = _image_suffix(path)
    if suffix is None:
        raise NotAnImageError("{path} is not an image in a supported format.", path=path)
    with _name_failures(path):
        volume, _ = READERS[suffix](path)
        array = np.nan_to_num(np.asarray(volume.array, np.float32))
        return VoxelImage(np.rint(array).astype(np.int32), volume.affine), _sha256([path])
