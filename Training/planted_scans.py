"""Scans with a known change of the hypothalamus, to see how much of it the engine measures.

Two kinds of change, each with its truth from the Jacobian's integral over the label:

* ``zoom``: all within 12 mm of the hypothalamus' center is zoomed, fading out to 30 mm;
* ``atrophy``: the hypothalamus, or one side of it, shrinks or grows and the fluid around it (third
  ventricle, cisterns) takes that up.

Both are simulated on real scans: they show what the engine reads of a smooth change, not what a
disease does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry import resampling
from HypothalamusSegLib.geometry.canonical_frame import measure_moments
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from scipy import ndimage

from . import planted_change

BOX_SHAPE, BOX_SPACING_MM = (84, 84, 84), 0.75
WHOLE_WITHIN_MM, NOTHING_BEYOND_MM = 12.0, 30.0
# Displacements of the periodic solution fade to zero before the box ends.
TAPER_MM = (22.0, 31.0)
INVERSION_ROUNDS = 8
SIDES = (slice(0, labels.SUBUNITS_PER_SIDE), slice(labels.SUBUNITS_PER_SIDE, None))


@dataclass(frozen=True)
class PlantedScan:
    """A changed scan and what is true of it.

    Attributes
    ----------
    volume : VoxelImage
    left_ratio, right_ratio, total_ratio : float
        Volume of the label after the change over that before.
    largest_displacement_mm : float
    """

    volume: VoxelImage
    left_ratio: float
    right_ratio: float
    total_ratio: float
    largest_displacement_mm: float


class PlantingGround:
    """The surroundings of one scan's hypothalamus, in which changes are planted.

    Parameters
    ----------
    scan : VoxelImage
    posteriors : ndarray, shape (10, I, J, K)
        Label of the subunits, left ones first.
    affine : ndarray, shape (4, 4)
        Of the label.
    """

    def __init__(self, scan: VoxelImage, posteriors: np.ndarray, affine: np.ndarray) -> None:
        self.scan = scan
        label_grid = Grid(posteriors.shape[1:], affine)
        centre = measure_moments(posteriors, label_grid).centre_mm
        self.grid = Grid.axis_aligned(centre, BOX_SHAPE, BOX_SPACING_MM)
        moved = [resampling.resample_linear(VoxelImage(p, affine), self.grid) for p in posteriors]
        self.subunits = np.clip(moved, 0, 1)
        self.image = resampling.resample_cubic(scan, self.grid).clip(0)
        offsets = np.moveaxis(self.grid.points_at(_indices(BOX_SHAPE)) - centre, -1, 0)
        self._offsets_mm = offsets
        self._radius_mm = np.linalg.norm(offsets, axis=0)

    def zoom(self, relative_change: float) -> PlantedScan:
        """Zoom the surroundings so that the label's volume changes by a share."""
        fade = _fade(self._radius_mm, WHOLE_WITHIN_MM, NOTHING_BEYOND_MM)
        return self._plant(fade * self._offsets_mm / 3, self.subunits.sum(0), relative_change)

    def atrophy(self, relative_change: float, sides: Sequence[int] = (0, 1)) -> PlantedScan:
        """Change the hypothalamus, or one side (0 left, 1 right), against fluid."""
        hypothalamus = self.subunits.sum(0)
        divergence = np.zeros(BOX_SHAPE)
        for side in sides:
            label = self.subunits[SIDES[side]].sum(0)
            weights = planted_change.compensation_weights(
                label, hypothalamus, self.image, BOX_SPACING_MM
            )
            divergence += label - label.sum() * weights["fluid"]
        field = planted_change.displacement(divergence, BOX_SPACING_MM)
        field = field * _fade(self._radius_mm, *TAPER_MM)
        changed = sum(self.subunits[SIDES[side]].sum(0) for side in sides)
        return self._plant(field, changed, relative_change)

    def _plant(self, field: np.ndarray, changed: np.ndarray, relative_change: float) -> PlantedScan:
        field = planted_change.scale_to(field, changed, BOX_SPACING_MM, relative_change)
        left, right, total = (
            planted_change.volume_after(label, field, BOX_SPACING_MM)
            / float(label.sum() * BOX_SPACING_MM**3)
            for label in (
                self.subunits[SIDES[0]].sum(0),
                self.subunits[SIDES[1]].sum(0),
                self.subunits.sum(0),
            )
        )
        volume = warp(self.scan, field, self.grid)
        return PlantedScan(volume, left, right, total, float(np.linalg.norm(field, axis=0).max()))


def warp(scan: VoxelImage, displacement_mm: np.ndarray, grid: Grid) -> VoxelImage:
    """Move what a scan shows by a displacement in RAS; nothing changes outside the grid.

    Parameters
    ----------
    scan : VoxelImage
    displacement_mm : ndarray, shape (3, *grid.shape)
        Where each point of ``grid`` goes.
    grid : Grid
    """
    low, high = scan.grid.box_around(grid)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    wanted = scan.grid.points_at(low + _indices(high - low))
    source = wanted.copy()
    # x = y + u(y) is solved for y: the displacement is smooth and far from folding.
    for _ in range(INVERSION_ROUNDS):
        at = np.moveaxis(grid.indices_of(source), -1, 0)
        moved = [ndimage.map_coordinates(part, at, order=1) for part in displacement_mm]
        source = wanted - np.stack(moved, -1)
    found = np.moveaxis(scan.grid.indices_of(source), -1, 0)
    array = np.asarray(scan.array, np.float32).copy()
    array[box] = ndimage.map_coordinates(array, found, order=3, mode="nearest").clip(0)
    return VoxelImage(array, scan.affine)


def _indices(shape: Sequence[int]) -> np.ndarray:
    return np.moveaxis(np.indices(tuple(shape), dtype=np.float64), 0, -1)


def _fade(radius_mm: np.ndarray, inner_mm: float, outer_mm: float) -> np.ndarray:
    """1 within a radius, 0 beyond another, half a cosine between."""
    share = np.clip((radius_mm - inner_mm) / (outer_mm - inner_mm), 0, 1)
    return (1 + np.cos(np.pi * share)) / 2
