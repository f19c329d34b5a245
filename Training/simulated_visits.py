"""A simulated second visit: rotated, shifted, with another receive field and other noise.

Unlike the perturbations for repeatability, each visit has all of them at once, at random.
"""

from __future__ import annotations

import numpy as np
from HypothalamusSegLib.geometry import rigid
from HypothalamusSegLib.geometry.resampling import resample_cubic
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

from .perturbations import add_bias_field, noisy

# Limits of the uniform distributions that visits are drawn from.
LARGEST_TURN_DEG, LARGEST_SHIFT_MM = 8.0, 5.0
LARGEST_BIAS = 0.2
# Of the 99.5th percentile. Two percent is the median of real scans (Docs/VALIDATION.md), and each
# scan has its own noise already. With another protocol the noise is another one, too.
NOISE_SHARE, OTHER_NOISE_SHARES = 0.02, (0.01, 0.03)


def simulate_visit(
    volume: VoxelImage, seed: int, spacing_mm: float | None = None
) -> tuple[VoxelImage, np.ndarray]:
    """Scan a head again: one interpolation, then receive field and noise of its own.

    Parameters
    ----------
    volume : VoxelImage
    seed : int
        Decides pose, receive field and noise.
    spacing_mm : float or None
        Isotropic voxel size of another protocol; None: the voxels of the scan.

    Returns
    -------
    visit : VoxelImage
    to_scan : ndarray, shape (4, 4)
        Rigid, from the world of the visit to that of ``volume``.
    """
    rng = np.random.default_rng(seed)
    grid = volume.grid if spacing_mm is None else _with_spacing(volume.grid, spacing_mm)
    turn_deg = rng.uniform(-LARGEST_TURN_DEG, LARGEST_TURN_DEG, 3)
    shift_mm = rng.uniform(-LARGEST_SHIFT_MM, LARGEST_SHIFT_MM, 3)
    turn = rigid.from_parameters(np.concatenate([np.zeros(3), np.radians(turn_deg)]))
    centre = volume.grid.centre_mm
    turn[:3, 3] = centre - turn[:3, :3] @ centre + shift_mm
    moved = resample_cubic(volume, Grid(grid.shape, turn @ grid.affine)).clip(0)
    visit = VoxelImage(moved, grid.affine)
    visit = add_bias_field(rng.uniform(0, LARGEST_BIAS), int(rng.integers(1 << 31)))(visit)
    noise = NOISE_SHARE if spacing_mm is None else rng.uniform(*OTHER_NOISE_SHARES)
    return noisy(noise, int(rng.integers(1 << 31)))(visit), turn


def _with_spacing(grid: Grid, spacing_mm: float) -> Grid:
    """Cover the same field with isotropic voxels."""
    shape = tuple(int(n) for n in np.floor(grid.spacing_mm * grid.shape / spacing_mm))
    affine = grid.affine.copy()
    affine[:3, :3] *= spacing_mm / grid.spacing_mm
    affine[:3, 3] += grid.centre_mm - Grid(shape, affine).centre_mm
    return Grid(shape, affine)
