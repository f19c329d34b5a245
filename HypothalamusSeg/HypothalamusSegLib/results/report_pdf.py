"""Draw the one-page report on A4 with matplotlib; equal contents give equal bytes.

Examples
--------
>>> wrap_text("Left and right differ.", 12)
['Left and', 'right', 'differ.']
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from ..colours import FAINT_INK, INK, SEVERITY_INKS
from .plane_drawing import FONT, cut_short, draw_plane, make_printable, strike
from .report_contents import Number, ReportContents, ReportFlag

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

PAGE_MM = (210.0, 297.0)
MARGIN_MM, GAP_MM, LINE_MM = 15.0, 3.0, 4.6
MM_PER_INCH = 25.4
PICTURES_A_ROW = 3
PICTURE_MM = (PAGE_MM[0] - 2 * MARGIN_MM - (PICTURES_A_ROW - 1) * GAP_MM) / PICTURES_A_ROW
# Pixels of a plane: about 190 per inch on the page.
PICTURE_PIXELS = 432
LINE_INK = "#c3c9d0"
SEVERITY_SIGNS = {"severe": "■", "doubtful": "▲", "note": "●"}
TITLE_CHARACTERS, FLAG_CHARACTERS, PROVENANCE_CHARACTERS = 60, 112, 100
PROTOCOL_CHARACTERS = 130
# Right edges of the columns after the first, in millimeters from the left margin.
COLUMN_ENDS_MM = (74.0, 104.0, 126.0, 158.0, 180.0)
BOTTOM_MM, SMALL_LINE_MM, LETTER_POINTS = 287.0, 3.8, 8
PURPOSE = "For research only. Not a medical device. Do not use it for clinical decisions."
CONVENTION = (
    "Radiological convention: the patient's left is on the right of the picture; in sagittal "
    "planes, anterior is on the left. Positions in RAS mm."
)
COVERED = "Gray and struck through: wrong because of a severe flag (■)."
PROTOCOL = (
    "The published protocol was learned from another network, not from raters. Never compare "
    "volumes of different protocols or programs. The ratio to ICV is for single cases only. Fold "
    "SD is the spread of the networks, not an error bar."
)


def write_report(contents: ReportContents, path: Path) -> None:
    """Write the page as PDF; raises OSError if the file cannot be written."""
    import matplotlib

    page = Page(contents)
    # No date or matplotlib version in the file; fonts are embedded as text.
    about = {"Title": contents.title, "Creator": f"HypothalamusSeg {contents.version}"}
    about |= {"CreationDate": None, "Producer": None}
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        page.figure.savefig(path, format="pdf", metadata=about)


class Page:
    """One A4 page; ``y_mm`` runs down from its top to where the next part begins."""

    def __init__(self, contents: ReportContents) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure: Figure = Figure([side / MM_PER_INCH for side in PAGE_MM], dpi=150)
        FigureCanvasAgg(self.figure)
        self.contents = contents
        self.y_mm = MARGIN_MM
        self._title()
        self._worst_flag()
        self._table()
        self._pictures()
        self._flags()
        self._pairs(contents.remarks)
        self._provenance()

    def _title(self) -> None:
        title = cut_short(make_printable(self.contents.title), TITLE_CHARACTERS)
        self._write(0, title, size=13, weight="bold")
        self.y_mm += 6.5
        self._write(0, f"HypothalamusSeg {self.contents.version}. {PURPOSE}", FAINT_INK, size=8)
        self.y_mm += 7

    def _worst_flag(self) -> None:
        """Draw the first flag above the numbers."""
        if not self.contents.flags:
            self._write(0, "No quality flags. Check the outlines anyway.", size=9)
            self.y_mm += LINE_MM + 2
            return
        self._flag(self.contents.flags[0])
        self.y_mm += 1.5

    def _table(self) -> None:
        first, *others = self.contents.columns
        self._write(0, first, weight="bold")
        for heading, end_mm in zip(others, COLUMN_ENDS_MM, strict=True):
            self._write(end_mm, heading, weight="bold", ha="right")
        self._rule()
        for row in self.contents.rows:
            self.y_mm += LINE_MM + 0.6
            self._write(0, row.name)
            for number, end_mm in zip(row.numbers, COLUMN_ENDS_MM, strict=True):
                self._number(end_mm, number)
            self._rule()
        self.y_mm += LINE_MM
        if any(number.is_covered for row in self.contents.rows for number in row.numbers):
            self._write(0, COVERED, FAINT_INK, size=7.5)
            self.y_mm += LINE_MM
        self.y_mm += 1

    def _number(self, end_mm: float, number: Number) -> None:
        ink = FAINT_INK if number.is_covered else INK
        text = self._write(end_mm, number.text, ink, ha="right")
        if number.is_covered:
            strike(self.figure, text, FAINT_INK)

    def _pictures(self) -> None:
        for row in self.contents.pictures:
            for column, picture in enumerate(row):
                left_mm = column * (PICTURE_MM + GAP_MM)
                self._write(left_mm, picture.heading, size=7.5)
                top_mm = self.y_mm + 2.6
                axes = self.figure.add_axes(self._box(left_mm, top_mm, PICTURE_MM))
                # Only the scan is drawn as pixels; outlines and letters stay sharp.
                draw_plane(axes, picture, LETTER_POINTS)
            self.y_mm += PICTURE_MM + 2 * GAP_MM
        self._legend()
        self._write(0, CONVENTION, FAINT_INK, size=7.5)
        self.y_mm += LINE_MM + 2

    def _legend(self) -> None:
        from matplotlib.lines import Line2D

        colours = {
            line.name: line.colour
            for row in self.contents.pictures
            for picture in row
            for line in picture.lines
        }
        left_mm = 0.0
        for name, colour in colours.items():
            ends, height = self._at(left_mm, left_mm + 7)
            self.figure.add_artist(Line2D(ends, (height, height), color=colour, linewidth=3))
            self._write(left_mm + 9, name, size=8)
            left_mm += 48
        self.y_mm += LINE_MM

    def _flags(self) -> None:
        """Draw the agreement and the remaining flags, as many as fit."""
        self._write(0, "Quality", weight="bold")
        self.y_mm += LINE_MM
        self._write(0, self.contents.agreement, size=8)
        self.y_mm += LINE_MM
        others = list(self.contents.flags[1:])
        room = int((BOTTOM_MM - self._rest_mm() - self.y_mm) // SMALL_LINE_MM) - 2
        while others and (room := room - len(_flag_lines(others[0]))) >= 0:
            flag = others.pop(0)
            for line in _flag_lines(flag):
                self._write(0, line, SEVERITY_INKS[flag.severity], size=8)
                self.y_mm += SMALL_LINE_MM
        if others:
            titles = dict.fromkeys(
                f"{SEVERITY_SIGNS[flag.severity]} {flag.title}" for flag in others
            )
            for line in wrap_text(f"Also: {', '.join(titles)}", FLAG_CHARACTERS)[:2]:
                self._write(0, line, SEVERITY_INKS[others[0].severity], size=8)
                self.y_mm += SMALL_LINE_MM
        self.y_mm += 2

    def _rest_mm(self) -> float:
        """Height of what follows the flags."""
        pairs = (*self.contents.remarks, *self.contents.provenance)
        lines = sum(len(wrap_text(value, PROVENANCE_CHARACTERS)) for _, value in pairs)
        lines += len(wrap_text(PROTOCOL, PROTOCOL_CHARACTERS))
        return lines * SMALL_LINE_MM + LINE_MM + 4

    def _flag(self, flag: ReportFlag) -> None:
        ink = SEVERITY_INKS[flag.severity]
        self._write(0, f"{SEVERITY_SIGNS[flag.severity]} {flag.title}", ink, weight="bold")
        self.y_mm += LINE_MM
        for line in wrap_text(flag.message, FLAG_CHARACTERS):
            self._write(3.5, line, size=8.5)
            self.y_mm += LINE_MM

    def _provenance(self) -> None:
        self._write(0, "Provenance", weight="bold")
        self.y_mm += LINE_MM
        self._pairs(self.contents.provenance)
        self.y_mm += 1
        for line in wrap_text(PROTOCOL, PROTOCOL_CHARACTERS):
            self._write(0, line, FAINT_INK, size=7.5)
            self.y_mm += SMALL_LINE_MM

    def _pairs(self, pairs: tuple[tuple[str, str], ...]) -> None:
        for what, value in pairs:
            self._write(0, what, FAINT_INK, size=7.5)
            for line in wrap_text(value, PROVENANCE_CHARACTERS):
                self._write(36, line, size=7.5)
                self.y_mm += SMALL_LINE_MM

    def _rule(self) -> None:
        from matplotlib.lines import Line2D

        ends, height = self._at(0, PAGE_MM[0] - 2 * MARGIN_MM, 2.4)
        self.figure.add_artist(Line2D(ends, (height, height), color=LINE_INK, linewidth=0.5))

    def _write(self, x_mm: float, text: str, colour: str = INK, **style: object) -> Text:
        style = {"size": 9, "family": FONT, "va": "center", **style}
        x, y = (MARGIN_MM + x_mm) / PAGE_MM[0], 1 - self.y_mm / PAGE_MM[1]
        return self.figure.text(x, y, make_printable(text), color=colour, parse_math=False, **style)

    def _at(self, from_mm: float, to_mm: float, below_mm: float = 0.0):
        """Ends and height of a horizontal line, in figure fractions."""
        ends = tuple((MARGIN_MM + x_mm) / PAGE_MM[0] for x_mm in (from_mm, to_mm))
        return ends, 1 - (self.y_mm + below_mm) / PAGE_MM[1]

    def _box(self, left_mm: float, top_mm: float, side_mm: float) -> tuple[float, ...]:
        width, height = PAGE_MM
        left, bottom = (MARGIN_MM + left_mm) / width, 1 - (top_mm + side_mm) / height
        return left, bottom, side_mm / width, side_mm / height


def _flag_lines(flag: ReportFlag) -> list[str]:
    return wrap_text(
        f"{SEVERITY_SIGNS[flag.severity]} {flag.title}. {flag.message}", FLAG_CHARACTERS + 6
    )


def wrap_text(text: str, characters: int) -> list[str]:
    """Wrap to lines of at most ``characters``; one empty line for an empty text."""
    return textwrap.wrap(make_printable(text), characters) or [""]
