"""Agreement of networks with a rater on a case that they were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.masks import dice
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.measures import label_grids
from HypothalamusSegLib.stages.fine import FineResult, segment_in_frame
from torch import nn

from .looks import Look
from .targets import WHOLE, side_masks


@dataclass(frozen=True)
class CaseScore:
    """One case, one ensemble.

    Attributes
    ----------
    dice : float
        Of the rater's own masks: mean of both sides, or of the whole where only that was drawn.
    found_mm3, label_mm3 : float
        Posterior-weighted volume as the engine reports it; volume of the label.
    """

    dice: float
    found_mm3: float
    label_mm3: float

    @property
    def volume_percent(self) -> float:
        return 100 * (self.found_mm3 / self.label_mm3 - 1)

    @property
    def log_ratio(self) -> float:
        return float(np.log(max(self.found_mm3, 1.0) / self.label_mm3))


def segment_look(look: Look, networks: Sequence[nn.Module]) -> FineResult:
    """Run networks where the parent has looked."""
    shape = look.regions.shape[1:]
    return segment_in_frame(list(look.regions), look.frame, look.settled, networks, shape, "cpu")


def score_case(fine: FineResult, label: VoxelImage, kind: str) -> CaseScore:
    """Compare a result with the rater's label on the label's own grid.

    Parameters
    ----------
    fine : FineResult
    label : VoxelImage
        In the upright world of the result.
    kind : {"whole", "sides", "subunits"}
    """
    array = np.asarray(label.array)
    masks = side_masks(array, kind)
    found = label_grids.hypothalamus_labels(fine, label.grid).array
    if kind == WHOLE:
        pairs = [(found > 0, masks[0])]
    else:
        half = len(masks) // 2
        drawn = [np.any(masks[:half], axis=0), np.any(masks[half:], axis=0)]
        pairs = list(zip([found == labels.LEFT, found == labels.RIGHT], drawn, strict=True))
    voxel_mm3 = label.voxel_volume_mm3
    return CaseScore(
        dice=float(np.mean([dice(a, b) for a, b in pairs])),
        found_mm3=float(fine.posterior[1:].sum(dtype=np.float64)) * fine.grid.voxel_volume_mm3,
        label_mm3=float(sum(mask.sum() for _, mask in pairs)) * voxel_mm3,
    )
