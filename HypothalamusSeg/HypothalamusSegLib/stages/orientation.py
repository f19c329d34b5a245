"""Heads that do not lie as their header says: upside down, face to the back, on the side.

The coarse networks know heads that are turned by some 20°. Where they do not find the hypothalamus,
the scan is looked at along all 24 ways of laying the axes; if one of them shows a head clearly, the
labelled axes are wrong. A mirror image cannot be told this way: the networks are made blind to it.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.voxel_image import VoxelImage
from .coarse import place_confidence

if TYPE_CHECKING:
    from torch import nn

# Peak of the place map above which a head is recognised, and by how much it must beat the header.
RECOGNISED_CONFIDENCE = 0.35
CLEARLY_BETTER = 0.2
AXIS_NAMES = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))


def axis_rotations() -> list[np.ndarray]:
    """The 24 rotations that take axes to axes, identity first; each of shape (3, 3)."""
    rotations = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) > 0:
                rotations.append(matrix)
    return sorted(rotations, key=lambda matrix: -np.trace(matrix))


def turn(volume: VoxelImage, rotation: np.ndarray) -> VoxelImage:
    """The same voxels in a world that is turned by ``rotation`` about its origin."""
    return VoxelImage(volume.array, _homogeneous(rotation) @ volume.affine)


def turn_back(volume: VoxelImage, rotation: np.ndarray) -> VoxelImage:
    """Undo `turn`."""
    return turn(volume, rotation.T)


def find_rotation(volume: VoxelImage, network: nn.Module, device: str) -> np.ndarray | None:
    """The rotation under which a scan looks like an upright head, if it is not upright as labelled.

    Returns
    -------
    ndarray of shape (3, 3) or None
        None if no way of laying the axes shows a head clearly better than the header's.
    """
    identity, *others = axis_rotations()
    as_labelled = place_confidence(turn(volume, identity), network, device)
    found = [place_confidence(turn(volume, r), network, device) for r in others]
    best = int(np.argmax(found))
    if found[best] < max(RECOGNISED_CONFIDENCE, as_labelled + CLEARLY_BETTER):
        return None
    return others[best]


def explain(rotation: np.ndarray) -> str:
    """Say which labelled direction holds which part of the head."""
    lines = []
    for axis in (1, 2):
        # Row ``axis`` of the rotation says along which labelled direction the true axis runs.
        labelled = int(np.argmax(np.abs(rotation[axis])))
        end = AXIS_NAMES[labelled][int(rotation[axis, labelled] > 0)]
        true_end = AXIS_NAMES[axis][1]
        if end != true_end:
            lines.append(f"the direction labeled {end} is {true_end}")
    return " and ".join(lines) or "left and right are swapped"


def _homogeneous(rotation: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    return matrix
