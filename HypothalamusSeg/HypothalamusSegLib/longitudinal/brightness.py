"""Take off smooth differences of brightness between visits.

A receive field changes volumes by a few tenths of a percent, and it is another one at each visit.
Registered visits show the ratio of two. Its smooth part, a polynomial of the logarithm, is taken
off, half from one visit and half from the other. What all visits share stays.

Examples
--------
>>> points_mm = np.random.default_rng(0).uniform(-20, 20, (3, 500))
>>> darker = np.full(500, 90.0)
>>> first, second = smooth_log_ratios([darker, darker * np.exp(0.2)], points_mm)
>>> float((second - first)[0].round(3))  # the constant term
0.2
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from ..geometry.voxel_image import VoxelImage
from .midspace import REACH_MM, in_midspace
from .robust_fit import tukey_least_squares

ORDER = 3
# Fluid and air have a ratio of noise; voxels darker than this share of the mean do not count.
DARKEST_SHARE = 0.5
ROUNDS = 4
# Beyond the reach of registration, the polynomial is not known and stays as at its edge.
LARGEST_OFFSET = 1.0


def smooth_log_ratios(images: Sequence[np.ndarray], points_mm: np.ndarray) -> np.ndarray:
    """Fit the logarithm of each image over their geometric mean.

    Parameters
    ----------
    images : sequence of ndarray, shape (voxels,)
        Registered, in voxels of the brain that they share.
    points_mm : ndarray, shape (3, voxels)
        In the midspace.

    Returns
    -------
    ndarray, shape (len(images), terms)
        Coefficients for `_terms`; their sum over the images is zero.
    """
    bright = np.min([image / image.mean() for image in images], axis=0) > DARKEST_SHARE
    logs = np.log(np.stack([image[bright] for image in images]))
    logs -= logs.mean(0)
    terms = _terms(points_mm[:, bright])
    found = np.stack([tukey_least_squares(terms, log, ROUNDS) for log in logs])
    return found - found.mean(0)


def without_field(
    volume: VoxelImage, from_midspace: np.ndarray, coefficients: np.ndarray
) -> VoxelImage:
    """Divide a visit by its smooth ratio, within reach of the hypothalamus.

    Parameters
    ----------
    volume : VoxelImage
    from_midspace : ndarray, shape (4, 4)
        To the world of ``volume``.
    coefficients : ndarray, shape (terms,)
    """
    placed = in_midspace(volume, from_midspace)
    reach = VoxelImage(np.zeros((2, 2, 2)), np.diag([2 * REACH_MM] * 3 + [1.0]))
    reach.affine[:3, 3] = -REACH_MM
    low, high = placed.grid.box_around(reach.grid)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    array = np.array(volume.array, np.float32)
    for k in range(low[2], high[2]):
        indices = np.indices((high[0] - low[0], high[1] - low[1], 1), dtype=float)
        indices = np.add(np.moveaxis(indices, 0, -1), (low[0], low[1], k))
        points = placed.grid.points_at(indices).reshape(-1, 3).T
        field = (coefficients @ _terms(points)).reshape(indices.shape[:2])
        array[box[0], box[1], k] *= np.exp(-field).astype(np.float32)
    return VoxelImage(array, volume.affine)


def _terms(points_mm: np.ndarray) -> np.ndarray:
    """All products of up to `ORDER` coordinates, shape (20, voxels)."""
    scaled = np.clip(points_mm / REACH_MM, -LARGEST_OFFSET, LARGEST_OFFSET)
    products = [np.ones(scaled.shape[1])]
    for count in range(1, ORDER + 1):
        products += [
            np.prod(scaled[list(axes)], axis=0)
            for axes in combinations_with_replacement(range(3), count)
        ]
    return np.stack(products)
