"""Measures of scan quality: noise, motion ghosts, contrast agent, cut-off and stripped heads.

Brightness is relative to the tissue intensity of the scan. All use the intracranial mask.

Examples
--------
>>> noise_share(scan, coarse), air_brightness(coarse)  # doctest: +SKIP
"""

from __future__ import annotations

import numpy as np

from ..geometry.masks import dilate
from ..geometry.voxel_image import VoxelImage
from ..stages.coarse import CoarseResult

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
# Air that is mostly darker than this share of the tissue level was zeroed. What is left is the edge
# of a removed face and the tails of the smoothing filter around it. Of 24 public heads, the air of
# 3 was kept (at least 70 % of it is brighter); of the others, at most 6 % is.
ZEROED_BELOW_SHARE, LEAST_KEPT_SHARE = 0.001, 0.25
# Air counts as in front or behind if it is this many times further that way than sideways.
AHEAD_OVER_ASIDE = 1.5
# The shell around the mask where a head has scalp and a stripped brain has nothing.
SHELL_VOXELS = (2, 6)
# A voxel on a face of the scan counts as cut if it is within this many coarse voxels of the mask
# and brighter than this share of the mean inside.
FACE_REACH_VOXELS, TISSUE_SHARE = 2, 0.3
# White matter, and the rim of cortex and fluid.
DEEP_VOXELS, RIM_VOXELS = 10, 4


def noise_share(scan: VoxelImage, coarse: CoarseResult) -> float:
    """Estimate the standard deviation of the noise as a share of the tissue level.

    Uses the median absolute second difference along the three axes, deep in the brain (a Laplacian
    filter as in Immerkær 1996; the median suppresses anatomical edges).

    Parameters
    ----------
    scan : VoxelImage
    coarse : CoarseResult
        Of that scan.

    Returns
    -------
    float
        0 if the mask is too thin.
    """
    grid = coarse.grid
    deep = np.argwhere(coarse.icv_depth_voxels * grid.spacing_mm[0] > DEEP_MM)
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


def air_brightness(coarse: CoarseResult) -> float:
    """Brightness of the air beside the head (where ghosts appear) as a share of the tissue level.

    Returns
    -------
    float
        Upper tenth; 0 if the air was zeroed or there is none.
    """
    return _upper_tenth(_air(coarse), coarse)


def ghost_brightness(coarse: CoarseResult) -> float:
    """Difference of the air in front of and behind the head from that at its sides.

    Noise fills the air evenly. Motion ghosts lie along one axis, the phase encoding direction.

    Returns
    -------
    float
        Difference of the upper tenths as a share of the tissue level; zeroed air counts as dark.
    """
    air, mask = _air(coarse), coarse.icv_mask
    if not air.any():
        return 0.0
    middle = np.argwhere(mask).mean(0)
    aside, ahead = (
        np.abs(np.arange(n) - at) for n, at in zip(mask.shape[:2], middle[:2], strict=True)
    )
    before_or_behind = ahead[None, :, None] > AHEAD_OVER_ASIDE * aside[:, None, None]
    parts = (air & before_or_behind, air & ~before_or_behind)
    brightness = [_upper_tenth(part, coarse) for part in parts]
    return abs(brightness[0] - brightness[1])


def _air(coarse: CoarseResult) -> np.ndarray:
    """Mask of the air beside the upper half of a head; empty without a head."""
    mask = coarse.icv_mask
    if not mask.any():
        return np.zeros_like(mask)
    away_mm = -coarse.icv_depth_voxels * coarse.grid.spacing_mm[0]
    away_mm[:, :, : int(np.argwhere(mask)[:, 2].mean())] = 0
    return (away_mm > AIR_MM[0]) & (away_mm < AIR_MM[1])


def _upper_tenth(where: np.ndarray, coarse: CoarseResult) -> float:
    """Brightness of the air as a share of the tissue level; 0 if it was zeroed or there is none."""
    air = coarse.image[where]
    if np.count_nonzero(air > 0) < FEWEST_AIR_VOXELS:
        return 0.0
    tissue = float(np.quantile(coarse.image[coarse.icv_mask], TISSUE_QUANTILE))
    if tissue <= 0 or np.mean(air > ZEROED_BELOW_SHARE * tissue) < LEAST_KEPT_SHARE:
        return 0.0
    return float(np.quantile(air[air > 0], BRIGHT_QUANTILE)) / tissue


