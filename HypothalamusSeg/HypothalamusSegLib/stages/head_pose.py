"""Rotate a bent head to the pose that the coarse networks know, and hide its neck.

The label heads used for training look straight ahead or slightly up. In a head bent forward (a
child in an adult coil), the networks segmented the clivus and the muscles below the skull as brain
and disagreed by 3.3 %. The long axis of the first mask shows how far a head is bent. Rotating,
centering and rescaling it costs one resampling and no extra network pass.

Examples
--------
>>> upright_grid().shape
(96, 112, 104)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.head_box import COARSE_SHAPE, COARSE_SPACING_MM
from ..geometry.masks import dilate, largest_component
from ..geometry.voxel_image import Grid

# Mean of the label heads, and the largest change of length toward it.
USUAL_ICV_MM3 = 1_550_000.0
SMALLEST_ZOOM, LARGEST_ZOOM = 0.8, 1.25
# Angle of the long axis of a mask above the horizontal (front up). Label heads: 2–49°, mean 18°;
# eighteen real adults: 5–26°; the bent child: 1°.
USUAL_PITCH_DEG = 18.0
SMALLEST_PITCH_DEG = 3.0
# No neck bends further than this: the orientation of the head contradicts the header.
LARGEST_BEND_DEG = -40.0
LARGEST_TURN_DEG = 30.0
# Center of mass of the label-head masks relative to the center of their coarse grid.
CENTROID_IN_GRID_MM = np.array([0.0, -9.0, 16.0])
# In the label heads, the foramen magnum is 66–81 mm below the center of mass.
FIELD_BOTTOM_MM = -90.0
# Parts of a first mask this far below the hypothalamus, or beyond a narrow neck, are leaks.
LOWEST_BELOW_PLACE_MM = 60.0
OPENING_VOXELS = 2
FEWEST_VOXELS = 1_000


@dataclass(frozen=True)
class HeadPose:
    """Pose of a head, measured on its intracranial mask.

    Attributes
    ----------
    pitch_deg : float
        Angle of the long axis in the sagittal plane, positive if the front is higher.
    centre_mm : ndarray, shape (3,)
        RAS center of mass.
    icv_mm3 : float
    """

    pitch_deg: float
    centre_mm: np.ndarray
    icv_mm3: float

    @property
    def is_bent(self) -> bool:
        """Whether the head is bent forward beyond what the networks can handle."""
        return LARGEST_BEND_DEG < self.pitch_deg < SMALLEST_PITCH_DEG

    def upright_from_world(self) -> np.ndarray:
        """Similarity, shape (4, 4), that moves the head onto `upright_grid`."""
        turn = np.clip(USUAL_PITCH_DEG - self.pitch_deg, -LARGEST_TURN_DEG, LARGEST_TURN_DEG)
        # About one axis of the world, so without scipy.
        cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        zoom = np.cbrt(USUAL_ICV_MM3 / self.icv_mm3).clip(SMALLEST_ZOOM, LARGEST_ZOOM)
        transform = np.diag([zoom, zoom, zoom, 1.0])
        transform[1:3, 1:3] = zoom * np.array([[cosine, -sine], [sine, cosine]])
        transform[:3, 3] = -transform[:3, :3] @ self.centre_mm
        return transform


def pose_of(mask: np.ndarray, grid: Grid, place_mm: np.ndarray) -> HeadPose | None:
    """Measure the pose of a head; None if its mask is too small.

    Parameters
    ----------
    mask : ndarray of bool, shape ``grid.shape``
        Intracranial mask of the first look.
    grid : Grid
        Along the RAS axes.
    place_mm : ndarray, shape (3,)
        RAS position of the hypothalamus; parts far below it are ignored.
    """
    mask = mask.copy()
    lowest = grid.indices_of(place_mm)[2] - LOWEST_BELOW_PLACE_MM / grid.spacing_mm[2]
    mask[:, :, : max(0, int(np.floor(lowest)))] = False
    core = largest_component(~dilate(~mask, OPENING_VOXELS))
    mask &= dilate(core, OPENING_VOXELS + 1)
    count = np.count_nonzero(mask)
    if count < FEWEST_VOXELS:
        return None
    points = grid.points_at(np.argwhere(mask).astype(float))
    _, axes = np.linalg.eigh(np.cov(points.T))
    _, forward, upward = axes[:, -1]
    pitch_deg = float(np.degrees(np.arctan(upward / forward))) if forward else 90.0
    return HeadPose(pitch_deg, points.mean(0), count * grid.voxel_volume_mm3)


def upright_grid() -> Grid:
    """Create the coarse grid around a head whose center of mass is the origin."""
    return Grid.axis_aligned(-CENTROID_IN_GRID_MM, COARSE_SHAPE, COARSE_SPACING_MM)


def remove_neck(image: np.ndarray) -> np.ndarray:
    """Crop an image on `upright_grid` below the foramen magnum."""
    grid = upright_grid()
    bottom = grid.indices_of(np.array([0.0, 0.0, FIELD_BOTTOM_MM]))[2]
    kept = image.copy()
    kept[:, :, : int(np.ceil(bottom))] = 0
    return kept
