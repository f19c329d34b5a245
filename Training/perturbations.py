"""Copies of a head: mirrored, rotated, shifted, resampled, cropped, noisier.

Used to measure repeatability, which needs no true value: the volume must not change.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from HypothalamusSegLib.geometry.resampling import resample_cubic
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

from .augmentation import rotation_matrix, smooth_field

Perturbation = Callable[[VoxelImage], VoxelImage]
CROP_MARGIN_MM = 6.0


def mirror(volume: VoxelImage) -> VoxelImage:
    """Left and right exchanged in the world."""
    affine = np.diag([-1.0, 1.0, 1.0, 1.0]) @ volume.affine
    return VoxelImage(volume.array, affine)


def reorient(volume: VoxelImage) -> VoxelImage:
    """Stored with other axes: k, i, j and two of them backwards; nothing moves in the world."""
    array = np.transpose(volume.array, (2, 0, 1))[::-1, :, ::-1]
    affine = np.eye(4)
    affine[:3, :3] = volume.affine[:3, [2, 0, 1]] * [-1, 1, -1]
    first = np.array([0, volume.array.shape[1] - 1, volume.array.shape[2] - 1], float)
    affine[:3, 3] = volume.grid.points_at(first)
    return VoxelImage(np.ascontiguousarray(array), affine)


def rotate(x_deg: float, y_deg: float, z_deg: float) -> Perturbation:
    """Turned in the scanner about the center of the image."""

    def rotate(volume: VoxelImage) -> VoxelImage:
        angles = tuple(math.radians(a) for a in (x_deg, y_deg, z_deg))
        turn = np.eye(4)
        turn[:3, :3] = rotation_matrix(angles).numpy()
        centre = volume.grid.centre_mm
        turn[:3, 3] = centre - turn[:3, :3] @ centre
        sampled = resample_cubic(volume, Grid(volume.array.shape, turn @ volume.affine))
        return VoxelImage(sampled.clip(0), volume.affine)

    return rotate


def shift(share_of_voxel: float) -> Perturbation:
    """Sampled between its voxels."""

    def shift(volume: VoxelImage) -> VoxelImage:
        affine = volume.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.full(3, share_of_voxel)
        return VoxelImage(resample_cubic(volume, Grid(volume.array.shape, affine)).clip(0), affine)

    return shift


def resample(spacing_mm: float) -> Perturbation:
    """Acquired with isotropic voxels of another size."""

    def resample(volume: VoxelImage) -> VoxelImage:
        extent_mm = volume.spacing_mm * volume.array.shape
        shape = tuple(np.maximum(1, np.floor(extent_mm / spacing_mm)).astype(int).tolist())
        affine = volume.affine.copy()
        affine[:3, :3] *= spacing_mm / volume.spacing_mm
        grid = Grid(shape, affine)
        affine[:3, 3] += volume.grid.centre_mm - grid.centre_mm
        return VoxelImage(resample_cubic(volume, Grid(shape, affine)).clip(0), affine)

    return resample


def crop_to(mask: np.ndarray) -> Perturbation:
    """Cut down to a box around a mask on the same grid, with a small margin."""

    def crop(volume: VoxelImage) -> VoxelImage:
        margin = np.ceil(CROP_MARGIN_MM / volume.spacing_mm).astype(int)
        indices = np.argwhere(mask)
        low = np.clip(indices.min(0) - margin, 0, None)
        high = indices.max(0) + margin + 1
        affine = volume.affine.copy()
        affine[:3, 3] = volume.grid.points_at(low.astype(float))
        (a, b, c), (d, e, f) = low, high
        return VoxelImage(np.ascontiguousarray(volume.array[a:d, b:e, c:f]), affine)

    return crop


def scale_intensity(factor: float) -> Perturbation:
    return lambda volume: VoxelImage(volume.array * factor, volume.affine)


def noisy(share_of_maximum: float, seed: int = 1) -> Perturbation:
    """Gaussian noise of a share of the 99.5th percentile."""

    def add(volume: VoxelImage) -> VoxelImage:
        sd = share_of_maximum * np.percentile(volume.array, 99.5)
        noise = np.random.default_rng(seed).standard_normal(volume.array.shape, np.float32)
        return VoxelImage((volume.array + sd * noise).clip(0), volume.affine)

    return add


def add_bias_field(strength: float, seed: int = 1) -> Perturbation:
    """A smooth receive field: exp(strength × Gaussian field on four knots an axis)."""

    def apply(volume: VoxelImage) -> VoxelImage:
        generator = torch.Generator().manual_seed(seed)
        field = smooth_field(volume.array.shape, 4, generator)[0].numpy()
        return VoxelImage(volume.array * np.exp(strength * field), volume.affine)

    return apply


def all_perturbations(icv_mask: np.ndarray) -> dict[str, Perturbation]:
    """The set on which repeatability is reported; ``icv_mask`` lies on the head's own grid."""
    return {
        "mirrored": mirror,
        "re-oriented": reorient,
        "rotated 8° (pitch)": rotate(8, 0, 0),
        "rotated −8° (pitch)": rotate(-8, 0, 0),
        "rotated 7° (roll)": rotate(0, 7, 0),
        "rotated 10° (yaw)": rotate(0, 0, 10),
        "rotated 5° about all": rotate(5, -5, 5),
        "shifted by half a voxel": shift(0.5),
        "resampled to 0.8 mm": resample(0.8),
        "resampled to 1.2 mm": resample(1.2),
        "cropped to the brain": crop_to(icv_mask),
        "intensity × 7.3": scale_intensity(7.3),
        "noise 3 %": noisy(0.03),
        "bias field 20 %": add_bias_field(0.2),
    }
