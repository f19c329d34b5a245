"""Resample intensities and posteriors from one grid to another in world space."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .voxel_image import Grid, VoxelImage, image_from_volume

# Standard deviation of a Gaussian in units of its full width at half maximum, 1 / (2 sqrt(2 ln
# 2)). It models the point spread of a voxel.
SD_PER_FWHM = 0.4247
# Cubic B-splines need a few voxels around the region, Gaussian smoothing some more.
CROP_MARGIN_VOXELS = 8


def resample_cubic(volume: VoxelImage, grid: Grid) -> np.ndarray:
    """Sample intensities with cubic B-splines after smoothing to the resolution of the grid.

    Unlike linear interpolation, splines blur all sub-voxel positions equally, so the same head
    shifted by half a voxel looks the same. Only the part of the volume under the grid is read. The
    value outside the volume is 0.

    Returns
    -------
    ndarray of float32, shape ``grid.shape``
    """
    return _resample(volume, grid, sitk.sitkBSpline3)


def resample_linear(volume: VoxelImage, grid: Grid) -> np.ndarray:
    """Sample linearly after smoothing to the resolution of the grid; 0 outside the volume."""
    return _resample(volume, grid, sitk.sitkLinear)


def resample_mask(posterior: VoxelImage, grid: Grid) -> np.ndarray:
    """Interpolate a posterior on a grid and threshold it at one half.

    Returns
    -------
    ndarray of uint8, shape ``grid.shape``
    """
    image = image_from_volume(posterior)
    resampled = _onto(image, grid, sitk.sitkLinear)
    return sitk.GetArrayFromImage(resampled > 0.5).T


def smooth_part(volume: VoxelImage, grid: Grid, spacing_mm: float) -> VoxelImage:
    """Crop a volume to a grid and smooth it where it is finer, as float32."""
    part = _crop_to(volume, grid)
    if (part.spacing_mm >= spacing_mm).all():
        return VoxelImage(np.ascontiguousarray(part.array), part.affine)
    image = _smooth_to_resolution(image_from_volume(part), part, spacing_mm)
    return VoxelImage(np.ascontiguousarray(sitk.GetArrayFromImage(image).T), part.affine)


def _resample(volume: VoxelImage, grid: Grid, interpolator: int) -> np.ndarray:
    target_mm = float(np.mean(grid.spacing_mm))
    # Free the cropped copy while ITK smooths its own.
    image = image_from_volume(_crop_to(volume, grid))
    image = _smooth_to_resolution(image, volume, target_mm)
    return sitk.GetArrayFromImage(_onto(image, grid, interpolator)).T


def _onto(image: sitk.Image, grid: Grid, interpolator: int) -> sitk.Image:
    template = image_from_volume(VoxelImage(np.zeros((1, 1, 1), np.uint8), grid.affine))
    return sitk.Resample(
        image,
        list(grid.shape),
        sitk.Transform(3, sitk.sitkIdentity),
        interpolator,
        template.GetOrigin(),
        template.GetSpacing(),
        template.GetDirection(),
        0.0,
        sitk.sitkFloat32,
    )


def _smooth_to_resolution(image: sitk.Image, volume: VoxelImage, target_mm: float) -> sitk.Image:
    """Blur axes that are sampled finer than the target voxel size, to avoid aliasing."""
    excess = target_mm**2 - volume.spacing_mm**2
    sigmas_mm = SD_PER_FWHM * np.sqrt(np.clip(excess, 0, None))
    for axis, sigma in enumerate(sigmas_mm):
        if sigma > 0.1 * volume.spacing_mm[axis]:
            image = sitk.RecursiveGaussian(
                image, sigma=float(sigma), normalizeAcrossScale=False, direction=axis
            )
    return image


def _crop_to(volume: VoxelImage, grid: Grid) -> VoxelImage:
    """Crop the volume to the box under a grid, with a margin."""
    ends = [[0, n - 1] for n in grid.shape]
    corners = np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T
    indices = volume.grid.indices_of(grid.points_at(corners))
    low = np.floor(indices.min(0)).astype(int) - CROP_MARGIN_VOXELS
    high = np.ceil(indices.max(0)).astype(int) + CROP_MARGIN_VOXELS + 1
    size = np.asarray(volume.array.shape)
    low = np.clip(low, 0, size - 1)
    high = np.clip(high, low + 1, size)
    affine = volume.affine.copy()
    affine[:3, 3] = volume.grid.points_at(low.astype(float))
    (a, b, c), (d, e, f) = low, high
    # Keep the order of the volume: reordering costs more than the copy, and ITK would undo it.
    part = np.array(volume.array[a:d, b:e, c:f], dtype=np.float32, order="K")
    return VoxelImage(part, affine)
