"""Measures of scan quality: noise, motion ghosts, contrast agent.

All are relative to the tissue intensity of the scan and use the intracranial mask.
"""

from __future__ import annotations

import numpy as np

from ..geometry.masks import depth
from ..geometry.voxel_image import Grid, VoxelImage

# White matter and equally bright tissue, as in `intensity.fluid_and_tissue`.
TISSUE_QUANTILE = 0.75
# Noise is measured this deep in the mask, to exclude fluid, vessels and skull.
DEEP_MM = 20.0
SAMPLES = 60_000
# Length of the second differences: on finer voxels, the noise of neighbors is correlated.
STEP_MM = 1.0
# Median absolute value of a normal variable, in standard deviations.
MEDIAN_PER_SD = 0.6745
# The superior sagittal sinus (rim of the mask near the midline, above its center) and the rim
# beside it, to distinguish a bright vessel from a bright coil profile.
RIM_MM, SINUS_MM, BESIDE_MM = 8.0, 4.0, (14.0, 40.0)
BRIGHT_QUANTILE = 0.9
# Only vessels with contrast agent, fat and old blood are this bright on T1.
VESSEL_OVER_TISSUE = 1.7
# Air beside the upper half of the head: this far from the mask, except zeroed voxels.
AIR_MM = (35.0, 70.0)
FEWEST_AIR_VOXELS = 500
# Air counts as in front or behind if it is this many times further that way than sideways.
AHEAD_OVER_ASIDE = 1.5


def noise_share(scan: VoxelImage, mask: np.ndarray, grid: Grid) -> float:
    """Estimate the standard deviation of the noise as a share of the tissue level.

    Uses the median absolute second difference along the three axes, deep in the brain (a Laplacian
    filter as in Immerkær 1996; the median suppresses anatomical edges).

    Parameters
    ----------
    scan : VoxelImage
    mask : ndarray of bool, shape ``grid.shape``
        Intracranial.
    grid : Grid

    Returns
    -------
    float
        0 if the mask is too thin.
    """
    deep = np.argwhere(depth(mask) * grid.spacing_mm[0] > DEEP_MM)
    if not len(deep):
        return 0.0
    picked = np.random.default_rng(0).choice(len(deep), min(SAMPLES, len(deep)), replace=False)
    at = np.rint(scan.grid.indices_of(grid.points_at(deep[np.sort(picked)].astype(float))))
    steps = np.maximum(1, np.rint(STEP_MM / scan.spacing_mm)).astype(int)
    size = np.asarray(scan.array.shape)
    at = at[((at >= steps) & (at < size - steps)).all(1)].astype(int)
    if not len(at):
        return 0.0
    here = scan.array[tuple(at.T)].astype(np.float32)
    differences = []
    for axis, step in enumerate(steps):
        offset = np.eye(3, dtype=int)[axis] * step
        before, after = (scan.array[tuple(place.T)] for place in (at - offset, at + offset))
        differences.append(np.abs(here - (before.astype(np.float32) + after) / 2))
    # Variance of a voxel minus half of two others: 1 + 2 · ¼.
    spread = max(float(np.median(d)) for d in differences) / MEDIAN_PER_SD / np.sqrt(1.5)
    tissue = float(np.quantile(here, TISSUE_QUANTILE))
    return spread / tissue if tissue > 0 else 0.0


def air_brightness(image: np.ndarray, mask: np.ndarray, grid: Grid) -> float:
    """Brightness of the air beside the head (where ghosts appear) as a share of the tissue level.

    Parameters
    ----------
    image : ndarray, shape ``grid.shape``
        The head on the coarse grid.
    mask : ndarray of bool, shape ``grid.shape``
    grid : Grid

    Returns
    -------
    float
        Upper tenth; 0 if the air was zeroed or there is none.
    """
    air = _air(mask, grid)
    return _upper_tenth(image[air], image, mask)


