"""Random atrophy and skulls for label heads, so that fluid is learned and not its usual thickness.

Fluid and compact bone are both dark in T1. Networks trained on some ten heads learn how far behind
the brain the bone begins in those, and miss every wider or narrower skull by the same millimeter:
measured, −6 % ICV on a head with wide frontal fluid. Here the inner table moves by a smooth random
field, together with the mask, and the outer brain turns to fluid by another.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from . import augmentation
from .augmentation import chance, normal, uniform

FLUID_LABEL, BONE_LABELS = 24, (511, 515)
FIRST_EXTRACRANIAL_LABEL = 500
# Distances are kept as whole numbers of this many to the millimeter, up to 6 mm, beside the label.
STEPS_PER_MM = 20
LARGEST_DISTANCE_MM = 6.0
SMOOTH_POINTS = (3, 8)
# Up to this height above the foramen magnum, bone is not changed, or fluid would reach the
# vertebrae.
FIXED_BASE_MM = 20.0
CHANGE_CHANCE = 0.75
OTHER, BRAIN, FLUID, BONE = range(4)


def skull_distance_steps(mask: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Signed distance to the inner table in steps, positive outside; int8.

    Around the foramen magnum all that is outside counts as far.

    Parameters
    ----------
    mask : ndarray of bool, shape (I, J, K)
        Intracranial; the third axis runs to superior.
    """
    half = float(np.mean(spacing_mm)) / 2
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing_mm) - half
    lowest = int(np.flatnonzero(mask.any((0, 1)))[0])
    outside[:, :, : lowest + round(FIXED_BASE_MM / spacing_mm[2])] = LARGEST_DISTANCE_MM
    inside = ndimage.distance_transform_edt(mask, sampling=spacing_mm) - half
    return _steps(np.where(mask, -inside, outside)).astype(np.int8)


def brain_depth_steps(labels: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Depth of brain tissue below fluid, in steps; uint8, 0 outside the brain.

    Parameters
    ----------
    labels : ndarray of int, shape (I, J, K)
        FreeSurfer's numbers.
    """
    brain = is_brain(labels)
    depth = ndimage.distance_transform_edt(brain, sampling=spacing_mm)
    return _steps(np.where(brain, depth - float(np.mean(spacing_mm)) / 2, 0.0)).astype(np.uint8)


def _steps(distance_mm: np.ndarray) -> np.ndarray:
    clipped = np.clip(distance_mm, -LARGEST_DISTANCE_MM, LARGEST_DISTANCE_MM)
    return np.round(clipped * STEPS_PER_MM)


def is_brain(labels: np.ndarray) -> np.ndarray:
    """Intracranial labels other than extracerebral fluid."""
    return (labels > 0) & (labels < FIRST_EXTRACRANIAL_LABEL) & (labels != FLUID_LABEL)


class AnatomyChange:
    """One random change of atrophy and skull, on the grid of one image.

    Parameters
    ----------
    numbers : ndarray of int
        FreeSurfer's number of each label of the head, in order.
    shape : tuple of int
    generator : torch.Generator
    """

    def __init__(
        self, numbers: np.ndarray, shape: tuple[int, int, int], generator: torch.Generator
    ) -> None:
        kind = np.full(len(numbers), OTHER, np.uint8)
        kind[is_brain(numbers)] = BRAIN
        kind[numbers == FLUID_LABEL] = FLUID
        kind[np.isin(numbers, BONE_LABELS)] = BONE
        self._kind = torch.from_numpy(kind)
        self._fluid = int(np.flatnonzero(numbers == FLUID_LABEL)[0])
        self._bone = int(np.flatnonzero(np.isin(numbers, BONE_LABELS))[-1])
        points = [int(uniform(*SMOOTH_POINTS, generator)) for _ in range(2)]
        skull = uniform(0.0, 1.5, generator) * augmentation.smooth_field(
            shape, points[0], generator
        )
        skull = skull[0] + normal(1.0, generator)
        atrophy = uniform(0.0, 0.8, generator) * augmentation.smooth_field(
            shape, points[1], generator
        )
        atrophy = atrophy[0] + uniform(-1.0, 2.0, generator)
        self._skull_steps = (skull.clamp(-4.0, 4.0) * STEPS_PER_MM).to(torch.int32)
        self._atrophy_steps = (atrophy.clamp(0.0, 3.0) * STEPS_PER_MM).to(torch.int32)

    @staticmethod
    def draw(
        numbers: np.ndarray, shape: tuple[int, int, int], generator: torch.Generator
    ) -> AnatomyChange | None:
        """A change, or None: by chance, or where the head has no fluid or bone to change."""
        possible = FLUID_LABEL in numbers and np.isin(BONE_LABELS, numbers).any()
        if not possible or not chance(CHANGE_CHANCE, generator):
            return None
        return AnatomyChange(numbers, shape, generator)

    def apply(
        self, label: Tensor, inside: Tensor, skull_steps: Tensor, depth_steps: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Move the inner table and thin the brain.

        Parameters
        ----------
        label, inside, skull_steps, depth_steps : Tensor of int32, shape (I, J, K)
            Label index, 1 within the skull, and the two distances at each voxel.

        Returns
        -------
        label, inside : Tensor
            Bone that the inner table has passed is fluid, fluid that it has passed is bone; fluid
            that lay outside the smooth mask counts with the bone; brain keeps its place.
        """
        kind = self._kind[label.long()]
        may_open = (kind == BONE) | (kind == FLUID)
        opened = may_open & (skull_steps > 0) & (skull_steps < self._skull_steps)
        closed = (kind == FLUID) & (skull_steps <= 0) & (skull_steps > self._skull_steps)
        thinned = (kind == BRAIN) & (depth_steps < self._atrophy_steps)
        label = torch.where(opened | thinned, self._fluid, torch.where(closed, self._bone, label))
        return label, (inside | opened.int()) & (~closed).int()
