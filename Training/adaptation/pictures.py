"""A picture of a case: the rater's outline and the networks', before and after."""

from __future__ import annotations

import base64
import io

import numpy as np
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.stages.fine import FineResult

from ..regions import REGION_SHAPE, REGION_SPACING_MM, posterior_grid
from .cases import Case
from .looks import padded_posteriors

HALF_WIDTH_MM = 16.0
# White and orange are told apart by every eye, and from the gray of the scan.
RATER, NETWORKS = "#ffffff", "#ff9d00"
DPI, PANEL_INCHES = 80, 2.2


def case_picture(case: Case, before: FineResult, after: FineResult) -> str:
    """A coronal and an axial plane, before and after, as a data URL of a PNG."""
    from matplotlib.figure import Figure

    centre = case.look.frame.centre_mm
    region = Grid.axis_aligned(centre, REGION_SHAPE, REGION_SPACING_MM)
    image = VoxelImage(case.look.image.astype(np.float32), region.affine)
    grid = posterior_grid(centre)
    figure = Figure(figsize=(4 * PANEL_INCHES, PANEL_INCHES), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, 4)
    columns = [(fine, axis) for axis in (1, 2) for fine in (before, after)]
    for panel, (fine, axis) in zip(panels, columns, strict=True):
        level = _largest_plane(case.target.sum(0), axis)
        offset_mm = (level - (grid.shape[axis] - 1) / 2) * grid.spacing_mm[axis]
        _show_image(panel, image, axis, offset_mm)
        for soft, colour, width in (
            (case.target.sum(0), RATER, 1.6),
            (padded_posteriors(fine).sum(0), NETWORKS, 1.2),
        ):
            _outline(panel, np.take(soft, level, axis), grid.spacing_mm[0], colour, width)
        plane = "coronal" if axis == 1 else "axial"
        panel.set_title(f"{plane}, {'before' if fine is before else 'after'}", fontsize=8)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _largest_plane(soft: np.ndarray, axis: int) -> int:
    others = tuple({0, 1, 2} - {axis})
    return int(soft.sum(others).argmax())


def _show_image(panel, image: VoxelImage, axis: int, offset_mm: float) -> None:
    middle = (image.array.shape[axis] - 1) / 2
    index = round(middle + offset_mm / REGION_SPACING_MM)
    half = image.array.shape[0] / 2 * REGION_SPACING_MM
    plane = np.take(image.array, index, axis).T
    bright = float(np.quantile(plane, 0.995)) or 1.0
    # The patient's right is on the viewer's left, as radiologists look.
    panel.imshow(plane, cmap="gray", vmax=bright, origin="lower", extent=(-half, half, -half, half))
    panel.set_xlim(HALF_WIDTH_MM, -HALF_WIDTH_MM)
    panel.set_ylim(-HALF_WIDTH_MM, HALF_WIDTH_MM)
    panel.set_axis_off()


def _outline(panel, soft: np.ndarray, spacing_mm: float, colour: str, width: float) -> None:
    if soft.max() <= 0.5:
        return
    at = (np.arange(soft.shape[0]) - (soft.shape[0] - 1) / 2) * spacing_mm
    up = (np.arange(soft.shape[1]) - (soft.shape[1] - 1) / 2) * spacing_mm
    panel.contour(at, up, soft.T, levels=[0.5], colors=[colour], linewidths=width)
