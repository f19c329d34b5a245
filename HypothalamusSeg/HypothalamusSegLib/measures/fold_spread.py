"""Where the networks disagree, voxel by voxel: for looking at, not for measuring.

Examples
--------
>>> one, other = np.zeros((11, 1, 1, 1)), np.zeros((11, 1, 1, 1))
>>> one[0], other[1] = 1, 1  # background, left
>>> spread_of_sides(np.stack([one, other])).round(3).ravel().tolist()
[0.707]
"""

from __future__ import annotations

import numpy as np

from ..geometry.voxel_image import VoxelImage
from ..stages.fine import FineResult, side_posteriors

PER_MILLE = 1000


def measure_spread(fine: FineResult) -> VoxelImage | None:
    """Spread of the networks around the hypothalamus, in per mille of posterior.

    Returns
    -------
    VoxelImage or None
        uint16, on the 0.5 mm grid of the fine stage: 0 where all networks agree and away from the
        hypothalamus, 548 where five could not differ more. None with a single fold.
    """
    if len(fine.fold_posteriors) < 2:
        return None
    spread = spread_of_sides(fine.fold_posteriors)
    # Far from what was kept of the mean posterior, single networks may see anything.
    spread[fine.posterior[1:].sum(0) == 0] = 0
    return VoxelImage(np.round(PER_MILLE * spread).astype(np.uint16), fine.grid.affine)


def spread_of_sides(fold_posteriors: np.ndarray) -> np.ndarray:
    """Sample standard deviation over the folds of the posterior of a side, the larger of both.

    Parameters
    ----------
    fold_posteriors : ndarray, shape (F, 11, …)

    Returns
    -------
    ndarray, shape (…)
    """
    sides = np.stack([side_posteriors(posterior) for posterior in fold_posteriors])
    return sides.std(axis=0, ddof=1).max(axis=0)
