"""The series of a study to choose from: description and preview of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.reading.dicom_files import Slice
from HypothalamusSegLib.reading.dicom_series import read_slice

from .upload_refusals import UploadTooLargeError

LARGEST_PICTURE = 160
# Darkest and brightest values of a picture, so that one bright vessel does not darken the rest.
RANGE_PERCENTILES = (1.0, 99.0)
# Limit for one file: an enhanced object holds a whole volume, or claims to.
MOST_VOXELS_OF_A_FILE = 1 << 27
# A study has about a dozen series. The page lists them again and again, so there is a limit.
MOST_SERIES = 100
MOST_PICTURES = 40
# The standard's limit; a file may hold more.
LONGEST_DESCRIPTION = 64


@dataclass(frozen=True)
class OfferedSeries:
    """One series.

    Attributes
    ----------
    number : int
        From 1, in file order.
    description : str
        From the scanner; may be empty.
    images : int
    size : tuple of int
        Voxels of an image along its rows, columns and, for enhanced DICOM, slices.
    has_picture : bool
        ``NUMBER.png`` was written.
    """

    number: int
    description: str
    images: int
    size: tuple[int, ...]
    has_picture: bool


def offered_series(
    series: dict[str, list[Slice]], folder: Path | None
) -> tuple[OfferedSeries, ...]:
    """Describe each series and write its picture into a new folder, if one is given.

    Raises
    ------
    UploadTooLargeError
        Too many series.
    """
    if len(series) > MOST_SERIES:
        raise UploadTooLargeError(
            f"The archive contains {len(series)} series; the limit is {MOST_SERIES}. Include only "
            "the T1-weighted series."
        )
    if folder is not None:
        folder.mkdir(mode=0o700)
    offers = []
    for number, slices in enumerate(series.values(), 1):
        has_picture = (
            folder is not None
            and number <= MOST_PICTURES
            and _write_picture(slices, folder / f"{number}.png")
        )
        first = slices[0]
        description = first.description[:LONGEST_DESCRIPTION]
        offers.append(OfferedSeries(number, description, len(slices), first.size, has_picture))
    return tuple(offers)


def _write_picture(slices: list[Slice], path: Path) -> bool:
    """Write the middle slice of a series as a small gray PNG; False if it cannot be read."""
    normal = np.cross(slices[0].directions[:, 0], slices[0].directions[:, 1])
    in_order = sorted(slices, key=lambda image: float(image.position_mm @ normal))
    middle = in_order[len(in_order) // 2]
    if np.prod(middle.size, dtype=np.int64) > MOST_VOXELS_OF_A_FILE:
        return False
    try:
        array = sitk.GetArrayViewFromImage(read_slice(middle.path))
    except HypothalamusSegError:
        return False
    plane = np.asarray(array[len(array) // 2], np.float32)
    step = max(1, -(-max(plane.shape) // LARGEST_PICTURE))
    plane = np.nan_to_num(plane[::step, ::step])
    low, high = np.percentile(plane, RANGE_PERCENTILES)
    grey = np.clip((plane - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(grey), str(path), imageIO="PNGImageIO")
    return True
