"""A head of ellipsoids with a hypothalamus whose left and right differ, on any grid."""

from __future__ import annotations

from functools import cache

import numpy as np
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

# A left label twice as long as the right one, off the middle of the head in every direction.
LEFT_CENTRE_MM, LEFT_RADII_MM = np.array([-7.0, 4.0, -6.0]), np.array([4.0, 6.0, 10.0])
RIGHT_CENTRE_MM, RIGHT_RADII_MM = np.array([7.0, 4.0, -6.0]), np.array([4.0, 6.0, 5.0])
SHAPE, SPACING_MM = (84, 96, 88), 2.5
LABEL_SHAPE, LABEL_SPACING_MM = (48, 48, 48), 1.0


def inside(grid: Grid, centre_mm: np.ndarray, radii_mm: np.ndarray) -> np.ndarray:
    """Which voxels of a grid lie in an ellipsoid."""
    indices = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    points = grid.points_at(indices.astype(float))
    return (((points - centre_mm) / radii_mm) ** 2).sum(-1) < 1


@cache
def phantom(change=lambda grid: grid) -> tuple[VoxelImage, VoxelImage, VoxelImage]:
    """Scan, hypothalamus and ICV of one head on a grid that ``change`` makes; only to be read."""
    grid = change(Grid.axis_aligned(np.zeros(3), SHAPE, SPACING_MM))
    icv = inside(grid, np.zeros(3), np.array([62.0, 78.0, 60.0]))
    head = inside(grid, np.zeros(3), np.array([74.0, 92.0, 80.0]))
    scan = 40.0 * head + 60.0 * icv
    middle = (LEFT_CENTRE_MM + RIGHT_CENTRE_MM) / 2
    near = change(Grid.axis_aligned(middle, LABEL_SHAPE, LABEL_SPACING_MM))
    label = np.zeros(near.shape, np.uint8)
    label[inside(near, LEFT_CENTRE_MM, LEFT_RADII_MM)] = 1
    label[inside(near, RIGHT_CENTRE_MM, RIGHT_RADII_MM)] = 2
    return (
        VoxelImage(scan.astype(np.float32), grid.affine),
        VoxelImage(label, near.affine),
        VoxelImage(icv.astype(np.uint8), grid.affine),
    )
