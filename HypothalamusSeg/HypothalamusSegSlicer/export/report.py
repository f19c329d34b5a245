"""The one-page report: outlines on planes of the scan, volumes, quality and review.

As in the engine's report, numbers that a severe flag covers are gray and struck through.
"""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import qt
import slicer
import vtk
from HypothalamusSegLib.colours import (
    FAINT_INK,
    INK,
    PAPER,
    PAPER_STRUCTURE_COLOURS,
    red_green_blue,
)
from HypothalamusSegLib.flags import Flag, severity_of, sort_by_severity
from HypothalamusSegLib.measures.intervals import COVERAGE
from HypothalamusSegLib.results.flag_coverage import covered_columns
from HypothalamusSegLib.results.number_format import MISSING
from HypothalamusSegLib.units import MM3_PER_ML
from vtk.util.numpy_support import numpy_to_vtk

from ..scene.result_nodes import ResultNodes
from ..volumes.mask_digest import mask_digests
from ..volumes.rows import VolumeRow
from ..volumes.segment_voxels import read_segment
from .subject import Subject

PAGE_PX = (1240, 1754)  # A4 at 150 dots an inch
PDF_DOTS_PER_INCH = 600
MARGIN_PX, PANEL_PX, GAP_PX = 60, 360, 20
CLOSE_MM, WHOLE_MM = 60.0, 220.0
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
    # A4 is what a writer has; its margins may differ, so the page is fitted into what is left.
    scale = min(writer.width() / PAGE_PX[0], writer.height() / PAGE_PX[1])
    painter.scale(scale, scale)
    _draw_page(painter, nodes, rows, subject)
    painter.end()


def _draw_page(painter, nodes: ResultNodes, rows: Sequence[VolumeRow], subject: Subject) -> None:
    painter.setRenderHint(qt.QPainter.Antialiasing)
    y = _draw_title(painter, nodes, subject)
    y = _draw_planes(painter, nodes, y)
    reference = f"{nodes.record.engine['reference_icv_mm3'] / MM3_PER_ML:.0f} mL"
    codes = [flag["code"] for flag in nodes.record.engine["quality"]["flags"]]
    y = _draw_table(painter, rows, codes, reference, y)
    y = _draw_quality(painter, nodes, y)
    _draw_review(painter, nodes, y)


def _draw_title(painter, nodes: ResultNodes, subject: Subject) -> int:
    _text(painter, MARGIN_PX, 80, subject.title, 20, bold=True)
    provenance = nodes.record.engine["provenance"]
    line = f"HypothalamusSeg {provenance['version']} – for research only, not a medical device"
    y = 80
    for text in (*subject.lines, line):
        y += 24
        _text(painter, MARGIN_PX, y, text, 10, FAINT_INK)
    return y + 24


def _draw_planes(painter, nodes: ResultNodes, top: int) -> int:
    from HypothalamusSegLib.results.planes import AXIAL, CORONAL, SAGITTAL

    scan = _engine_volume(nodes.volume)
    outlined, sides = _outlines(nodes)
    centre = np.mean(sides, axis=0) if sides else scan.grid.centre_mm
    # Between the sides lies the third ventricle, where a sagittal plane would show no outline.
    in_a_side = np.array([sides[0][0], *centre[1:]]) if sides else centre
    y = top
    for field_mm, note in ((CLOSE_MM, "60 mm"), (WHOLE_MM, "220 mm")):
        for column, view in enumerate((CORONAL, AXIAL, SAGITTAL)):
            x = MARGIN_PX + column * (PANEL_PX + GAP_PX)
            place = in_a_side if view is SAGITTAL else centre
            _draw_plane(painter, (x, y), scan, outlined, view, place, field_mm)
            _text(painter, x, y + PANEL_PX + 18, f"{view.name}, {note} wide", 8, FAINT_INK)
        y += PANEL_PX + 34
    for line in (
        "Radiological convention: the patient's left is on the right of the image.",
        "Blue: left hypothalamus. Orange: right hypothalamus. Yellow: intracranial volume.",
    ):
        _text(painter, MARGIN_PX, y + 8, line, 9, FAINT_INK)
        y += 20
    return y + 32


def _outlines(nodes: ResultNodes) -> tuple[list, list[np.ndarray]]:
    """The outlines, and the centers of the sides of the hypothalamus, left first."""
    from HypothalamusSegLib.geometry.voxel_image import VoxelImage
    from HypothalamusSegLib.results.planes import outline_of

    outlined, centres = [], []
    for plan, node in nodes.segmentations():
        if plan.role == "subunits":
            continue
        for segment in plan.segments:
            voxels = read_segment(node, segment.identifier)
            if voxels is None or not voxels.inside.any():
                continue
            affine = voxels.image_to_world.copy()
            affine[:3, 3] = (affine @ [*voxels.start, 1.0])[:3]
            volume = VoxelImage(np.pad(voxels.inside.T.astype(np.uint8), 1), _padded(affine))
            outline = outline_of(
                segment.name, PAPER_STRUCTURE_COLOURS[segment.identifier], volume, 1
            )
            outlined.append(outline)
            if plan.role == "hypothalamus":
                centres.append(outline.centre_mm)
    return outlined, centres


def _padded(affine: np.ndarray) -> np.ndarray:
    """The affine of an array that got a layer of one voxel on each side."""
    moved = affine.copy()
    moved[:3, 3] = (affine @ [-1.0, -1.0, -1.0, 1.0])[:3]
    return moved