def ghost_brightness(image: np.ndarray, mask: np.ndarray, grid: Grid) -> float:
    """Difference of the air in front of and behind the head from that at its sides.

    Noise fills the air evenly. Motion ghosts lie along one axis, the phase encoding direction.

    Parameters
    ----------
    image, mask, grid
        As `air_brightness` takes them.

    Returns
    -------
    float
        Difference of the upper tenths as a share of the tissue level; zeroed air counts as dark.
    """
    air = _air(mask, grid)
    if not air.any():
        return 0.0
    middle = np.argwhere(mask).mean(0)
    aside, ahead = (
        np.abs(np.arange(n) - at) for n, at in zip(mask.shape[:2], middle[:2], strict=True)
    )
    before_or_behind = ahead[None, :, None] > AHEAD_OVER_ASIDE * aside[:, None, None]
    parts = (air & before_or_behind, air & ~before_or_behind)
    brightness = [_upper_tenth(image[part], image, mask) for part in parts]
    return abs(brightness[0] - brightness[1])


def _air(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Mask of the air beside the upper half of a head; empty without a head."""
    if not mask.any():
        return np.zeros_like(mask)
    away_mm = -depth(mask) * grid.spacing_mm[0]
    away_mm[:, :, : int(np.argwhere(mask)[:, 2].mean())] = 0
    return (away_mm > AIR_MM[0]) & (away_mm < AIR_MM[1])


def _upper_tenth(air: np.ndarray, image: np.ndarray, mask: np.ndarray) -> float:
    """Of voxels that were not zeroed, as a share of the tissue level; 0 if hardly any are left."""
    air = air[air > 0]
    if len(air) < FEWEST_AIR_VOXELS:
        return 0.0
    tissue = float(np.quantile(image[mask], TISSUE_QUANTILE))
    return float(np.quantile(air, BRIGHT_QUANTILE)) / tissue if tissue > 0 else 0.0


def sinus_brightness(image: np.ndarray, mask: np.ndarray, grid: Grid) -> float:
    """Brightness of the superior sagittal sinus relative to the rim of the brain beside it.

    Parameters
    ----------
    image : ndarray, shape ``grid.shape``
        The head on the coarse grid.
    mask : ndarray of bool, shape ``grid.shape``
    grid : Grid

    Returns
    -------
    float
        Ratio of the upper tenths; 1 if there is nothing to compare.
    """
    points = grid.points_at(np.argwhere(mask).astype(float))
    if not len(points):
        return 1.0
    centre_mm = points.mean(0)
    within_mm = depth(mask)[mask] * grid.spacing_mm[0]
    rim = (within_mm <= RIM_MM) & (points[:, 2] > centre_mm[2])
    aside_mm = np.abs(points[:, 0] - centre_mm[0])
    values = image[mask]
    near = values[rim & (aside_mm <= SINUS_MM)]
    beside = values[rim & (aside_mm >= BESIDE_MM[0]) & (aside_mm <= BESIDE_MM[1])]
    if not len(near) or not len(beside):
        return 1.0
    reference = float(np.quantile(beside, BRIGHT_QUANTILE))
    return float(np.quantile(near, BRIGHT_QUANTILE)) / reference if reference > 0 else 1.0


def bright_vessels_mm3(image: np.ndarray, mask: np.ndarray, grid: Grid) -> float:
    """Volume in the mask that is far brighter than white matter, like vessels with contrast.

    Parameters
    ----------
    image : ndarray, shape ``grid.shape``
        The head on the coarse grid.
    mask : ndarray of bool, shape ``grid.shape``
    grid : Grid

    Returns
    -------
    float
        0 for an empty mask.
    """
    inside = image[mask]
    if not inside.size:
        return 0.0
    tissue = float(np.quantile(inside, TISSUE_QUANTILE))
    return float(np.count_nonzero(inside > VESSEL_OVER_TISSUE * tissue)) * grid.voxel_volume_mm3
