"""Check that a volume can be a head scan, and flag problems.

Examples
--------
>>> bool(spans_space(np.eye(4))), bool(spans_space(np.diag([1.0, 1.0, 0.0, 1.0])))
(True, False)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import EmptyImageError, SmallerThanHeadError, VoxelSizeError
from ..flags import Flag
from ..geometry.voxel_image import VoxelImage

SMALLEST_VOXEL_MM = 0.1
LARGEST_VOXEL_MM = 6.0
# The fine stage needs 32 mm around the hypothalamus. A crop of the center of the brain passes;
# thinner slabs or pituitary scans do not.
SHORTEST_AXIS_MM = 60.0
SECOND_SHORTEST_AXIS_MM = 80.0
FEWEST_VOXELS = 16
ANISOTROPIC_RATIO = 1.6
COARSE_MM = 1.5
# Affines are stored as 32-bit numbers.
ROUNDING_MM = 1e-3
# Share of the volume of a box with the same edges; flatter voxels mean a damaged header.
SMALLEST_RELATIVE_VOLUME = 1e-3
# A head with neck is shorter than 300 mm, an infant's brain longer than 100 mm.
LONGEST_HEAD_MM = 300.0
SHORTEST_HEAD_MM = 100.0
# Content that fills this share of the field of view may extend beyond it.
FILLING_SHARE = 0.9
# Slices with fewer bright voxels than this share of the fullest are noise.
SPARSE_SHARE = 0.04
SEARCH_STEP_VOXELS = 4


def spans_space(affine: np.ndarray) -> bool:
    """Whether an affine, shape (4, 4), is not degenerate (a plane or a line)."""
    if not np.isfinite(affine).all():
        return False
    box = float(np.prod(np.linalg.norm(affine[:3, :3], axis=0)))
    return abs(np.linalg.det(affine[:3, :3])) > SMALLEST_RELATIVE_VOLUME * box


def check_geometry(volume: VoxelImage, path: Path) -> list[Flag]:
    """Raise errors for grids too small for a head; flag thick or coarse voxels.

    Parameters
    ----------
    volume : VoxelImage
        Any orientation.
    path : Path
        For messages.

    Returns
    -------
    list of Flag
        anisotropic, coarse_resolution.

    Raises
    ------
    VoxelSizeError
        A voxel edge below 0.1 mm or above 6 mm.
    SmallerThanHeadError
        Fewer than 16 voxels or less than 60 mm along an axis, or less than 80 mm along two.
    """
    spacing = volume.spacing_mm
    size = " × ".join(f"{length:.3g}" for length in spacing)
    too_small = spacing.min() < SMALLEST_VOXEL_MM - ROUNDING_MM
    if too_small or spacing.max() > LARGEST_VOXEL_MM + ROUNDING_MM:
        raise VoxelSizeError(
            "{path} has voxels of {size} mm; the voxel size must be between "
            "{smallest_mm} and {largest_mm} mm. Correct the voxel size in the "
            "header, or use a finer scan.",
            path=path,
            size=size,
            smallest_mm=SMALLEST_VOXEL_MM,
            largest_mm=LARGEST_VOXEL_MM,
        )
    extent = np.sort(spacing * volume.array.shape)
    if (
        min(volume.array.shape) < FEWEST_VOXELS
        or extent[0] < SHORTEST_AXIS_MM - ROUNDING_MM
        or extent[1] < SECOND_SHORTEST_AXIS_MM - ROUNDING_MM
    ):
        voxels = " × ".join(map(str, volume.array.shape))
        raise SmallerThanHeadError(
            "{path} is too small for a head: {voxels} voxels of {size} mm. Use a scan of the "
            "whole head.",
            path=path,
            voxels=voxels,
            size=size,
        )
    return _resolution_flags(spacing, size)


def _resolution_flags(spacing: np.ndarray, size: str) -> list[Flag]:
    flags = []
    if spacing.max() > (ANISOTROPIC_RATIO + ROUNDING_MM) * spacing.min():
        message = f"The voxels are far from cubic ({size} mm). Thin structures may be missed."
        flags.append(Flag("anisotropic", message))
    if spacing.max() > COARSE_MM + ROUNDING_MM:
        message = (
            f"The voxels are large ({size} mm). The volume of a 1 cm³ structure is only a "
            "rough estimate."
        )
        flags.append(Flag("coarse_resolution", message))
    return flags


def repair_values(array: np.ndarray, path: Path) -> tuple[np.ndarray, list[Flag]]:
    """Replace NaN and infinity by the smallest finite value.

    Such values usually mark voxels outside a mask, which should be dark. 0 would be bright in a
    scan with zero mean.

    Parameters
    ----------
    array : ndarray, float32
        Modified in place if writeable.
    path : Path
        For messages.

    Returns
    -------
    ndarray
    list of Flag
        repaired_values with their number.

    Raises
    ------
    EmptyImageError
        No finite value, or the same value everywhere.
    """
    finite = np.isfinite(array)
    count = array.size - int(np.count_nonzero(finite))
    lowest = float(np.min(array, where=finite, initial=np.inf))
    highest = float(np.max(array, where=finite, initial=-np.inf))
    if lowest >= highest:
        raise EmptyImageError(
            "{path} is empty: all voxels have the same value. Export the scan again.", path=path
        )
    if count == 0:
        return array, []
    if not array.flags.writeable:
        array = array.copy(order="K")
    array[~finite] = lowest
    message = (
        f"{count} voxels had no valid number (NaN or infinity) and were set to the darkest value."
    )
    return array, [Flag("repaired_values", message)]


def check_spacing(volume: VoxelImage) -> list[Flag]:
    """Flag voxels of exactly 1 mm if the head would then have an impossible length.

    Many programs write 1 × 1 × 1 mm if the true size was lost.
    """
    if np.abs(volume.spacing_mm - 1.0).max() > ROUNDING_MM:
        return []
    lengths, fills = zip(*_bright_lengths(volume.array), strict=True)
    longest = int(np.argmax(lengths))
    length_mm = lengths[longest] * volume.spacing_mm[longest]
    too_short = length_mm < SHORTEST_HEAD_MM and not any(fills)
    if length_mm <= LONGEST_HEAD_MM and not too_short:
        return []
    return [
        Flag(
            "spacing_suspect",
            "The header gives a voxel size of 1 × 1 × 1 mm, but then the head would be "
            f"{length_mm:.0f} mm long. The true voxel size may have been lost. Volumes may be "
            "wrong.",
        )
    ]


def _bright_lengths(array: np.ndarray) -> list[tuple[int, bool]]:
    """Along i, j, k: voxels that the bright content spans, and whether it fills the axis."""
    sparse = array[::SEARCH_STEP_VOXELS, ::SEARCH_STEP_VOXELS, ::SEARCH_STEP_VOXELS]
    above_mean = sparse[sparse > sparse.mean()]
    lowest = float(sparse.min())
    # Between air and tissue, even if air is not 0.
    bright = sparse > lowest + 0.4 * (float(above_mean.mean()) - lowest)
    spans = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        counts = np.count_nonzero(bright, axis=others)
        dense = np.flatnonzero(counts > SPARSE_SHARE * counts.max())
        span = (dense[-1] - dense[0] + 1) * SEARCH_STEP_VOXELS
        spans.append((int(span), bool(span > FILLING_SHARE * array.shape[axis])))
    return spans
