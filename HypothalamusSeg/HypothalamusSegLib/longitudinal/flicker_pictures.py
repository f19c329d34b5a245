"""Pictures of the visits in their midspace, all of the same planes, to be flicked through.

Examples
--------
>>> len(draw_frames(followed))  # doctest: +SKIP
2
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.voxel_image import VoxelImage
from ..results.plane_drawing import FONT, draw_plane
from ..results.plane_pictures import (
    CLOSE,
    WHOLE_HEAD,
    PlanePicture,
    hypothalamus_outlines,
    plane_picture,
)
from ..results.planes import AXIAL, CORONAL, SAGITTAL
from .follow import FollowUp, MeasuredVisit
from .midspace import in_midspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL_PX, HEADING_PX, GAP_PX, DPI = 380, 22, 8, 100
COLUMNS = 3
PAPER, INK = "#101418", "#F2F2F2"
# The midspace has its origin in the hypothalamus; the middle of the head lies above.
HEAD_CENTRE_MM = np.array([0.0, -10.0, 35.0])
COMPRESS_LEVEL = 6


def draw_frames(followed: FollowUp) -> list[tuple[str, str]]:
    """Draw each visit twice: with outlines and without.

    Returns
    -------
    list of (str, str)
        PNG files as data URIs, one pair for each visit.
    """
    sides = hypothalamus_outlines(followed.visits[0].labels_in_midspace)
    left_mm = float(sides[0].centre_mm[0]) if sides else 0.0
    poses = followed.registration.from_midspace
    return [
        (_frame(measured, pose, left_mm, True), _frame(measured, pose, left_mm, False))
        for measured, pose in zip(followed.visits, poses, strict=True)
    ]


def _frame(measured: MeasuredVisit, pose: np.ndarray, left_mm: float, outlined: bool) -> str:
    scan = in_midspace(measured.visit.volume, pose)
    figure = _figure()
    for index, picture in enumerate(_pictures(scan, measured, left_mm, outlined)):
        row, column = divmod(index, COLUMNS)
        left = GAP_PX + column * (PANEL_PX + GAP_PX)
        top = HEADING_PX + row * (PANEL_PX + HEADING_PX)
        width, height = figure.bbox.size
        box = (left / width, 1 - (top + PANEL_PX) / height, PANEL_PX / width, PANEL_PX / height)
        draw_plane(figure.add_axes(box, facecolor="black"), picture)
        y = 1 - (top - HEADING_PX / 2) / height
        figure.text(left / width, y, picture.heading, color=INK, size=10, family=FONT, va="center")
    stream = io.BytesIO()
    figure.savefig(
        stream,
        format="png",
        dpi=DPI,
        facecolor=PAPER,
        metadata={"Software": None},
        pil_kwargs={"compress_level": COMPRESS_LEVEL},
    )
    figure.clear()
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _pictures(
    scan: VoxelImage, measured: MeasuredVisit, left_mm: float, outlined: bool
) -> list[PlanePicture]:
    outlines = hypothalamus_outlines(measured.labels_in_midspace) if outlined else []
    places = [
        (CORONAL, np.zeros(3), CLOSE),
        (AXIAL, np.zeros(3), CLOSE),
        (SAGITTAL, np.array([left_mm, 0.0, 0.0]), CLOSE),
    ]
    for view in (CORONAL, AXIAL, SAGITTAL):
        centre = HEAD_CENTRE_MM.copy()
        centre[view.normal] = 0.0
        places.append((view, centre, WHOLE_HEAD))
    return [
        plane_picture(scan, view, "", centre, scale, outlines, PANEL_PX)
        for view, centre, scale in places
    ]


def _figure() -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = COLUMNS * (PANEL_PX + GAP_PX) + GAP_PX
    height = 2 * (PANEL_PX + HEADING_PX) + GAP_PX
    figure = Figure((width / DPI, height / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure
