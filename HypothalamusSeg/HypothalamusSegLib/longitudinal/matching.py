"""Images of the visits that differ in nothing but the head: same brightness, same resolution.

Examples
--------
>>> first, second = match(volumes, registration)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry.resampling import smooth_part
from ..geometry.voxel_image import Grid, VoxelImage
from .brightness import without_field
from .midspace import REACH_MM
from .registration import Registration
from .repeatability import voxels_are_equal


def match(volumes: Sequence[VoxelImage], registration: Registration) -> list[VoxelImage]:
    """Take off smooth differences of brightness, and blur to the largest voxels among the visits.

    Parameters
    ----------
    volumes : sequence of VoxelImage
        In the order of ``registration``.

    Returns
    -------
    list of VoxelImage
        In the worlds of the visits; if voxels differ in size, only what lies within reach.
    """
    poses = registration.from_midspace
    matched = [
        without_field(volume, pose, ratio)
        for volume, pose, ratio in zip(volumes, poses, registration.log_ratios, strict=True)
    ]
    spacings = [volume.spacing_mm for volume in volumes]
    if all(voxels_are_equal(spacings[0], spacing) for spacing in spacings[1:]):
        return matched
    coarsest_mm = max(float(np.mean(spacing)) for spacing in spacings)
    return [
        smooth_part(volume, _reach(pose), coarsest_mm)
        for volume, pose in zip(matched, poses, strict=True)
    ]


def _reach(from_midspace: np.ndarray) -> Grid:
    """Box around the hypothalamus in the world of a visit, as a grid of its corners."""
    box = Grid.axis_aligned(np.zeros(3), (2, 2, 2), 2 * REACH_MM)
    return Grid(box.shape, from_midspace @ box.affine)