def _engine_volume(node: slicer.vtkMRMLScalarVolumeNode):
    from HypothalamusSegLib.geometry.voxel_image import VoxelImage

    ijk_to_ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(ijk_to_ras)
    array = slicer.util.arrayFromVolume(node).T
    return VoxelImage(array, slicer.util.arrayFromVTKMatrix(ijk_to_ras))


def _draw_plane(painter, corner, scan, outlined, view, centre, field_mm: float) -> None:
    from HypothalamusSegLib.geometry.resampling import resample_linear
    from HypothalamusSegLib.results.planes import intensity_window

    grid = view.grid(centre, field_mm, PANEL_PX)
    plane = resample_linear(scan, grid)[:, :, 0].T
    low, high = intensity_window(plane)
    grey = (255 * np.clip((plane - low) / (high - low), 0, 1)).astype(np.uint8)
    pixels = np.repeat(grey[::-1, :, None], 3, axis=2)
    for item in outlined:
        inside = item.on_plane(grid)[::-1] > 0.5
        pixels[_edge(inside)] = red_green_blue(item.colour)
    picture = _image(pixels)
    painter.drawImage(*corner, picture)
    left, right, bottom, top = view.edges
    middle = PANEL_PX // 2
    for letter, dx, dy in (
        (left, 6, middle),
        (right, PANEL_PX - 20, middle),
        (bottom, middle - 5, PANEL_PX - 8),
        (top, middle - 5, 20),
    ):
        x, y = corner[0] + dx, corner[1] + dy
        _text(painter, x + 1, y + 1, letter, 11, "#000000", bold=True)
        _text(painter, x, y, letter, 11, "#ffffff", bold=True)


def _image(pixels: np.ndarray) -> qt.QImage:
    """An image of pixels of shape (rows, columns, 3), through a file: PythonQt takes no buffers."""
    rows, columns, _ = pixels.shape
    picture = vtk.vtkImageData()
    picture.SetDimensions(columns, rows, 1)
    flat = np.ascontiguousarray(pixels[::-1]).reshape(-1, 3)
    picture.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetInputData(picture)
    where = slicer.app.temporaryPath
    with tempfile.TemporaryDirectory(prefix="hypothalamus-seg-", dir=where) as folder:
        path = str(Path(folder) / "plane.png")
        writer.SetFileName(path)
        writer.Write()
        return qt.QImage(path)


def _edge(inside: np.ndarray) -> np.ndarray:
    """Pixels of a mask that touch its outside: a line two pixels wide or less."""
    core = inside.copy()
    core[1:] &= inside[:-1]
    core[:-1] &= inside[1:]
    core[:, 1:] &= inside[:, :-1]
    core[:, :-1] &= inside[:, 1:]
    return inside & ~core


def _draw_table(
    painter, rows: Sequence[VolumeRow], codes: Sequence[str], reference: str, top: int
) -> int:
    y, percent = top, f"{100 * COVERAGE:.0f}"
    for title, x in TABLE_COLUMNS:
        _text(
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
            _text(painter, MARGIN_PX + x, y, cell, 10, is_struck=is_covered)
    if has_covered:
        y += 24
        _text(painter, MARGIN_PX, y, COVERED, 9, FAINT_INK)
    return y + 44


def _cells(row: VolumeRow) -> tuple[str, ...]:
    return (
        row.name,
        f"{_shown(row.value, 1)} {row.unit}",
        f"{_shown(row.low, 1)}–{_shown(row.high, 1)}" if row.low == row.low else MISSING,
        _shown(row.fold_sd, 1),
        MISSING if row.structure == "icv" else _shown(row.percent_of_icv, 4),
        _shown(row.adjusted_mm3, 1),
        row.status,
    )


def _shown(value: float, digits: int) -> str:
    return MISSING if value != value else f"{value:,.{digits}f}".replace(",", " ")


def _draw_quality(painter, nodes: ResultNodes, top: int) -> int:
    from HypothalamusSegLib.results.report_pdf import SEVERITY_SIGNS

    y = top
    _text(painter, MARGIN_PX, y, "Quality", 11, bold=True)
    flags = nodes.record.engine["quality"]["flags"]
    found = sort_by_severity(Flag(**flag) for flag in flags)
    signed = [f"{SEVERITY_SIGNS[severity_of(flag.code)]} {flag.message}" for flag in found]
    for message in signed or ["No quality flags."]:
        for line in _wrapped(message, 125):
            y += 22
            _text(painter, MARGIN_PX, y, line, 10)
    return y + 40


def _draw_review(painter, nodes: ResultNodes, top: int) -> None:
    review = nodes.record.review
    who = f" by {review.reviewer}" if review.reviewer else ""
    when = f", {review.time}" if review.time else ""
    changed = review.changed_since(mask_digests(nodes))
    since = f"; changed since then: {', '.join(changed)}" if changed else ""
    _text(painter, MARGIN_PX, top, f"Review: {review.status}{who}{when}{since}", 11, bold=True)
    y = top
    for line in _wrapped(review.note, 125):
        y += 22
        _text(painter, MARGIN_PX, y, line, 10)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width)


def _text(
    painter,
    x: int,
    y: int,
    text: str,
    points: int,
    colour: str = INK,
    bold: bool = False,
    is_struck: bool = False,
) -> None:
    font = qt.QFont("Sans Serif")
    font.setPixelSize(round(points * 1.75))
    font.setBold(bold)
    font.setStrikeOut(is_struck)
    colour = FAINT_INK if is_struck else colour
    painter.setFont(font)
    painter.setPen(qt.QColor(colour))
    painter.drawText(x, y, text)
