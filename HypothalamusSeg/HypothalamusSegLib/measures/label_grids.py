"""Labels on the requested grid; posteriors are interpolated before the arg-max.

Interpolating the posteriors, not the labels, gives smooth borders on any grid.

Examples
--------
>>> ulm_grid(np.zeros(3)).shape
(512, 512, 50)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import labels
from ..geometry.voxel_image import Grid, VoxelImage
from ..stages.fine import FineResult, side_labels

# The grid used by the raters of Vernikouskaya et al. 2025: 50 coronal slices.
ULM_SHAPE = (512, 512, 50)
ULM_IN_PLANE_MM, ULM_SLICE_MM = 0.125, 0.5
SLAB_POINTS = 500_000  # sampled at once; limits memory use


def output_grid(name: str, fine: Grid, native: Grid) -> Grid:
    """Create the grid of the hypothalamus labels.

    Parameters
    ----------
    name : {"0.5", "native", "ulm"}
    fine : Grid
        The fine stage's 0.5 mm grid.
    native : Grid
        The input's grid.
    """
    if name == "0.5":
        return fine
    if name == "native":
        return native
    return ulm_grid(fine.centre_mm)


def ulm_grid(centre_mm: np.ndarray) -> Grid:
    """Create 512 × 512 × 50 voxels of 0.125 × 0.125 × 0.5 mm; i right, j up, k posterior."""
    affine = np.eye(4)
    affine[:3, :3] = [
        [ULM_IN_PLANE_MM, 0, 0],
        [0, 0, -ULM_SLICE_MM],
        [0, ULM_IN_PLANE_MM, 0],
    ]
    affine[:3, 3] = centre_mm - affine[:3, :3] @ ((np.array(ULM_SHAPE) - 1) / 2)
    return Grid(ULM_SHAPE, affine)


def hypothalamus_labels(fine: FineResult, grid: Grid) -> VoxelImage:
    """Left and right hypothalamus (1, 2) on a grid, uint8."""
    return _labels_on(fine, grid, side_labels)[0]


def subunit_labels(fine: FineResult, grid: Grid) -> VoxelImage:
    """FreeSurfer subunit labels (801–810) on a grid, uint16; same voxels as the sides."""
    return _labels_on(fine, grid, _subunit_arg_max)[0]


def side_and_subunit_labels(fine: FineResult, grid: Grid) -> tuple[VoxelImage, VoxelImage]:
    """`hypothalamus_labels` and `subunit_labels`; samples the posteriors once for both."""
    sides, subunits = _labels_on(fine, grid, side_labels, _subunit_arg_max)
    return sides, subunits


def _subunit_arg_max(posterior: np.ndarray) -> np.ndarray:
    """Most likely subunit of the more likely side, where that side exceeds the background."""
    side = side_labels(posterior)
    found = np.zeros(side.shape, np.uint16)
    for label, channels in (
        (labels.LEFT, labels.LEFT_CHANNELS),
        (labels.RIGHT, labels.RIGHT_CHANNELS),
    ):
        first = labels.FIRST_SUBUNIT_LABEL + channels.start - 1
        best = posterior[channels].argmax(0) + first
        found[side == label] = best[side == label]
    return found


def _labels_on(fine: FineResult, grid: Grid, *deciding: Callable) -> list[VoxelImage]:
    """Sample the posteriors where the grid overlaps the fine region and label those voxels.

    Each of ``deciding`` turns posteriors (11, I, J, K) into labels (I, J, K).
    """
    if grid is fine.grid:
        return [VoxelImage(decide(fine.posterior), grid.affine) for decide in deciding]
    nowhere = np.zeros((labels.CHANNELS, 0, 0, 0), np.float32)
    found = [np.zeros(grid.shape, decide(nowhere).dtype) for decide in deciding]
    low, high = grid.box_around(fine.grid)
    rows = max(1, SLAB_POINTS // max(1, int(np.prod(high[:2] - low[:2]))))
    for start in range(low[2], high[2], rows):
        stop = min(start + rows, high[2])
        box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(start, stop))
        posterior = _sample(fine, grid, box)
        for array, decide in zip(found, deciding, strict=True):
            array[box] = decide(posterior)
    return [VoxelImage(array, grid.affine) for array in found]


def _sample(fine: FineResult, grid: Grid, box: tuple[slice, slice, slice]) -> np.ndarray:
    """Posteriors (11, …) at the voxel centers of a box of a grid; background outside the region."""
    import torch
    from torch.nn import functional

    to_fine = np.linalg.inv(fine.grid.affine) @ grid.affine
    i, j, k = np.ogrid[box]
    lookup = np.empty((*np.broadcast_shapes(i.shape, j.shape, k.shape), 3), np.float32)
    for axis, (along_i, along_j, along_k, start) in enumerate(to_fine[:3]):
        at = along_i * i + along_j * j + (along_k * k + start)
        # In the order and units of `grid_sample`: z, y, x from -1 to 1.
        lookup[..., 2 - axis] = 2 * at / (fine.grid.shape[axis] - 1) - 1
    source, points = torch.from_numpy(fine.posterior[1:])[None], torch.from_numpy(lookup)[None]
    subunits = functional.grid_sample(source, points, align_corners=True)[0].numpy()
    return np.concatenate([1 - subunits.sum(0, keepdims=True), subunits])
