"""Where each image of a DICOM file lies: one in an ordinary file, many in a multi-frame file.

ITK takes the position of the first frame and steps along the normal from there, so it mirrors and
moves a file whose frames begin at the other end. These positions are those of the header.

Examples
--------
>>> frames = frame_geometries(read_header(Path("slice.dcm")))  # doctest: +SKIP
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CorruptFileError, NoSpatialInformationError

if TYPE_CHECKING:
    from pydicom import Dataset

# What pydicom raises for damaged headers, as far as seen or read; values are decoded on access.
HEADER_FAILURES = (
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
GEOMETRY_GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")


@dataclass(frozen=True)
class FrameGeometry:
    """One image in LPS; ``across_mm`` and ``down_mm`` are steps to the next column and row."""

    position_mm: np.ndarray
    across_mm: np.ndarray
    down_mm: np.ndarray

    @property
    def normal(self) -> np.ndarray:
        normal = np.cross(self.across_mm, self.down_mm)
        return normal / np.linalg.norm(normal)

    @property
    def unit_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Directions along a row and down a column."""
        across_mm, down_mm = self.spacing_mm
        return self.across_mm / across_mm, self.down_mm / down_mm

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Distance of columns and of rows."""
        return float(np.linalg.norm(self.across_mm)), float(np.linalg.norm(self.down_mm))


def read_header(file: Path) -> Dataset:
    """Read a DICOM header without its pixels; raises CorruptFileError."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        # Forced: old files have no preamble.
        return dcmread(file, stop_before_pixels=True, force=True)
    except (InvalidDicomError, *HEADER_FAILURES) as error:
        raise CorruptFileError(
            "The DICOM header of {file} cannot be read ({error}). Export the series again.",
            file=file,
            error=str(error),
        ) from error


def frame_geometries(header: Dataset) -> list[FrameGeometry]:
    """Read the geometry of each frame, in stored order.

    Raises
    ------
    NoSpatialInformationError
        A frame has no position or orientation.
    """
    try:
        if "PerFrameFunctionalGroupsSequence" not in header:
            return [_geometry(header, header, header)]
        shared = header.SharedFunctionalGroupsSequence[0]
        return [
            _geometry(*(_group(name, own, shared) for name in GEOMETRY_GROUPS))
            for own in header.PerFrameFunctionalGroupsSequence
        ]
    except HEADER_FAILURES as error:
        raise NoSpatialInformationError(
            "The DICOM header does not say where every image lies in the patient ({error}). Use "
            "the original series.",
            error=str(error),
        ) from error


def _group(name: str, own: Dataset, shared: Dataset) -> Dataset:
    return getattr(own if name in own else shared, name)[0]


def _geometry(position: Dataset, orientation: Dataset, measures: Dataset) -> FrameGeometry:
    across, down = np.reshape(np.array(orientation.ImageOrientationPatient, float), (2, 3))
    # Pixel Spacing has the distance of the rows first; the reader assumes 1 mm where it is missing.
    between_rows_mm, between_columns_mm = map(float, measures.get("PixelSpacing") or (1.0, 1.0))
    where_mm = np.array(position.ImagePositionPatient, float)
    if where_mm.shape != (3,):
        raise ValueError("a position needs three numbers")
    return FrameGeometry(where_mm, across * between_columns_mm, down * between_rows_mm)
