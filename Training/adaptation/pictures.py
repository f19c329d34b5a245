"""A picture of a case: the rater's outline and the networks', before and after.

Drawn without matplotlib, which 3D Slicer does not bundle.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from HypothalamusSegLib.colours import red_green_blue
from HypothalamusSegLib.geometry.masks import border_pixels
from HypothalamusSegLib.geometry.resampling import resample_linear
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.results.planes import AXIAL, CORONAL, View
from HypothalamusSegLib.stages.fine import FineResult

from ..regions import REGION_SHAPE, REGION_SPACING_MM, posterior_grid
from .cases import Case
from .looks import padded_posteriors

FIELD_MM, PANEL_PX, GAP_PX = 32.0, 256, 6
# White and orange can be told apart with any color vision, and from the gray of the scan.
RATER, NETWORKS = "#ffffff", "#ff9d00"
BRIGHT_QUANTILE = 0.995


def case_picture(case: Case, before: FineResult, after: FineResult) -> str:
    """Coronal before and after, axial before and after, side by side, as a data URL of a PNG.

    The patient's right is on the viewer's left, as radiologists look.
    """
    drawn = case.target.sum(0)
    panels = [
        _panel(case, drawn, padded_posteriors(fine).sum(0), view)
        for view in (CORONAL, AXIAL)
        for fine in (before, after)
    ]
    gap = np.zeros((PANEL_PX, GAP_PX, 3), np.uint8)
    parts = [part for panel in panels for part in (panel, gap)][:-1]
    return "data:image/png;base64," + base64.b64encode(_png(np.hstack(parts))).decode()


def _panel(case: Case, drawn: np.ndarray, found: np.ndarray, view: View) -> np.ndarray:
    """One plane, where the rater has drawn most: uint8, (PANEL_PX, PANEL_PX, 3)."""
    centre = np.array(case.look.frame.centre_mm, float)
    region = Grid.axis_aligned(centre, REGION_SHAPE, REGION_SPACING_MM)
    soft = posterior_grid(centre)
    level = _largest_plane(drawn, view.normal)
    at = [(n - 1) / 2 for n in soft.shape]
    at[view.normal] = level
    plane = view.grid(soft.points_at(np.array(at)), FIELD_MM, PANEL_PX)
    image = _on_plane(case.look.image.astype(np.float32), region, plane)
    bright = float(np.quantile(image, BRIGHT_QUANTILE)) or 1.0
    gray = (255 * np.clip(image / bright, 0, 1)).astype(np.uint8)
    pixels = np.repeat(gray[:, :, None], 3, axis=2)
    for posterior, colour in ((drawn, RATER), (found, NETWORKS)):
        pixels[border_pixels(_on_plane(posterior, soft, plane) > 0.5)] = red_green_blue(colour)
    return pixels


def _on_plane(array: np.ndarray, grid: Grid, plane: Grid) -> np.ndarray:
    """Values on a plane as rows of a picture, the upper first."""
    volume = VoxelImage(np.asarray(array, np.float32), grid.affine)
    return resample_linear(volume, plane)[:, :, 0].T[::-1]


def _largest_plane(soft: np.ndarray, axis: int) -> int:
    others = tuple({0, 1, 2} - {axis})
    return int(soft.sum(others).argmax())


def _png(pixels: np.ndarray) -> bytes:
    with tempfile.TemporaryDirectory(prefix="hypothalamus-seg-") as folder:
        path = Path(folder) / "case.png"
        sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(path))
        return path.read_bytes()
