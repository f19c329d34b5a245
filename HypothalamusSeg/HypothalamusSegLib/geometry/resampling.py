"""Resample intensities and posteriors from one grid to another in world space.

Examples
--------
>>> from HypothalamusSegLib.geometry.voxel_image import VoxelImage
>>> scan = VoxelImage(np.arange(8, dtype=np.float32).reshape(2, 2, 2), np.eye(4))
>>> middle = Grid.axis_aligned(np.full(3, 0.5), (1, 1, 1), 1.0)
>>> resample_linear(scan, middle).item()
3.5
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from .separable import (
    along_axes,
    cubic_matrix,
    linear_matrix,
    shared_axes,
    smoothing_matrix,
    smoothing_sigma_voxels,
)
from .voxel_image import Grid, VoxelImage, image_from_volume

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
    target_mm = float(np.mean(grid.spacing_mm))
    return _resample(volume, grid, target_mm, sitk.sitkBSpline3, cubic_matrix)


def resample_linear(volume: VoxelImage, grid: Grid) -> np.ndarray:
    """Sample linearly after smoothing to the resolution of the grid; 0 outside the volume."""
    target_mm = float(np.mean(grid.spacing_mm))
    return _resample(volume, grid, target_mm, sitk.sitkLinear, linear_matrix)


def resample_mask(posterior: VoxelImage, grid: Grid) -> np.ndarray:
    """Interpolate a posterior on a grid and threshold it at one half.

    Returns
    -------
    ndarray of uint8, shape ``grid.shape``
    """
    # With i fastest, as image files store it.
    posterior = VoxelImage(np.asfortranarray(posterior.array), posterior.affine)
    found = _resample(posterior, grid, 0.0, sitk.sitkLinear, linear_matrix)
    return (found > 0.5).astype(np.uint8)


def interpolate(image: sitk.Image, grid: Grid, interpolator: int = sitk.sitkLinear) -> np.ndarray:
    """Sample an image at the voxels of a grid, without smoothing; 0 outside the image.

    Parameters
    ----------
    image : sitk.Image
        As `image_from_volume` makes it.
    grid : Grid
    interpolator : int
        One of SimpleITK's.

    Returns
    -------
    ndarray of float32, shape ``grid.shape``
    """
    template = image_from_volume(VoxelImage(np.zeros((1, 1, 1), np.uint8), grid.affine))
    sampled = sitk.Resample(
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
    return sitk.GetArrayFromImage(sampled).T


def smooth_part(volume: VoxelImage, grid: Grid, spacing_mm: float) -> VoxelImage:
    """Crop a volume to a grid and smooth it where it is finer, as a float32 copy."""
    part = _crop_to(volume, grid)
    smooth = along_axes(part.array, _smoothing(part, spacing_mm))
    if smooth is part.array:
        # The copy has the order of the volume, but all its strides are positive.
        smooth = np.array(part.array, order="K")
    return VoxelImage(smooth, part.affine)


def _resample(
    volume: VoxelImage,
    grid: Grid,
    target_mm: float,
    interpolator: int,
    interpolation_matrix: Callable[[int, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Smooth to a voxel size and interpolate, by matrices where the axes of both are the same."""
    part = _crop_to(volume, grid)
    smoothing = _smoothing(part, target_mm)
    shared = shared_axes(part.grid, grid)
    if shared is None:
        smooth = VoxelImage(along_axes(part.array, smoothing), part.affine)
        return interpolate(image_from_volume(smooth), grid, interpolator)
    matrices: list[np.ndarray | None] = [None] * 3
    for axis, positions in shared:
        matrix, before = interpolation_matrix(part.array.shape[axis], positions), smoothing[axis]
        matrices[axis] = matrix if before is None else matrix @ before
    return along_axes(part.array, matrices).transpose([axis for axis, _ in shared])


def _smoothing(volume: VoxelImage, target_mm: float) -> list[np.ndarray | None]:
    """Matrices that blur the axes that are finer than a voxel size, to avoid aliasing."""
    sigmas = [smoothing_sigma_voxels(float(mm), target_mm) for mm in volume.spacing_mm]
    return [
        smoothing_matrix(count, sigma) if sigma else None
        for count, sigma in zip(volume.array.shape, sigmas, strict=True)
    ]


def _crop_to(volume: VoxelImage, grid: Grid) -> VoxelImage:
    """Crop the volume, as float32, to the box under a grid, with a margin."""
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
    # In the order of the volume, and a view where it is float32 already.
    part = np.asarray(volume.array[a:d, b:e, c:f], np.float32)
    return VoxelImage(part, affine)
