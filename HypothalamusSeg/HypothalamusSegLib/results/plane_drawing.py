"""Draw planes and struck-through numbers with matplotlib, for overview and report.

Examples
--------
>>> cut_short("hypothalamus", 8)
'hypotha…'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .plane_pictures import PlanePicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONT = "DejaVu Sans"
LETTER_INK = "#F2F2F2"


def draw_plane(axes: Axes, picture: PlanePicture, letter_points: float = 12) -> None:
    """Draw scan, outlines, letters at the edges and a scale bar; the axes must be square."""
    axes.set_axis_off()
    half_mm = picture.scale.field_mm / 2
    frame = (-half_mm, half_mm, -half_mm, half_mm)
    low, high = picture.window
    axes.imshow(
        picture.plane,
        "gray",
        origin="lower",
        extent=frame,
        vmin=low,
        vmax=high,
        interpolation="nearest",
    )
    pixels = picture.plane.shape[0]
    ticks = (np.arange(pixels) + 0.5) / pixels * picture.scale.field_mm - half_mm
    for line in picture.lines:
        if line.membership.min() < 0.5 < line.membership.max():
            style = {"colors": [line.colour], "linewidths": [picture.scale.line_width]}
            axes.contour(ticks, ticks, line.membership, [0.5], **style)
    _mark_edges(axes, picture.edges, half_mm, letter_points)
    _mark_scale(axes, picture.scale.bar_mm, half_mm, letter_points)
    axes.set(xlim=frame[:2], ylim=frame[2:])


def cut_short(text: str, characters: int) -> str:
    """Cut a line that is too long, even within a word (file names have no spaces)."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def make_printable(text: str) -> str:
    """Replace what cannot be drawn: undecodable bytes of a file name, control characters."""
    decodable = text.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in decodable)


def strike(figure: Figure, text, colour: str) -> None:
    """Strike through a text on a figure."""
    from matplotlib.lines import Line2D

    box = text.get_window_extent(figure.canvas.get_renderer())
    (left, y), (right, _) = figure.transFigure.inverted().transform(
        [(box.x0, (box.y0 + box.y1) / 2), (box.x1, 0)]
    )
    figure.add_artist(Line2D((left, right), (y, y), color=colour, linewidth=1))


def _mark_edges(axes: Axes, letters: str, half_mm: float, points: float) -> None:
    reach = 0.94 * half_mm
    for letter, place in zip(letters, ((-1, 0), (1, 0), (0, -1), (0, 1)), strict=True):
        x, y = reach * place[0], reach * place[1]
        _label(axes, x, y, letter, size=points, weight="bold")


def _mark_scale(axes: Axes, length_mm: int, half_mm: float, points: float) -> None:
    x, y = -0.94 * half_mm, -0.93 * half_mm
    for colour, width in (("black", 5.0), (LETTER_INK, 2.5)):
        axes.plot((x, x + length_mm), (y, y), color=colour, linewidth=width, solid_capstyle="butt")
    _label(axes, x + length_mm / 2, y + 0.06 * half_mm, f"{length_mm} mm", size=0.75 * points)


def _label(axes: Axes, x: float, y: float, text: str, **style: object) -> None:
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=2.5, foreground="black")]
    style = {"family": FONT, "ha": "center", "va": "center", **style}
    axes.text(x, y, text, color=LETTER_INK, path_effects=halo, **style)
