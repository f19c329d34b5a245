"""Text on the one-page report."""

from __future__ import annotations

import qt
from HypothalamusSegLib.colours import FAINT_INK, INK

MARGIN_PX = 60


def draw_text(
    painter,
    x: int,
    y: int,
    text: str,
    points: int,
    colour: str = INK,
    bold: bool = False,
    is_struck: bool = False,
) -> None:
    """Write a line from (x, y), its baseline, in pixels of the page."""
    font = qt.QFont("Sans Serif")
    font.setPixelSize(round(points * 1.75))
    font.setBold(bold)
    font.setStrikeOut(is_struck)
    colour = FAINT_INK if is_struck else colour
    painter.setFont(font)
    painter.setPen(qt.QColor(colour))
    painter.drawText(x, y, text)
