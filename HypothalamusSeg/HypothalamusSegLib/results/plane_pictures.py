"""Planes of a scan with outlines, as arrays, for the overview and the report.

Examples
--------
>>> icv_outlines(VoxelImage(np.zeros((2, 2, 2), np.uint8), np.eye(4)))
[]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import labels
from ..colours import ICV_COLOUR, LEFT_COLOUR, RIGHT_COLOUR
from ..geometry.head_box import head_grid
from ..geometry.resampling import resample_cubic
from ..geometry.voxel_image import VoxelImage
from .planes import AXIAL, CORONAL, SAGITTAL, Outline, View, intensity_window, outline_of

LEFT_NAME, RIGHT_NAME, ICV_NAME = "Left hypothalamus", "Right hypothalamus", "Intracranial volume"


@dataclass(frozen=True)
class Magnification:
    """Field of view of a plane, and matching line widths in points."""

    field_mm: float
    bar_mm: int
    line_width: float


CLOSE = Magnification(field_mm=60.0, bar_mm=10, line_width=1.4)
WHOLE_HEAD = Magnification(field_mm=224.0, bar_mm=50, line_width=0.9)


@dataclass(frozen=True)
class Line:
    """An outline on a plane: the 0.5 level of ``membership``, shape (J, I)."""

    name: str
    colour: str
    membership: np.ndarray


@dataclass(frozen=True)
class PlanePicture:
    """One plane, ready to draw.

    Attributes
    ----------
    heading : str
    plane : ndarray of float, shape (J, I)
        Intensities, the lowest row first; square.
    window : tuple of float
        Intensities shown black and white.
    lines : tuple of Line
    edges : str
        Letters at the left, right, bottom and top edge.
    scale : Magnification
    """

    heading: str
    plane: np.ndarray
    window: tuple[float, float]
    lines: tuple[Line, ...]
    edges: str
    scale: Magnification


def hypothalamus_outlines(hypothalamus: VoxelImage | None) -> list[Outline]:
    """Outlines of left and right, if present; labels 1 and 2, shape (I, J, K)."""
    if hypothalamus is None:
        return []
    left, right = labels.SIDES
    sides = (
        outline_of(LEFT_NAME, LEFT_COLOUR, hypothalamus, labels.LEFT, left),
        outline_of(RIGHT_NAME, RIGHT_COLOUR, hypothalamus, labels.RIGHT, right),
    )
    return [side for side in sides if side.voxels]


def icv_outlines(icv: VoxelImage | None) -> list[Outline]:
    """Outline of the intracranial mask (0 and 1, shape (I, J, K)), if present."""
    found = [] if icv is None else [outline_of(ICV_NAME, ICV_COLOUR, icv, 1)]
    return [outline for outline in found if outline.voxels]


def plane_picture(
    scan: VoxelImage,
    view: View,
    note: str,
    centre_mm: np.ndarray,
    scale: Magnification,
    outlines: Sequence[Outline],
    pixels: int,
) -> PlanePicture:
    """Cut one plane of ``pixels`` × ``pixels`` around a point in RAS millimeters."""
    grid = view.grid(centre_mm, scale.field_mm, pixels)
    plane = resample_cubic(scan, grid)[:, :, 0].T
    position = f"{'xyz'[view.normal]} = {centre_mm[view.normal]:+.1f} mm"
    lines = tuple(Line(o.name, o.colour, o.on_plane(grid)) for o in outlines)
    heading = f"{view.name}, {note}{position}".replace("-", "−")
    return PlanePicture(heading, plane, intensity_window(plane), lines, view.edges, scale)


def report_pictures(
    scan: VoxelImage, hypothalamus: VoxelImage | None, icv: VoxelImage | None, pixels: int
) -> tuple[tuple[PlanePicture, ...], ...]:
    """Coronal, axial and sagittal planes: one row of the hypothalamus, one of the head.

    The close-up sagittal plane passes through the left side, because the midsagittal plane shows
    the third ventricle. The first row is omitted if there is no hypothalamus.
    """
    sides, skull = hypothalamus_outlines(hypothalamus), icv_outlines(icv)
    box_centre = head_grid(scan).centre_mm
    seen = sides or skull
    centre = np.mean([o.centre_mm for o in seen], axis=0) if seen else box_centre
    rows = []
    if sides:
        side = np.array([sides[0].centre_mm[0], *centre[1:]])
        note = f"{sides[0].side} side, "
        places = ((CORONAL, "", centre), (AXIAL, "", centre), (SAGITTAL, note, side))
        close = [(*place, CLOSE, sides, pixels) for place in places]
        rows.append(tuple(plane_picture(scan, *place) for place in close))
    head = []
    for view in (CORONAL, AXIAL, SAGITTAL):
        place = box_centre.copy()
        place[view.normal] = centre[view.normal]
        head.append(plane_picture(scan, view, "", place, WHOLE_HEAD, [*skull, *sides], pixels))
    return (*rows, tuple(head))
