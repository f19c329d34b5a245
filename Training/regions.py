"""The arrays of one hypothalamus that training samples from, and the grids that they lie on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from HypothalamusSegLib.geometry import canonical_frame, resampling
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

from . import planted_change

# Regions are stored finer than the network's 1 mm so that augmentation, which resamples once more
# (linearly), blurs little. Half a millimeter keeps cubic-sharpened posteriors from shrinking.
REGION_SHAPE, REGION_SPACING_MM = (96, 96, 96), 0.75
POSTERIOR_SHAPE, POSTERIOR_SPACING_MM = (80, 80, 80), 0.5
# Displacements are smooth. The box is periodic, so it is larger than the part that is kept, which
# holds the network's region at the largest zoom.
FIELD_BOX, FIELD_SHAPE, FIELD_SPACING_MM = (64, 64, 64), (46, 46, 46), 1.0
TEMPLATE_NAME = "template.json"


def posterior_grid(centre: np.ndarray) -> Grid:
    """Where the posteriors around a hypothalamus are stored."""
    return Grid.axis_aligned(centre, POSTERIOR_SHAPE, POSTERIOR_SPACING_MM)


def region_image(t1w: VoxelImage, centre: np.ndarray) -> np.ndarray:
    """Intensities around a hypothalamus, from 0 to 1, float16, shape `REGION_SHAPE`."""
    region = Grid.axis_aligned(centre, REGION_SHAPE, REGION_SPACING_MM)
    image = resampling.resample_cubic(t1w, region)
    return (image.clip(0) / max(1.0, image.max())).astype(np.float16)


def unit_displacements(soft: np.ndarray, grid: Grid, t1w: VoxelImage) -> np.ndarray:
    """`planted_change.unit_displacements` around the center of a subject's posteriors.

    Returns
    -------
    ndarray of float16, shape (2, 10, 3, *FIELD_SHAPE)
    """
    box = Grid.axis_aligned(grid.centre_mm, FIELD_BOX, FIELD_SPACING_MM)
    image = resampling.resample_cubic(t1w, box).clip(0)
    subunits = [resampling.resample_linear(VoxelImage(p, grid.affine), box) for p in soft]
    fields = planted_change.unit_displacements(
        np.clip(subunits, 0, 1), image, FIELD_SPACING_MM, planted_change.COMPENSATIONS
    )
    kept = tuple(
        slice((a - b) // 2, (a + b) // 2) for a, b in zip(FIELD_BOX, FIELD_SHAPE, strict=True)
    )
    return fields[(..., *kept)].astype(np.float16)


def read_template(prepared: Path) -> canonical_frame.Template:
    fields = json.loads((prepared / TEMPLATE_NAME).read_text(encoding="utf-8"))
    return canonical_frame.Template.from_json(fields)
