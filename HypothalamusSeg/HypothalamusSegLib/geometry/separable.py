"""Smooth and resample along the axes of an array, as one matrix product per axis.

Most scans lie along the axes of the head. Resampling them to a grid along the same axes is
separable, and the product of the small matrices is many times faster than filtering the whole
scan and interpolating it point by point. The matrices hold the operators of ITK (its recursive
Gaussian, its linear and cubic interpolation), so the result is the same to rounding.

Examples
--------
>>> linear_matrix(3, np.array([0.5, 2.0])).tolist()
[[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
import SimpleITK as sitk

from .spline import spline_matrix
from .voxel_image import Grid

# Standard deviation of a Gaussian in units of its full width at half maximum, 1 / (2 sqrt(2 ln
# 2)). It models the point spread of a voxel.
SD_PER_FWHM = 0.4247
# A blur below this share of a voxel changes nothing.
LEAST_SIGMA_VOXELS = 0.1
# ITK smooths no axis shorter than this.
FEWEST_SAMPLES = 4
# Smaller entries become 0: products with subnormal numbers are ten times slower. Not larger ones,
# since what counts as zeroed air (scan_condition.py) depends on how far a blur reaches.
NEGLIGIBLE = 1e-30
# Multiplied at once; all together would take more memory, for copies and for the BLAS library.
PLANES_AT_ONCE = 16
# Axes count as shared if no point of the grid is further than this from where they would put it.
SHARED_WITHIN_VOXELS = 1e-3


def smoothing_sigma_voxels(spacing_mm: float, target_mm: float) -> float:
    """Blur that turns voxels of one size into voxels of a larger one; 0 if none is needed."""
    sigma_mm = SD_PER_FWHM * np.sqrt(max(0.0, target_mm**2 - spacing_mm**2))
    sigma = float(sigma_mm / spacing_mm)
    return sigma if sigma > LEAST_SIGMA_VOXELS else 0.0


@lru_cache(maxsize=32)
def smoothing_matrix(count: int, sigma_voxels: float) -> np.ndarray:
    """Matrix of ITK's recursive Gaussian along an axis of ``count`` samples, its ends included.

    Returns
    -------
    ndarray of float32, shape (count, count)
        Read-only. The identity for 0, and where the axis is too short.
    """
    matrix = np.eye(count, dtype=np.float32)
    if sigma_voxels and count >= FEWEST_SAMPLES:
        # Column j of the filtered identity is the response to an impulse at j.
        impulses = sitk.GetImageFromArray(np.eye(count))
        responses = sitk.RecursiveGaussian(
            impulses, sigma=sigma_voxels, normalizeAcrossScale=False, direction=1
        )
        matrix = sitk.GetArrayFromImage(responses).astype(np.float32)
        # Far from the impulse stand subnormal numbers.
        matrix[np.abs(matrix) < NEGLIGIBLE] = 0
    matrix.flags.writeable = False
    return matrix


def linear_matrix(count: int, positions: np.ndarray) -> np.ndarray:
    """Matrix that interpolates ``count`` samples linearly at positions in units of samples.

    As in ITK, the outer half of the first and last voxel has their value, and all beyond it is 0.

    Returns
    -------
    ndarray of float32, shape (len(positions), count)
    """
    inside = (positions >= -0.5) & (positions < count - 0.5)
    at = np.clip(positions, 0, count - 1)
    low = np.minimum(np.floor(at).astype(int), max(0, count - 2))
    share = at - low
    rows = np.arange(len(at))
    matrix = np.zeros((len(at), count))
    matrix[rows, low] = inside * (1 - share)
    matrix[rows, np.minimum(low + 1, count - 1)] += inside * share
    return matrix.astype(np.float32)


def cubic_matrix(count: int, positions: np.ndarray) -> np.ndarray:
    """Matrix that interpolates by cubic B-splines; parameters and edges as in `linear_matrix`."""
    inside = (positions >= -0.5) & (positions < count - 0.5)
    if count < 2:
        return linear_matrix(count, positions)
    matrix = spline_matrix(count, positions) * inside[:, None]
    matrix[np.abs(matrix) < NEGLIGIBLE] = 0
    return matrix.astype(np.float32)


def shared_axes(source: Grid, target: Grid) -> list[tuple[int, np.ndarray]] | None:
    """For each axis of a target grid, the source axis along it and the positions there.

    Returns
    -------
    list of (axis, ndarray of shape (n,)) or None
        Positions in voxels of the source; None if the grids are oblique to each other.
    """
    to_source = np.linalg.inv(source.affine) @ target.affine
    turn, offset = to_source[:3, :3], to_source[:3, 3]
    axes = np.abs(turn).argmax(0)
    if sorted(axes) != [0, 1, 2]:
        return None
    along = np.zeros((3, 3))
    along[axes, range(3)] = turn[axes, range(3)]
    if (np.abs(turn - along) @ np.asarray(target.shape)).max() > SHARED_WITHIN_VOXELS:
        return None
    return [
        (int(axis), offset[axis] + turn[axis, own] * np.arange(count))
        for own, (axis, count) in enumerate(zip(axes, target.shape, strict=True))
    ]


def along_axes(array: np.ndarray, matrices: Sequence[np.ndarray | None]) -> np.ndarray:
    """Apply one matrix (m, n) along each axis of an array (I, J, K); None leaves an axis alone.

    Returns
    -------
    ndarray of float32
        In the memory order of ``array``; ``array`` itself if there is nothing to apply.
    """
    if all(matrix is None for matrix in matrices):
        return array
    order = np.argsort(np.abs(array.strides), kind="stable")[::-1]
    # Now C-contiguous, so that most reshaping copies nothing. Few large products: one for each
    # plane lets the threads of the BLAS library wait for each other, on a busy machine for seconds.
    result = np.ascontiguousarray(array.transpose(order), np.float32)
    outer, middle, inner = (matrices[axis] for axis in order)
    if inner is not None:
        result = _in_parts(result, (*result.shape[:2], len(inner)), partial(_along_last, inner))
    if outer is not None:
        result = _along_first(outer, result)
    if middle is not None:
        shape = (len(result), len(middle), result.shape[2])
        result = _in_parts(result, shape, partial(_along_middle, middle))
    return result.transpose(np.argsort(order))


def _in_parts(
    array: np.ndarray, shape: tuple[int, ...], multiply: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    found = np.empty(shape, np.float32)
    for start in range(0, len(array), PLANES_AT_ONCE):
        planes = slice(start, start + PLANES_AT_ONCE)
        found[planes] = multiply(array[planes])
    return found


def _along_first(matrix: np.ndarray, array: np.ndarray) -> np.ndarray:
    return (matrix @ array.reshape(len(array), -1)).reshape(len(matrix), *array.shape[1:])


def _along_middle(matrix: np.ndarray, array: np.ndarray) -> np.ndarray:
    return _along_first(matrix, array.swapaxes(0, 1)).swapaxes(0, 1)


def _along_last(matrix: np.ndarray, array: np.ndarray) -> np.ndarray:
    flat = array.reshape(-1, array.shape[2]) @ matrix.T
    return flat.reshape(*array.shape[:2], len(matrix))