def sinus_brightness(coarse: CoarseResult) -> float:
    """Brightness of the superior sagittal sinus relative to the rim of the brain beside it.

    Returns
    -------
    float
        Ratio of the upper tenths; 1 if there is nothing to compare.
    """
    grid, mask = coarse.grid, coarse.icv_mask
    points = grid.points_at(np.argwhere(mask).astype(float))
    if not len(points):
        return 1.0
    centre_mm = points.mean(0)
    within_mm = coarse.icv_depth_voxels[mask] * grid.spacing_mm[0]
    rim = (within_mm <= RIM_MM) & (points[:, 2] > centre_mm[2])
    aside_mm = np.abs(points[:, 0] - centre_mm[0])
    values = coarse.image[mask]
    near = values[rim & (aside_mm <= SINUS_MM)]
    beside = values[rim & (aside_mm >= BESIDE_MM[0]) & (aside_mm <= BESIDE_MM[1])]
    if not len(near) or not len(beside):
        return 1.0
    reference = float(np.quantile(beside, BRIGHT_QUANTILE))
    return float(np.quantile(near, BRIGHT_QUANTILE)) / reference if reference > 0 else 1.0


def bright_vessels_mm3(coarse: CoarseResult) -> float:
    """Volume in the mask that is far brighter than white matter, like vessels with contrast.

    Returns
    -------
    float
        0 for an empty mask.
    """
    inside = coarse.image[coarse.icv_mask]
    if not inside.size:
        return 0.0
    tissue = float(np.quantile(inside, TISSUE_QUANTILE))
    bright = float(np.count_nonzero(inside > VESSEL_OVER_TISSUE * tissue))
    return bright * coarse.grid.voxel_volume_mm3


def cut_area_mm2(scan: VoxelImage, coarse: CoarseResult) -> float:
    """Measure the intracranial tissue that touches the edge of the field of view, in mm².

    Only bright voxels count, so a tight crop around the whole head is not flagged.
    """
    mask = coarse.icv_mask
    near = dilate(mask, FACE_REACH_VOXELS)
    threshold = TISSUE_SHARE * float(coarse.image[mask].mean())
    area_mm2 = 0.0
    for axis, count in enumerate(scan.array.shape):
        face_voxel_mm2 = scan.voxel_volume_mm3 / scan.spacing_mm[axis]
        for position in (0, count - 1):
            # A view; np.take would copy the whole scan first.
            face = np.moveaxis(scan.array, axis, 0)[position]
            bright = np.argwhere(face > threshold)
            indices = np.insert(bright, axis, position, axis=1).astype(float)
            at = np.rint(coarse.grid.indices_of(scan.grid.points_at(indices))).astype(int)
            at = at[((at >= 0) & (at < near.shape)).all(1)]
            area_mm2 += float(near[tuple(at.T)].sum()) * face_voxel_mm2
    return area_mm2


def outside_share(coarse: CoarseResult) -> float:
    """Mean intensity in a shell around the mask as a share of that inside; 0 for a bare brain."""
    voxels_deep, image = coarse.icv_depth_voxels, coarse.image
    near, far = SHELL_VOXELS
    shell = (voxels_deep < -near) & (voxels_deep > -far)
    # The field of view may end below the skull base, so use the upper two thirds only.
    rows = np.flatnonzero((voxels_deep > 0).any((0, 1)))
    shell[:, :, : rows[0] + len(rows) // 3] = False
    inside = float(image[voxels_deep > 0].mean())
    return float(image[shell].mean()) / inside if shell.any() and inside > 0 else 0.0


def depth_ratio(coarse: CoarseResult) -> float:
    """Ratio of the median intensity deep in the mask to that of its rim; above 1 on T1."""
    voxels_deep, image = coarse.icv_depth_voxels, coarse.image
    deep = voxels_deep > DEEP_VOXELS
    rim = (voxels_deep > 0) & (voxels_deep < RIM_VOXELS)
    if not deep.any() or not rim.any():
        return 0.0
    return float(np.median(image[deep])) / max(1e-6, float(np.median(image[rim])))
