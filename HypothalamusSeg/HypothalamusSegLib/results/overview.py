"""The overview picture: outlines on planes of the scan, for a quick check.

All planes are aligned with the RAS axes of world space, for any scan orientation.

Examples
--------
>>> draw_overview(Path("a.png"), scan, hypothalamus, icv, "a", [], [])  # doctest: +SKIP
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.head_box import head_grid
from ..geometry.voxel_image import VoxelImage
from .plane_drawing import FONT, cut_short, draw_plane, make_printable, strike
from .plane_pictures import (
    CLOSE,
    WHOLE_HEAD,
    Magnification,
    hypothalamus_outlines,
    icv_outlines,
    plane_picture,
)
from .planes import AXIAL, CORONAL, SAGITTAL, Outline, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

PAPER, INK, FAINT_INK, WARNING_INK = "#101418", "#F2F2F2", "#AEB6BE", "#FFB4A2"

DPI = 100
COMPRESS_LEVEL = 3  # half the default time for 6 % more bytes
PANEL_PX, GAP_PX, MARGIN_PX = 360, 10, 18
TITLE_PX, HEADING_PX, LINE_PX = 48, 26, 21
COLUMNS = 4
WIDTH_PX = 2 * MARGIN_PX + COLUMNS * PANEL_PX + (COLUMNS - 1) * GAP_PX
# Approximate number of characters in the width of a panel and of the picture.
PANEL_CHARACTERS, WIDTH_CHARACTERS, TITLE_CHARACTERS = 46, 180, 110
CONVENTION = (
    "Radiological convention: the patient's left is on the right of the image; in sagittal "
    "planes, anterior is on the left.",
    "Positions in RAS world space: +x right, +y anterior, +z superior.",
)


@dataclass(frozen=True)
class CaptionLine:
    """A line of text, and whether a severe flag covers its numbers: then it is struck through."""

    text: str
    is_covered: bool = False


NO_HYPOTHALAMUS = CaptionLine("No hypothalamus label to show.")


@dataclass(frozen=True)
class Panel:
    """One plane of the scan, its position in the picture and its outlines."""

    view: View
    note: str
    centre_mm: np.ndarray
    scale: Magnification
    row: int
    column: int
    outlines: Sequence[Outline]


def draw_overview(
    path: Path,
    scan: VoxelImage,
    hypothalamus: VoxelImage | None,
    icv: VoxelImage | None,
    title: str,
    caption: Sequence[CaptionLine],
    warnings: Sequence[str] = (),
) -> None:
    """Draw the segmentations as outlines on planes of the scan and write a PNG.

    The first row shows the hypothalamus in close-up (coronal, axial, and sagittal through each
    side, because the midsagittal plane shows the third ventricle). It is omitted if there is no
    hypothalamus. The second row shows the whole head. Equal inputs give equal bytes.

    Parameters
    ----------
    path : Path
        The PNG to write.
    scan : VoxelImage, shape (I, J, K)
        Intensities, in any orientation.
    hypothalamus : VoxelImage or None, shape (I', J', K')
        Labels 1 = left and 2 = right, on any grid in the world space of the scan.
    icv : VoxelImage or None, shape (I'', J'', K'')
        Intracranial mask, values 0 and 1.
    title : str
        One line, cut if too long.
    caption : sequence of CaptionLine
        Lines such as volumes; long ones are wrapped, covered ones gray and struck through.
    warnings : sequence of str
        Messages of flags; long ones are wrapped.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    sides, skull = hypothalamus_outlines(hypothalamus), icv_outlines(icv)
    panels = _panels(scan, sides, skull)
    facts = _wrap_lines(caption if sides else [NO_HYPOTHALAMUS, *caption])
    notes = _wrap_lines([CaptionLine(text) for text in CONVENTION])
    footer = [line for text in warnings for line in _wrap(f"▲ {text}", WIDTH_CHARACTERS)]
    rows = 1 + max(panel.row for panel in panels)
    notes_px = HEADING_PX + LINE_PX * (len(sides + skull) + len(facts) + len(notes) + 2)
    body_px = max(PANEL_PX + HEADING_PX + GAP_PX, notes_px)
    body_px += (rows - 1) * (PANEL_PX + HEADING_PX + GAP_PX)
    footer_px = (len(footer) + 1) * LINE_PX if footer else MARGIN_PX

    figure = _figure(TITLE_PX + body_px + footer_px)
    short_title = cut_short(make_printable(title), TITLE_CHARACTERS)
    _write(figure, MARGIN_PX, TITLE_PX / 2, short_title, size=15, weight="bold")
    for panel in panels:
        _draw_panel(figure, panel, scan)
    left, top = _corner(rows - 1, COLUMNS - 1)
    top = _draw_legend(figure, left + GAP_PX, top, sides + skull)
    for lines, colour in ((facts, INK), (notes, FAINT_INK)):
        for index, line in enumerate(lines):
            y_px = top + (index + 0.5) * LINE_PX
            ink = FAINT_INK if line.is_covered else colour
            text = _write(figure, left + GAP_PX, y_px, line.text, ink)
            if line.is_covered:
                strike(figure, text, FAINT_INK)
        top += (len(lines) + 0.6) * LINE_PX
    for index, line in enumerate(footer):
        _write(figure, MARGIN_PX, TITLE_PX + body_px + (index + 0.5) * LINE_PX, line, WARNING_INK)
    figure.savefig(
        path,
        format="png",
        dpi=DPI,
        facecolor=PAPER,
        metadata={"Software": None},  # otherwise the file contains the version of matplotlib
        pil_kwargs={"compress_level": COMPRESS_LEVEL},
    )
    # A figure has reference cycles: without this, 60 MB wait for the garbage collector.
    figure.clear()


def _panels(scan: VoxelImage, sides: Sequence[Outline], skull: Sequence[Outline]) -> list[Panel]:
    box_centre = head_grid(scan).centre_mm
    seen = sides or skull
    centre = np.mean([outline.centre_mm for outline in seen], axis=0) if seen else box_centre
    panels = []
    if sides:
        zoomed = [(CORONAL, "", centre), (AXIAL, "", centre)]
        for side in reversed(sides):
            place = np.array([side.centre_mm[0], *centre[1:]])
            zoomed.append((SAGITTAL, f"{side.side} side, ", place))
        for column, (view, note, place) in enumerate(zoomed):
            panels.append(Panel(view, note, place, CLOSE, 0, column, sides))
    for column, view in enumerate((CORONAL, AXIAL, SAGITTAL)):
        place = box_centre.copy()
        place[view.normal] = centre[view.normal]
        row, outlines = int(bool(sides)), [*skull, *sides]
        panels.append(Panel(view, "", place, WHOLE_HEAD, row, column, outlines))
    return panels


def _wrap_lines(lines: Sequence[CaptionLine]) -> list[CaptionLine]:
    """Lines that fit the width of a panel."""
    return [
        CaptionLine(text, line.is_covered)
        for line in lines
        for text in _wrap(line.text, PANEL_CHARACTERS)
    ]


def _wrap(text: str, characters: int) -> list[str]:
    return textwrap.wrap(make_printable(text), characters, subsequent_indent="   ") or [""]


def _figure(height_px: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Figure API instead of pyplot: no global state, no window, thread-safe.
    figure = Figure((WIDTH_PX / DPI, round(height_px) / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def _corner(row: int, column: int) -> tuple[float, float]:
    """Left and top of a panel in pixels, without its heading."""
    left = MARGIN_PX + column * (PANEL_PX + GAP_PX)
    return left, TITLE_PX + HEADING_PX + row * (PANEL_PX + HEADING_PX + GAP_PX)


def _write(
    figure: Figure, x_px: float, y_px: float, text: str, colour: str = INK, **style: object
) -> Text:
    """Write a line; ``y_px`` is its middle, measured from the top."""
    width, height = figure.bbox.size
    style = {"size": 10, "family": FONT, "va": "center", **style}
    return figure.text(
        x_px / width, 1 - y_px / height, text, color=colour, parse_math=False, **style
    )


def _draw_panel(figure: Figure, panel: Panel, scan: VoxelImage) -> None:
    left, top = _corner(panel.row, panel.column)
    width, height = figure.bbox.size
    box = (left / width, 1 - (top + PANEL_PX) / height, PANEL_PX / width, PANEL_PX / height)
    axes = figure.add_axes(box, facecolor="black")
    picture = plane_picture(
        scan, panel.view, panel.note, panel.centre_mm, panel.scale, panel.outlines, PANEL_PX
    )
    _write(figure, left, top - HEADING_PX / 2, picture.heading)
    draw_plane(axes, picture)


def _draw_legend(figure: Figure, x_px: float, y_px: float, outlines: Sequence[Outline]) -> float:
    """Draw the legend from ``y_px`` down; returns where the next text may begin."""
    from matplotlib.lines import Line2D

    width, height = figure.bbox.size
    for outline in outlines:
        y = 1 - (y_px + LINE_PX / 2) / height
        ends = (x_px / width, (x_px + 28) / width)
        figure.add_artist(Line2D(ends, (y, y), color=outline.colour, linewidth=3))
        _write(figure, x_px + 38, y_px + LINE_PX / 2, outline.name, weight="bold")
        y_px += LINE_PX
    return y_px + 0.6 * LINE_PX
