"""The midspace of some visits: the pose of the template, the hypothalamus at its origin.

Examples
--------
>>> midspace_grid().spacing_mm.tolist() == [SPACING_MM] * 3
True
>>> midspace_points().shape[0]
3
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..geometry import rigid
from ..geometry.voxel_image import Grid, VoxelImage

# The brain around the hypothalamus. What is further away may be cut off, or bends with the neck.
REACH_MM = 45.0
SPACING_MM = 2.0


def midspace_grid() -> Grid:
    """Create the lattice on which visits are compared, around the origin."""
    count = int(2 * REACH_MM / SPACING_MM)
    return Grid.axis_aligned(np.zeros(3), (count, count, count), SPACING_MM)


@lru_cache(maxsize=1)
def midspace_points() -> np.ndarray:
    """RAS positions in mm of all voxels of the lattice, shape (3, voxels)."""
    grid = midspace_grid()
    indices = np.moveaxis(np.indices(grid.shape, dtype=np.float64), 0, -1)
    return grid.points_at(indices).reshape(-1, 3).T


def in_midspace(volume: VoxelImage, from_midspace: np.ndarray) -> VoxelImage:
    """Place an image of a visit in the midspace; its voxels stay the same.

    Parameters
    ----------
    from_midspace : ndarray, shape (4, 4)
        Rigid, to the world of ``volume``.
    """
    return VoxelImage(volume.array, rigid.inverse(from_midspace) @ volume.affine)
