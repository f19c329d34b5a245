"""The planes of the one-page report: slices of the scan with the outlines as they are now."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import qt
import slicer
import vtk
from HypothalamusSegLib.colours import FAINT_INK, PAPER_STRUCTURE_COLOURS, red_green_blue
from vtk.util.numpy_support import numpy_to_vtk

from ..scene.result_nodes import ResultNodes
from ..volumes.segment_voxels import read_segment
from .report_text import MARGIN_PX, draw_text

PANEL_PX, GAP_PX = 360, 20
CLOSE_MM, WHOLE_MM = 60.0, 220.0


def draw_planes(painter, nodes: ResultNodes, top: int) -> int:
    """Draw two rows of planes from ``top`` down; returns where the next part may begin."""
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
            draw_text(painter, x, y + PANEL_PX + 18, f"{view.name}, {note} wide", 8, FAINT_INK)
        y += PANEL_PX + 34
    for line in (
        "Radiological convention: the patient's left is on the right of the image.",
        "Blue: left hypothalamus. Orange: right hypothalamus. Yellow: intracranial volume.",
    ):
        draw_text(painter, MARGIN_PX, y + 8, line, 9, FAINT_INK)
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
            volume = VoxelImage(np.pad(voxels.inside.T.astype(np.uint8), 1), _pad_affine(affine))
            outline = outline_of(
                segment.name, PAPER_STRUCTURE_COLOURS[segment.identifier], volume, 1
            )
            outlined.append(outline)
            if plan.role == "hypothalamus":
                centres.append(outline.centre_mm)
    return outlined, centres


def _pad_affine(affine: np.ndarray) -> np.ndarray:
    """The affine of an array after padding by one voxel on each side."""
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
    from HypothalamusSegLib.geometry.masks import border_pixels
    from HypothalamusSegLib.geometry.resampling import resample_linear
    from HypothalamusSegLib.results.planes import intensity_window

    grid = view.grid(centre, field_mm, PANEL_PX)
    plane = resample_linear(scan, grid)[:, :, 0].T
    low, high = intensity_window(plane)
    grey = (255 * np.clip((plane - low) / (high - low), 0, 1)).astype(np.uint8)
    pixels = np.repeat(grey[::-1, :, None], 3, axis=2)
    for item in outlined:
        inside = item.on_plane(grid)[::-1] > 0.5
        pixels[border_pixels(inside)] = red_green_blue(item.colour)
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
        draw_text(painter, x + 1, y + 1, letter, 11, "#000000", bold=True)
        draw_text(painter, x, y, letter, 11, "#ffffff", bold=True)


def _image(pixels: np.ndarray) -> qt.QImage:
    """An image of pixels of shape (rows, columns, 3), through a file: PythonQt takes no buffers."""
    rows, columns, _ = pixels.shape
    picture = vtk.vtkImageData()
    picture.SetDimensions(columns, rows, 1)
    flat = np.ascontiguousarray(pixels[::-1]).reshape(-1, 3)
    picture.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetInputData(picture)
    writer.SetCompressionLevel(0)  # The file is read at once, and removed.
    where = slicer.app.temporaryPath
    with tempfile.TemporaryDirectory(prefix="hypothalamus-seg-", dir=where) as folder:
        path = str(Path(folder) / "plane.png")
        writer.SetFileName(path)
        writer.Write()
        return qt.QImage(path)
