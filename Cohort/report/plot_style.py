"""Figures as SVG with colors from the page, for light and dark themes.

Figures are drawn in marker colors, which become CSS variables of report.css in the page. The pairs
are of Okabe and Ito's palette, which people with any color vision can tell apart, and groups differ
in marker and line style as well.
"""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GRID = "#1b1c1d", "#5c6168", "#d4d7db"
FIRST, SECOND = "#d55e00", "#0072b2"
CSS_VARIABLES = {
    INK: "--ink",
    FAINT: "--faint",
    GRID: "--grid",
    FIRST: "--series-a",
    SECOND: "--series-b",
}
COLOURS, MARKERS, LINES = (FIRST, SECOND), ("o", "^"), ("-", "--")
BAND_OPACITY, POINT_OPACITY = 0.16, 0.72
# Thousands of vector points make a page slow; above this number they become one picture.
MOST_VECTOR_POINTS = 1500
FONT_PT = 10.5
STYLE = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": FONT_PT,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": FONT_PT + 1,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "svg.fonttype": "path",
}


def new_figure(width_in: float, height_in: float, rows: int = 1, columns: int = 1, **layout):
    """A figure with axes in the common style; its size in inches is that of the page at 96 dpi."""
    # Here, since pages without plots use this module, too: the participant level's.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure((width_in, height_in), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **layout)
    return figure, axes


def svg_of(figure: Figure, description: str) -> Markup:
    """The figure as inline SVG with its colors as CSS variables.

    Parameters
    ----------
    figure : Figure
    description : str
        What it shows, for those who cannot see it.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    # Ids are derived from the salt: equal ids in two figures of a page would be mixed up.
    with rc_context({**STYLE, "svg.hashsalt": description}):
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, variable in CSS_VARIABLES.items():
        svg = re.sub(colour, f"var({variable})", svg, flags=re.IGNORECASE)
    prefix = re.sub(r"\W", "", description)[:24]
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    width = re.search(r'<svg [^>]*?width="([\d.]+)pt"', svg)
    size = f"{float(width[1]) * 96 / 72:.0f}px" if width else "100%"
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    label = html.escape(description, quote=True)
    svg = svg.replace(
        "<svg ", f'<svg class="plot" style="max-width:{size}" role="img" aria-label="{label}" ', 1
    )
    return Markup(svg)


def style_axes(axes: Axes, across: bool = True, along: bool = False) -> None:
    """Grid lines where values are read off: across for y, along for x."""
    axes.grid(visible=across, axis="y")
    axes.grid(visible=along, axis="x")
    axes.tick_params(length=0)
