"""Find heads whose orientation contradicts the header: upside down, facing back, on the side.

The coarse networks accept heads rotated by up to about 20°. If they do not find the hypothalamus,
all 24 axis orientations of the scan are tried. If one of them clearly shows a head, the labeled
axes are wrong. Mirror images cannot be detected this way, because the networks treat both sides
alike.

Examples
--------
>>> len(list(axis_rotations()))
24
"""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.voxel_image import VoxelImage
from .coarse import place_confidence

if TYPE_CHECKING:
    from torch import nn

# Peak of the place map needed to recognize a head, and its required margin over the header.
RECOGNISED_CONFIDENCE = 0.35
CLEARLY_BETTER = 0.2
AXIS_NAMES = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))


def axis_rotations() -> list[np.ndarray]:
    """List the 24 axis rotations, identity first; each of shape (3, 3)."""
    rotations = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) > 0:
                rotations.append(matrix)
    return sorted(rotations, key=lambda matrix: -np.trace(matrix))


def turn(volume: VoxelImage, rotation: np.ndarray) -> VoxelImage:
    """Rotate the world of a volume by ``rotation`` about its origin; voxels stay the same."""
    return VoxelImage(volume.array, _as_affine(rotation) @ volume.affine)


def turn_back(volume: VoxelImage, rotation: np.ndarray) -> VoxelImage:
    """Undo `turn`."""
    return turn(volume, rotation.T)


def find_rotation(volume: VoxelImage, network: nn.Module, device: str) -> np.ndarray | None:
    """Find the rotation that shows an upright head, if the labeled axes do not.

    Returns
    -------
    ndarray of shape (3, 3) or None
        None if no orientation shows a head clearly better than that of the header.
    """
    identity, *others = axis_rotations()
    as_labelled = place_confidence(turn(volume, identity), network, device)
    found = [place_confidence(turn(volume, r), network, device) for r in others]
    best = int(np.argmax(found))
    if found[best] < max(RECOGNISED_CONFIDENCE, as_labelled + CLEARLY_BETTER):
        return None
    return others[best]


def explain(rotation: np.ndarray) -> str:
    """Describe which labeled direction is which direction of the head."""
    lines = []
    for axis in (1, 2):
        # Row ``axis`` of the rotation gives the labeled direction of the true axis.
        labelled = int(np.argmax(np.abs(rotation[axis])))
        end = AXIS_NAMES[labelled][int(rotation[axis, labelled] > 0)]
        true_end = AXIS_NAMES[axis][1]
        if end != true_end:
            lines.append(f"the direction labeled {end} is {true_end}")
    return " and ".join(lines) or "left and right are swapped"


def _as_affine(rotation: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    return matrix
