"""Rigid transforms of RAS world space: means, parts and distances.

A transform is an array of shape (4, 4) that moves points: ``transform @ (x, y, z, 1)``.

Examples
--------
>>> quarter = from_parts(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([4.0, 0, 0]))
>>> [round(angle_deg(part_of(quarter, share))) for share in (0.5, 1.0)]
[45, 90]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def from_parts(rotation: np.ndarray, translation_mm: np.ndarray) -> np.ndarray:
    """Build a transform from a rotation, shape (3, 3), and a translation, shape (3,)."""
    transform = np.eye(4)
    transform[:3, :3] = rotation
    transform[:3, 3] = translation_mm
    return transform


def inverse(transform: np.ndarray) -> np.ndarray:
    """Invert a rigid transform exactly."""
    turned_back = transform[:3, :3].T
    return from_parts(turned_back, -turned_back @ transform[:3, 3])


def mean(transforms: Sequence[np.ndarray]) -> np.ndarray:
    """Average transforms: the mean rotation (Moakher 2002) and the mean place of the origin."""
    from scipy.spatial.transform import Rotation

    stacked = np.stack(transforms)
    rotation = Rotation.from_matrix(stacked[:, :3, :3]).mean().as_matrix()
    return from_parts(rotation, stacked[:, :3, 3].mean(0))


def part_of(transform: np.ndarray, share: float) -> np.ndarray:
    """Go a share of the way: of the rotation about its axis, and of the translation."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_matrix(transform[:3, :3]).as_rotvec() * share
    return from_parts(Rotation.from_rotvec(turn).as_matrix(), share * transform[:3, 3])


def from_parameters(parameters: np.ndarray) -> np.ndarray:
    """Build a transform from a translation in mm and a rotation vector in radians; shape (6,)."""
    from scipy.spatial.transform import Rotation

    return from_parts(Rotation.from_rotvec(parameters[3:]).as_matrix(), parameters[:3])


def angle_deg(transform: np.ndarray) -> float:
    """Angle of the rotation."""
    from scipy.spatial.transform import Rotation

    return float(np.degrees(Rotation.from_matrix(transform[:3, :3]).magnitude()))


def distance_mm(transform: np.ndarray) -> float:
    """How far the origin moves."""
    return float(np.linalg.norm(transform[:3, 3]))
