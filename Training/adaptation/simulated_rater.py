"""Raters made of a data set's soft labels, whose protocol is known, to test adaptation on.

* ``no_mammillary``: the lower third of the posterior subunits, where the mammillary bodies are, is
  left out.
* ``lateral``: half a millimeter is added on the lateral side.
"""

from __future__ import annotations

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.canonical_frame import measure_moments
from HypothalamusSegLib.geometry.resampling import resample_cubic
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

NO_MAMMILLARY, LATERAL = "no_mammillary", "lateral"
RATERS = (NO_MAMMILLARY, LATERAL)
SHAPE, SPACING_MM = (80, 80, 80), 0.5
POSTERIOR_SUBUNIT = labels.SUBUNIT_NAMES.index("posterior")


def rater_sides(posteriors: np.ndarray, affine: np.ndarray, rater: str) -> VoxelImage:
    """What a simulated rater draws: 1 left, 2 right, uint8, on 0.5 mm along the RAS axes.

    Parameters
    ----------
    posteriors : ndarray, shape (10, I, J, K)
        The data set's soft label, 0–1.
    affine : ndarray, shape (4, 4)
    rater : {"no_mammillary", "lateral"}
    """
    moments = measure_moments(posteriors, Grid(posteriors.shape[1:], affine))
    grid = Grid.axis_aligned(moments.centre_mm, SHAPE, SPACING_MM)
    # Cubic, since a linear move and a cut at one half would shrink this thin structure.
    fine = np.clip([resample_cubic(VoxelImage(p, affine), grid) for p in posteriors], 0, 1)
    background = np.clip(1 - fine.sum(0, keepdims=True), 0, 1)
    half = labels.SUBUNITS_PER_SIDE
    sides = [fine[:half].sum(0), fine[half:].sum(0)]
    found = np.concatenate([background, sides]).argmax(0)
    subunit = fine.argmax(0)
    drawn = np.zeros(grid.shape, np.uint8)
    for side in (labels.LEFT, labels.RIGHT):
        mask = found == side
        if rater == NO_MAMMILLARY:
            number = POSTERIOR_SUBUNIT + half * (side == labels.RIGHT)
            posterior = mask & (subunit == number)
            heights = np.flatnonzero(posterior.any((0, 1)))
            if len(heights):
                cut = heights[0] + round((heights[-1] + 1 - heights[0]) / 3)
                mask &= ~(posterior & (np.arange(grid.shape[2]) < cut))
        else:
            # One voxel; x grows to the patient's right.
            mask |= np.roll(mask, -1 if side == labels.LEFT else 1, axis=0) & (found == 0)
        drawn[mask] = side
    return VoxelImage(drawn, grid.affine)
