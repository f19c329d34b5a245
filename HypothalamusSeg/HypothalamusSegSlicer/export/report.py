"""The one-page report: outlines on planes of the scan, volumes, quality and review.

As in the engine's report, numbers that a severe flag covers are gray and struck through.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import qt
from HypothalamusSegLib.colours import FAINT_INK, PAPER
from HypothalamusSegLib.flags import Flag, severity_of, sort_by_severity
from HypothalamusSegLib.measures.intervals import COVERAGE
from HypothalamusSegLib.measures.protocol import protocol_name
from HypothalamusSegLib.results.flag_coverage import covered_columns
from HypothalamusSegLib.results.number_format import MISSING
from HypothalamusSegLib.units import MM3_PER_ML

from ..scene.result_nodes import ResultNodes
from ..volumes.mask_digest import mask_digests
from ..volumes.rows import VolumeRow
from .report_planes import draw_planes
from .report_text import MARGIN_PX, draw_text
from .subject import Subject

PAGE_PX = (1240, 1754)  # A4 at 150 dots an inch
PDF_DOTS_PER_INCH = 600
TABLE_COLUMNS = (
    ("Structure", 0),
    ("Value", 310),
    ("{percent} % interval", 440),
    ("Fold SD", 610),
    ("% of ICV", 700),
    ("At {reference} ICV", 800),
    ("Status", 980),
)

# What the engine calls the numbers of these columns, to know which a severe flag covers.
ENGINE_COLUMNS = (
    "",
    "volume_mm3",
    "volume_low_mm3",
    "fold_sd_mm3",
    "fraction_of_icv",
    "icv_adjusted_mm3",
    "",
)


def draw_report(
    nodes: ResultNodes, rows: Sequence[VolumeRow], subject: Subject, path: Path
) -> None:
    """Draw the page; all planes run along the scan's own RAS axes, before any transform."""
    image = qt.QImage(*PAGE_PX, qt.QImage.Format_RGB32)
    image.fill(qt.QColor(PAPER))
    painter = qt.QPainter(image)
    _draw_page(painter, nodes, rows, subject)
    painter.end()
    if not image.save(str(path)):
        raise OSError(f"{path.name} could not be written. Check the free disk space.")


def draw_report_pdf(
    nodes: ResultNodes, rows: Sequence[VolumeRow], subject: Subject, path: Path
) -> None:
    """Draw the page as PDF, with its text as text; raises OSError."""
    writer = qt.QPdfWriter(str(path))
    writer.setResolution(PDF_DOTS_PER_INCH)
    writer.setTitle(subject.title)
    writer.setCreator("HypothalamusSeg")
    painter = qt.QPainter(writer)
    if not painter.isActive():
        raise OSError(f"{path.name} could not be written. Check the free disk space.")
    # A4 is the default of a writer; its margins may differ, so the page is fitted to the rest.
    scale = min(writer.width() / PAGE_PX[0], writer.height() / PAGE_PX[1])
    painter.scale(scale, scale)
    _draw_page(painter, nodes, rows, subject)
    painter.end()


def _draw_page(painter, nodes: ResultNodes, rows: Sequence[VolumeRow], subject: Subject) -> None:
    painter.setRenderHint(qt.QPainter.Antialiasing)
    y = _draw_title(painter, nodes, subject)
    y = draw_planes(painter, nodes, y)
    reference = f"{nodes.record.engine['reference_icv_mm3'] / MM3_PER_ML:.0f} mL"
    codes = [flag["code"] for flag in nodes.record.engine["quality"]["flags"]]
    y = _draw_table(painter, rows, codes, reference, y)
    y = _draw_quality(painter, nodes, y)
    _draw_review(painter, nodes, y)


def _draw_title(painter, nodes: ResultNodes, subject: Subject) -> int:
    draw_text(painter, MARGIN_PX, 80, subject.title, 20, bold=True)
    provenance = nodes.record.engine["provenance"]
    line = f"HypothalamusSeg {provenance['version']} – for research only, not a medical device"
    drawn_by = f"Protocol of the outlines: {protocol_name(nodes.record.engine)}"
    y = 80
    for text in (*subject.lines, drawn_by, line):
        y += 24
        draw_text(painter, MARGIN_PX, y, text, 10, FAINT_INK)
    return y + 24


def _draw_table(
    painter, rows: Sequence[VolumeRow], codes: Sequence[str], reference: str, top: int
) -> int:
    y, percent = top, f"{100 * COVERAGE:.0f}"
    for title, x in TABLE_COLUMNS:
        draw_text(
            painter,
            MARGIN_PX + x,
            y,
            title.format(reference=reference, percent=percent),
            10,
            bold=True,
        )
    from HypothalamusSegLib.results.report_pdf import COVERED

    has_covered = False
    for row in rows:
        y += 24
        covered = covered_columns(codes, row.structure)
        for (_, x), column, cell in zip(TABLE_COLUMNS, ENGINE_COLUMNS, _cells(row), strict=True):
            is_covered = column in covered and cell != MISSING
            has_covered |= is_covered
            draw_text(painter, MARGIN_PX + x, y, cell, 10, is_struck=is_covered)
    if has_covered:
        y += 24
        draw_text(painter, MARGIN_PX, y, COVERED, 9, FAINT_INK)
    return y + 44


def _cells(row: VolumeRow) -> tuple[str, ...]:
    return (
        row.name,
        f"{_format_number(row.value, 1)} {row.unit}",
        f"{_format_number(row.low, 1)}–{_format_number(row.high, 1)}"
        if row.low == row.low
        else MISSING,
        _format_number(row.fold_sd, 1),
        MISSING if row.structure == "icv" else _format_number(row.percent_of_icv, 4),
        _format_number(row.adjusted_mm3, 1),
        row.status,
    )


def _format_number(value: float, digits: int) -> str:
    return MISSING if value != value else f"{value:,.{digits}f}".replace(",", " ")


def _draw_quality(painter, nodes: ResultNodes, top: int) -> int:
    from HypothalamusSegLib.results.report_pdf import SEVERITY_SIGNS

    y = top
    draw_text(painter, MARGIN_PX, y, "Quality", 11, bold=True)
    flags = nodes.record.engine["quality"]["flags"]
    found = sort_by_severity(Flag(**flag) for flag in flags)
    signed = [f"{SEVERITY_SIGNS[severity_of(flag.code)]} {flag.message}" for flag in found]
    for message in signed or ["No quality flags."]:
        for line in _wrap(message, 125):
            y += 22
            draw_text(painter, MARGIN_PX, y, line, 10)
    return y + 40


def _draw_review(painter, nodes: ResultNodes, top: int) -> None:
    review = nodes.record.review
    who = f" by {review.reviewer}" if review.reviewer else ""
    when = f", {review.time}" if review.time else ""
    changed = review.changed_since(mask_digests(nodes))
    since = f"; changed since then: {', '.join(changed)}" if changed else ""
    draw_text(painter, MARGIN_PX, top, f"Review: {review.status}{who}{when}{since}", 11, bold=True)
    y = top
    for line in _wrap(review.note, 125):
        y += 22
        draw_text(painter, MARGIN_PX, y, line, 10)


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width)
