"""Label heads of adults made like a child's: smaller, bent forward, its marrow bright, with a neck.

On a ten-year-old's MPRAGE the ICV networks disagree by 1.5 % (adults: 0.5–1.1 %): the head is
smaller than those they know, bent forward in a coil for adults, its fluid 0.4 of white matter and
its marrow and fat brighter than the brain, and the field of view goes on below the skull.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from HypothalamusSegLib.geometry.head_box import COARSE_SHAPE, COARSE_SPACING_MM, VERTEX_MARGIN_MM
from torch import Tensor

from .augmentation import chance, rotation_matrix, uniform

CHILD_CHANCE = 0.25
# Length relative to an adult's; a ten-year-old has about 0.97, a newborn 0.6.
SCALE = (0.75, 1.1)
# Positive: the chin goes down.
PITCH_DEG = (-8.0, 25.0)
# Intensities of these labels are multiplied: 511 diploë and fat, 507 scalp and soft tissue.
MARROW_LABEL, SCALP_LABEL = 511, 507
MARROW_FACTOR, SCALP_FACTOR = (1.0, 2.0), (1.0, 2.2)
# Fluid over white matter.
FLUID_SHARE = (0.25, 0.45)
NECK_CHANCE = 0.7
FLUID_LABELS, WHITE_LABELS = (24, 4, 5, 14, 15, 43, 44, 72), (2, 41)
# The vertex above the center of the coarse grid, which hangs from it.
VERTEX_MM = COARSE_SHAPE[2] * COARSE_SPACING_MM / 2 - VERTEX_MARGIN_MM


@dataclass(frozen=True)
class ChildHead:
    """How a label head is changed.

    Attributes
    ----------
    scale : float
        Length beside the label head's.
    pitch_deg : float
    marrow, scalp : float
        Factors of intensity.
    fluid : float
        Over white matter.
    has_neck : bool
        Whether the lowest section goes on below the label map.
    """

    scale: float
    pitch_deg: float
    marrow: float
    scalp: float
    fluid: float
    has_neck: bool

    @classmethod
    def draw(cls, generator: torch.Generator) -> ChildHead | None:
        """Some heads become a child's; None: this one does not."""
        if not chance(CHILD_CHANCE, generator):
            return None
        ranges = (SCALE, PITCH_DEG, MARROW_FACTOR, SCALP_FACTOR, FLUID_SHARE)
        return cls(*(uniform(*r, generator) for r in ranges), chance(NECK_CHANCE, generator))

    def points_mm(self, points_mm: Tensor) -> Tensor:
        """Where a smaller, bent head is looked up, shape (3, I, J, K); the vertex stays in place.

        Parameters
        ----------
        points_mm : Tensor, shape (3, I, J, K)
            From the center of the coarse grid; returned likewise.
        """
        turn = rotation_matrix((math.radians(self.pitch_deg), 0.0, 0.0))
        vertex = torch.tensor([0.0, 0.0, VERTEX_MM]).view(3, 1, 1, 1)
        bent = torch.einsum("ab,bijk->aijk", turn.to(points_mm.dtype), points_mm)
        return (bent - vertex) / self.scale + vertex

    def means(self, means: Tensor, numbers: list[int]) -> Tensor:
        """Mean intensities by label with this child's fluid, marrow and scalp.

        Parameters
        ----------
        means : Tensor, shape (L,)
        numbers : list of int
            The label of each; as they were where there is no white matter or no fluid.
        """
        by_number = dict(zip(numbers, means.tolist(), strict=True))
        white = [by_number[n] for n in WHITE_LABELS if n in by_number]
        fluid = [by_number[n] for n in FLUID_LABELS if n in by_number]
        factors = {MARROW_LABEL: self.marrow, SCALP_LABEL: self.scalp}
        if white and fluid and fluid[0] > 0:
            factors |= dict.fromkeys(FLUID_LABELS, self.fluid * white[0] / fluid[0])
        return means * torch.tensor([factors.get(n, 1.0) for n in numbers])
