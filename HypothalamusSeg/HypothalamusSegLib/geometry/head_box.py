"""Find the head in a scan and place the coarse grid on it.

Examples
--------
>>> scan = VoxelImage(np.full((90, 90, 90), 100.0, np.float32), np.diag([2.0, 2.0, 2.0, 1.0]))
>>> head_grid(scan).spacing_mm.tolist()
[2.0, 2.0, 2.0]
"""

from __future__ import annotations

import numpy as np

from .voxel_image import Grid, VoxelImage

# 192 × 224 × 208 mm: an adult head from the vertex to below the foramen magnum. The size is fixed
# because group normalization sees the whole grid, so cropping a scan changes little.
COARSE_SHAPE = (96, 112, 104)
COARSE_SPACING_MM = 2.0
VERTEX_MARGIN_MM = 10.0
# Neck and shoulders are further below the vertex than this and must not shift the box.
HEAD_HEIGHT_MM = 160.0
# Rows, columns and slices with fewer head voxels than this share of the fullest are noise or wires.
SPARSE_SHARE = 0.04
# The box is found at about 4 mm, accurate enough for a margin of 10 mm.
SEARCH_SPACING_MM = 4.0


def head_grid(volume: VoxelImage) -> Grid:
    """Place the coarse grid on the head: along the RAS axes, its top at the vertex.

    Parameters
    ----------
    volume : VoxelImage
        Intensities in any orientation.

    Returns
    -------
    Grid
        ``COARSE_SHAPE`` voxels of ``COARSE_SPACING_MM``.
    """
    steps = np.maximum(1, np.round(SEARCH_SPACING_MM / volume.spacing_mm)).astype(int)
    lattice = [_search_indices(n, step) for n, step in zip(volume.array.shape, steps, strict=True)]
    sparse = volume.array[np.ix_(*lattice)]
    inside = np.nonzero(sparse > _head_threshold(sparse))
    indices = [along[found] for along, found in zip(lattice, inside, strict=True)]
    points = volume.grid.points_at(np.stack(indices, -1).astype(float))
    _, top = _dense_extent(points[:, 2])
    upper = points[points[:, 2] > top - HEAD_HEIGHT_MM]
    centre = [np.mean(_dense_extent(upper[:, axis])) for axis in (0, 1)]
    height_mm = COARSE_SHAPE[2] * COARSE_SPACING_MM
    return Grid.axis_aligned(
        np.array([*centre, top + VERTEX_MARGIN_MM - height_mm / 2]), COARSE_SHAPE, COARSE_SPACING_MM
    )


def _search_indices(count: int, step: int) -> np.ndarray:
    """Take every ``step``-th index from both ends, so flipped arrays use the same voxels."""
    half = np.arange(0, (count + 1) // 2, step)
    return np.union1d(half, count - 1 - half)


def _head_threshold(array: np.ndarray) -> float:
    """Half the mean of all voxels brighter than the mean: between air and tissue."""
    bright = array[array > array.mean()]
    return 0.4 * float(bright.mean()) if bright.size else 0.0


def _dense_extent(coordinates_mm: np.ndarray) -> tuple[float, float]:
    """First and last position, in millimeters, whose slice is not almost empty."""
    # Rounding errors, which depend on how a scan is stored, must not move a voxel to another bin.
    coordinates_mm = np.round(coordinates_mm, 4)
    low = np.floor(coordinates_mm.min())
    bins = ((coordinates_mm - low) / SEARCH_SPACING_MM).astype(int)
    counts = np.bincount(bins)
    dense = np.flatnonzero(counts > SPARSE_SHARE * counts.max())
    return low + dense[0] * SEARCH_SPACING_MM, low + (dense[-1] + 1) * SEARCH_SPACING_MM
