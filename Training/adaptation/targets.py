"""What a rater's label map teaches: soft posteriors of the ten subunits.

A rater draws the whole, the sides or the subunits. What he does not say (which subunit a voxel of
his belongs to, and for a whole label which side) is taken from the parent's answer, inside the
rater's outline.
"""

from __future__ import annotations

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.resampling import resample_linear
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from scipy import ndimage

from ..regions import POSTERIOR_SPACING_MM

WHOLE, SIDES, SUBUNITS = "whole", "sides", "subunits"
KINDS = (WHOLE, SIDES, SUBUNITS)
# Slicer's training cases store whole sides as one subunit each.
SIDES_AS_SUBUNITS = (803, 808)
# Where the parent sees nothing, a voxel is given to the subunits nearby: to those within the first
# distance, and only far from all of them to those within the second.
NEAR_MM, FAR_MM = 1.5, 5.0
NEAR_WEIGHT, FAR_WEIGHT = 1e-3, 1e-6


def side_masks(array: np.ndarray, kind: str) -> list[np.ndarray]:
    """Masks of a label map: one for the whole, two for sides (left first), ten for subunits."""
    if kind == WHOLE:
        return [array > 0]
    if kind == SUBUNITS:
        return [array == label for label in labels.SUBUNIT_LABELS]
    return [array == labels.LEFT, array == labels.RIGHT]


def soft_masks(label: VoxelImage, kind: str, grid: Grid) -> np.ndarray:
    """A label map's masks as shares of the voxels of a grid.

    Linear interpolation keeps volumes, whatever the two grids, and makes the steps of coarse labels
    a ramp.

    Returns
    -------
    ndarray of float32, shape (1, 2 or 10, *grid.shape)
    """
    masks = side_masks(np.asarray(label.array), kind)
    soft = [
        resample_linear(VoxelImage(mask.astype(np.float32), label.affine), grid) for mask in masks
    ]
    return np.clip(soft, 0, 1)


def subunit_targets(soft: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Share out a rater's whole or sides among the subunits as the parent sees them.

    Parameters
    ----------
    soft : ndarray, shape (1, 2 or 10, I, J, K)
        Of `soft_masks`, on a grid of `POSTERIOR_SPACING_MM`.
    answer : ndarray, shape (10, I, J, K)
        The parent's posterior there, 0–1.

    Returns
    -------
    ndarray of float32, shape (10, I, J, K)
        Its sum is the sum of ``soft``.
    """
    if len(soft) == len(labels.SUBUNIT_LABELS):
        return soft.astype(np.float32)
    near, far = (
        ndimage.gaussian_filter(answer, (0, *[mm / POSTERIOR_SPACING_MM] * 3), truncate=4)
        for mm in (NEAR_MM, FAR_MM)
    )
    likely = answer + NEAR_WEIGHT * near + FAR_WEIGHT * far + 1e-12
    groups = likely.reshape(len(soft), -1, *answer.shape[1:])
    shares = groups / groups.sum(1, keepdims=True)
    return (shares * soft[:, None]).reshape(answer.shape).astype(np.float32)
