"""A bent head laid as the coarse networks know heads: its chin up, its neck out of sight.

The label heads on which the networks were trained look ahead or a little upwards. In a head bent
forward (a child in a coil for adults) the networks took the clivus and the muscles below the skull
for brain, and disagreed by 3.3 %. How far a head is bent, the long axis of the first mask tells.
Turned, centred and brought to the usual size, it costs one resampling and no further look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.head_box import COARSE_SHAPE, COARSE_SPACING_MM
from ..geometry.masks import dilate, largest_component
from ..geometry.voxel_image import Grid

# The mean of the label heads, and how far a head's length may be changed towards it.
USUAL_ICV_MM3 = 1_550_000.0
SMALLEST_ZOOM, LARGEST_ZOOM = 0.8, 1.25
# Angle of a mask's long axis above the horizontal, its front higher. Label heads: 2–49°, mean 18°;
# eighteen real adults: 5–26°; the bent child: 1°.
USUAL_PITCH_DEG = 18.0
SMALLEST_PITCH_DEG = 3.0
# Beyond this no neck bends: the mask is none of a head that lies as its header says.
LARGEST_BEND_DEG = -40.0
LARGEST_TURN_DEG = 30.0
# Where the centre of mass of the label heads' masks lies from the centre of their coarse grid.
CENTROID_IN_GRID_MM = np.array([0.0, -9.0, 16.0])
# The foramen magnum lies 66–81 mm below the centre of mass in the label heads.
FIELD_BOTTOM_MM = -90.0
# What a first mask holds so far below the hypothalamus, or beyond a narrow neck, is a leak.
LOWEST_BELOW_PLACE_MM = 60.0
OPENING_VOXELS = 2
FEWEST_VOXELS = 1_000


@dataclass(frozen=True)
class HeadPose:
    """How a head lies, as its intracranial mask tells.

    Attributes
    ----------
    pitch_deg : float
        Angle of the long axis in the sagittal plane, positive where its front is higher.
    centre_mm : ndarray, shape (3,)
        RAS centre of mass.
    icv_mm3 : float
    """

    pitch_deg: float
    centre_mm: np.ndarray
    icv_mm3: float

    @property
    def is_bent(self) -> bool:
        """Whether the head is bent forward, further than the networks know heads."""
        return LARGEST_BEND_DEG < self.pitch_deg < SMALLEST_PITCH_DEG

    def upright_from_world(self) -> np.ndarray:
        """The similarity, shape (4, 4), that lays the head as `upright_grid` wants it."""
        turn = np.clip(USUAL_PITCH_DEG - self.pitch_deg, -LARGEST_TURN_DEG, LARGEST_TURN_DEG)
        cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        zoom = np.cbrt(USUAL_ICV_MM3 / self.icv_mm3).clip(SMALLEST_ZOOM, LARGEST_ZOOM)
        transform = np.diag([zoom, zoom, zoom, 1.0])
        transform[1:3, 1:3] = zoom * np.array([[cosine, -sine], [sine, cosine]])
        transform[:3, 3] = -transform[:3, :3] @ self.centre_mm
        return transform


def pose_of(mask: np.ndarray, grid: Grid, place_mm: np.ndarray) -> HeadPose | None:
    """How a head lies; None where its mask is too small to tell.

    Parameters
    ----------
    mask : ndarray of bool, shape ``grid.shape``
        Intracranial, as a first look found it.
    grid : Grid
        Along the RAS axes.
    place_mm : ndarray, shape (3,)
        RAS position of the hypothalamus; what lies far below it does not count.
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
    """The coarse grid around a head whose centre of mass is the origin."""
    return Grid.axis_aligned(-CENTROID_IN_GRID_MM, COARSE_SHAPE, COARSE_SPACING_MM)


def without_neck(image: np.ndarray) -> np.ndarray:
    """An image on `upright_grid` whose field of view ends below the foramen magnum."""
    grid = upright_grid()
    bottom = grid.indices_of(np.array([0.0, 0.0, FIELD_BOTTOM_MM]))[2]
    kept = image.copy()
    kept[:, :, : int(np.ceil(bottom))] = 0
    return kept
