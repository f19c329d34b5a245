"""A picture that is known at every point: sampled on any grid, nothing is interpolated."""

from __future__ import annotations

import numpy as np
from HypothalamusSegLib.geometry import rigid
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

WAVELENGTHS_MM = (12.0, 45.0)
COUNT = 40
EXTENT_MM = 110.0
BRAIN_RADIUS_MM = 60.0


class Waves:
    """Random waves, symmetric about x = 0 but for a share of them."""

    def __init__(self, seed: int, asymmetry: float = 0.3) -> None:
        rng = np.random.default_rng(seed)
        directions = rng.normal(size=(COUNT, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self._waves = 2 * np.pi / rng.uniform(*WAVELENGTHS_MM, COUNT)[:, None] * directions
        self._phases = rng.uniform(0, 2 * np.pi, COUNT)
        self._asymmetry = asymmetry

    def at(self, points_mm: np.ndarray) -> np.ndarray:
        """Brightness at points (…, 3); mostly between 50 and 150."""
        kind = points_mm.dtype
        waves, phases = self._waves.T.astype(kind), self._phases.astype(kind)
        flipped = points_mm * np.array([-1, 1, 1], kind)
        one, other = (np.cos(p @ waves + phases).sum(-1) for p in (points_mm, flipped))
        mixed = (one + other) / 2 + self._asymmetry * (one - other) / 2
        return 100 + 20 * mixed / np.sqrt(COUNT / 4)

    def scan(self, moved: np.ndarray, spacing_mm: float = 2.0) -> VoxelImage:
        """Sample the picture after a rigid movement, shape (4, 4)."""
        count = int(EXTENT_MM / spacing_mm)
        grid = Grid.axis_aligned(moved[:3, 3], (count,) * 3, spacing_mm)
        array = self._on(rigid.inverse(moved) @ grid.affine, count)
        return VoxelImage(array.astype(np.float32), grid.affine)

    def _on(self, affine: np.ndarray, count: int) -> np.ndarray:
        """`at` the points of a cubic grid: each wave is the product of waves along its axes."""
        steps = np.arange(count)[:, None]
        seen = np.zeros((count * count, count))
        for flip, share in ((1, 1 + self._asymmetry), (-1, 1 - self._asymmetry)):
            along = (affine[:3] * [[flip], [1], [1]]).T @ self._waves.T
            i, j, k = (np.exp(1j * steps * wave) for wave in along[:3])
            started = i * np.exp(1j * (along[3] + self._phases))
            seen += share / 2 * ((started[:, None] * j).reshape(-1, COUNT) @ k.T).real
        return 100 + 20 * seen.reshape((count,) * 3) / np.sqrt(COUNT / 4)


def ball(moved: np.ndarray, radius_mm: float = BRAIN_RADIUS_MM) -> VoxelImage:
    """A mask around the origin after a movement: the brain of such a picture."""
    count, spacing_mm = 64, 2.0
    grid = Grid.axis_aligned(moved[:3, 3], (count,) * 3, spacing_mm)
    indices = np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1)
    distance = np.linalg.norm(grid.points_at(indices) - moved[:3, 3], axis=-1)
    return VoxelImage((distance < radius_mm).astype(np.float32), grid.affine)
