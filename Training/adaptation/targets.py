"""What a rater's label map teaches: soft posteriors of the ten subunits.

A rater draws the whole, the sides or the subunits. What the label does not say (the subunit of a
voxel, and for a whole label the side) is taken from the parent's answer, inside the rater's
outline.
"""

from __future__ import annotations

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.resampling import resample_linear
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from scipy import ndimage

WHOLE, SIDES, SUBUNITS = "whole", "sides", "subunits"
KINDS = (WHOLE, SIDES, SUBUNITS)
# Slicer's training cases store whole sides as one subunit each.
SIDES_AS_SUBUNITS = (803, 808)
# Where the parent sees less than this, a voxel is shared out as the nearest one where it sees more.
LEAST_SEEN = 0.05


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
        Of `soft_masks`.
    answer : ndarray, shape (10, I, J, K)
        The parent's posterior there, 0–1.

    Returns
    -------
    ndarray of float32, shape (10, I, J, K)
        Its sum is the sum of ``soft``.
    """
    if len(soft) == len(labels.SUBUNIT_LABELS):
        return soft.astype(np.float32)
    groups = answer.reshape(len(soft), -1, *answer.shape[1:])
    target = np.zeros(answer.shape, np.float32)
    for part, group, found in zip(soft, groups, target.reshape(groups.shape), strict=True):
        box = _box_of((part > 0) | (group.sum(0) > LEAST_SEEN))
        found[(slice(None), *box)] = part[box] * _shares(group[(slice(None), *box)])
    return target


def _box_of(mask: np.ndarray) -> tuple[slice, ...]:
    """The smallest box around a mask; an empty one if nothing is in it."""
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    return boxes[0] if boxes else (slice(0, 0),) * mask.ndim


def _shares(group: np.ndarray) -> np.ndarray:
    """Share of each subunit at every voxel; (S, I, J, K) → (S, I, J, K), sums of 1."""
    total = group.sum(0)
    seen = total > LEAST_SEEN
    if not seen.any():
        return np.full(group.shape, 1 / len(group), np.float32)
    nearest = ndimage.distance_transform_edt(~seen, return_distances=False, return_indices=True)
    at = (slice(None), *nearest)
    return group[at] / total[tuple(nearest)]
