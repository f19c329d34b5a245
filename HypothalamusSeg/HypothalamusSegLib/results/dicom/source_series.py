"""The source series: its headers, in the order in which a segmentation refers to its frames.

Examples
--------
>>> source = read_source_series(scan.slice_files, scan.volume.grid)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CorruptFileError, DicomSourceError, NoSpatialInformationError
from ...geometry.voxel_image import LPS_FROM_RAS, Grid
from ...reading.frame_geometry import (
    HEADER_FAILURES,
    FrameGeometry,
    frame_geometries,
    read_header,
)
from .source_header import check_identity, complete_header, use_pseudonym

if TYPE_CHECKING:
    from pydicom import Dataset

# Positions are rounded in headers; half a voxel would be another voxel.
LARGEST_SHIFT_VOXELS = 0.25


@dataclass(frozen=True)
class SourceSeries:
    """The images that a mask was drawn on.

    Attributes
    ----------
    headers : tuple of Dataset
        Without pixels: one for each slice, in the order of the mask's third axis; or one of a
        multi-frame image.
    slice_of_frame : ndarray of int
        Index along the mask's third axis for each frame, in the order of ``headers`` or of the
        frames in the one header.
    """

    headers: tuple[Dataset, ...]
    slice_of_frame: np.ndarray


def read_source_series(files: Sequence[Path], grid: Grid, pseudonym: str = "") -> SourceSeries:
    """Read the headers of a series and find the frame of each slice of a grid.

    Parameters
    ----------
    files : sequence of Path
        All files of the series, in any order.
    grid : Grid
        Of the volume that was read from them; i runs along the rows and j down the columns.
    pseudonym : str
        Replaces all that says who the patient is; empty: keep it.

    Raises
    ------
    DicomSourceError
        The headers do not identify the images, or the grid is not that of the series.
    """
    try:
        return _read_source_series([read_header(file) for file in files], grid, pseudonym)
    except (CorruptFileError, NoSpatialInformationError, *HEADER_FAILURES) as error:
        raise DicomSourceError(
            "The DICOM headers cannot be used for DICOM objects ({reason}). The other results do "
            "not need them.",
            reason=str(error) or type(error).__name__,
        ) from error


def _read_source_series(headers: list[Dataset], grid: Grid, pseudonym: str) -> SourceSeries:
    for header in headers:
        check_identity(header)
        if pseudonym:
            use_pseudonym(header, pseudonym)
    if len({header.SOPInstanceUID for header in headers}) < len(headers):
        raise DicomSourceError(
            "Several DICOM files of the series have the same SOPInstanceUID, so a segmentation "
            "could not refer to one of them. Export the series again from the archive."
        )
    if len({(h.StudyInstanceUID, h.SeriesInstanceUID) for h in headers}) > 1:
        raise DicomSourceError("The DICOM files do not all belong to one study and series.")
    frames = [frame for header in headers for frame in frame_geometries(header)]
    order = _order_along(frames, grid)
    # Patient and study are copied from the first header alone.
    complete_header(headers[0] if len(headers) == 1 else headers[order[0]])
    if len(headers) == 1:
        slice_of_frame = np.empty(len(frames), int)
        slice_of_frame[order] = np.arange(len(frames))
        return SourceSeries((headers[0],), slice_of_frame)
    return SourceSeries(tuple(headers[index] for index in order), np.arange(len(frames)))


def _order_along(frames: list[FrameGeometry], grid: Grid) -> np.ndarray:
    """Indices of the frames in the order of the grid's slices.

    By position, not by number: readers sort slices in either direction. Gaps between slices are
    no matter, since a frame of the mask is put on a frame of the source.
    """
    affine = LPS_FROM_RAS @ grid.affine
    normal = frames[0].normal
    if affine[:3, 2] @ normal < 0:
        normal = -normal
    order = np.argsort([frame.position_mm @ normal for frame in frames], kind="stable")
    if len(frames) != grid.shape[2]:
        raise DicomSourceError(
            "The DICOM series has {frames} images, but the segmented volume has {slices} slices, "
            "so a DICOM segmentation cannot be written.",
            frames=len(frames),
            slices=grid.shape[2],
        )
    for index, k in ((order[0], 0), (order[-1], grid.shape[2] - 1)):
        _refuse_another_place(frames[index], affine, grid.shape, k)
    return order


def _refuse_another_place(
    frame: FrameGeometry, affine: np.ndarray, shape: Sequence[int], k: int
) -> None:
    """Compare the corners of a frame with those of a slice; raises DicomSourceError."""
    limit_mm = LARGEST_SHIFT_VOXELS * min(frame.spacing_mm)
    for i, j in ((0, 0), (shape[0] - 1, 0), (0, shape[1] - 1)):
        in_grid = (affine @ [i, j, k, 1])[:3]
        in_file = frame.position_mm + i * frame.across_mm + j * frame.down_mm
        if np.linalg.norm(in_grid - in_file) > limit_mm:
            raise DicomSourceError(
                "The segmented volume does not lie where the DICOM images are ({distance:.1f} mm "
                "apart), so a DICOM segmentation cannot be written.",
                distance=float(np.linalg.norm(in_grid - in_file)),
            )
