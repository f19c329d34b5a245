"""Soft subunits as the networks give them, drawn in any canonical frame."""

from __future__ import annotations

from functools import cache

import numpy as np
from HypothalamusSegLib.geometry.canonical_frame import CanonicalFrame
from scipy.ndimage import gaussian_filter

from Training.regions import posterior_grid

UPRIGHT = CanonicalFrame(np.zeros(3), np.eye(3), 1.0)
TURNED = CanonicalFrame(
    np.array([3.0, -2.0, 5.0]), np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]]), 1.1
)


def subunits_at(frame: CanonicalFrame, lowest_mm: float = -6.0) -> np.ndarray:
    """Ten soft subunits in a frame: an ellipsoid a side in five slabs, cut off from below."""
    grid = posterior_grid(frame.centre_mm)
    indices = np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1)
    at = (grid.points_at(indices) - frame.centre_mm) @ frame.rotation / frame.zoom
    found = np.zeros((10, *grid.shape), np.float32)
    for side, x_mm in enumerate((-4.0, 4.0)):
        body = (((at - [x_mm, 0, 0]) / [3.0, 8.0, 6.0]) ** 2).sum(-1) < 1
        body &= at[..., 2] > lowest_mm
        slab = np.clip((at[..., 1] + 8) / 3.2, 0, 4).astype(int)
        for index in range(5):
            found[5 * side + index] = gaussian_filter((body & (slab == index)).astype(float), 1.0)
    return found


@cache
def usual() -> np.ndarray:
    return subunits_at(UPRIGHT)
