"""Three coronal planes of the hypothalamus in one picture, without and with outlines.

The contact sheet shows the half with outlines, and the other while a key is held. The picture has
no name and no number, so that it can be judged blind.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.results.plane_drawing import draw_plane
from HypothalamusSegLib.results.plane_pictures import (
    Magnification,
    hypothalamus_outlines,
    plane_picture,
)
from HypothalamusSegLib.results.planes import CORONAL
from HypothalamusSegLib.results.record import ResultRecord

# Of the way from the hindmost to the foremost voxel: mamillary, tuberal and anterior part.
PLACES = (0.2, 0.5, 0.8)
SCALE = Magnification(field_mm=48.0, bar_mm=10, line_width=1.1)
PANEL_PX, GAP_PX, DPI = 300, 4, 100
LETTER_POINTS = 10.0
PAPER = "#101418"


def have_planes(hypothalamus: VoxelImage | None) -> bool:
    """Whether there is a hypothalamus to draw: it may not have been requested, or not found."""
    return hypothalamus is not None and bool(hypothalamus.array.any())


def write_planes(record: ResultRecord, path: Path) -> None:
    """Draw the planes of a result that has a hypothalamus; see `draw_planes`."""
    result = record.segmentation
    draw_planes(path, result.scan.volume, result.hypothalamus)


def draw_planes(path: Path, scan: VoxelImage, hypothalamus: VoxelImage) -> None:
    """Draw three coronal planes, the foremost on the left: first without outlines, then with.

    Parameters
    ----------
    path : Path
        The PNG to write: two halves of equal width, three planes in each.
    scan : VoxelImage, shape (I, J, K)
        Intensities, in any orientation.
    hypothalamus : VoxelImage, shape (I', J', K')
        Labels 1 = left and 2 = right, on any grid in the world space of the scan.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sides = hypothalamus_outlines(hypothalamus)
    width, height = 2 * len(PLACES) * (PANEL_PX + GAP_PX), PANEL_PX
    figure = Figure((width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    for column, centre in enumerate(plane_centres_mm(hypothalamus)):
        outlined = plane_picture(scan, CORONAL, "", centre, SCALE, sides, PANEL_PX)
        for half, picture in enumerate((replace(outlined, lines=()), outlined)):
            left = (half * len(PLACES) + column) * (PANEL_PX + GAP_PX) + GAP_PX / 2
            axes = figure.add_axes((left / width, 0, PANEL_PX / width, 1), facecolor="black")
            draw_plane(axes, picture, LETTER_POINTS)
    figure.savefig(path, format="png", dpi=DPI, facecolor=PAPER, metadata={"Software": None})
    # A figure has reference cycles: without this it waits for the garbage collector.
    figure.clear()


def plane_centres_mm(hypothalamus: VoxelImage) -> list[np.ndarray]:
    """Centers of the planes in RAS mm, the foremost first.

    Parameters
    ----------
    hypothalamus : VoxelImage, shape (I, J, K)
        Labels, not all 0.
    """
    points_mm = hypothalamus.grid.points_at(np.argwhere(hypothalamus.array > 0))
    back, front = points_mm[:, 1].min(), points_mm[:, 1].max()
    centre = points_mm.mean(axis=0)
    return [
        np.array([centre[0], back + share * (front - back), centre[2]])
        for share in sorted(PLACES, reverse=True)
    ]
