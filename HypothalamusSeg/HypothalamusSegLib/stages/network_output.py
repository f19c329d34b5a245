"""What the networks found in one scan.

Examples
--------
>>> found = segmenter.run_stages(scan.volume)  # doctest: +SKIP
>>> found.coarse.icv_mm3  # doctest: +SKIP
1501123.4
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..geometry.voxel_image import VoxelImage
from .coarse import CoarseResult
from .fine import FineResult


class StageResults(NamedTuple):
    """Results of the two stages.

    ``volume`` is the scan with the head upright: rotated by ``rotation``, or unchanged if that is
    None.
    """

    volume: VoxelImage
    rotation: np.ndarray | None
    coarse: CoarseResult
    fine: FineResult | None
