"""Borders to learn from: an image, the border a coarse network draws in it, and the true one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from HypothalamusSegLib.errors import HeadNotFoundError
from HypothalamusSegLib.geometry.head_box import head_grid
from HypothalamusSegLib.geometry.resampling import resample_linear
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.stages.border import profile_channels, sample_profiles_in_fluid
from HypothalamusSegLib.stages.border_profiles import (
    Surface,
    border_distance_mm,
    find_surface,
    move_border,
)
from HypothalamusSegLib.stages.coarse import find_head
from torch import Tensor, nn

from .augmentation import normal, smooth_field, uniform
from .head_samples import FINE_SPACING_MM, HeadSamples

POINTS_PER_BORDER = 7000
# Images with a smaller intracranial share are cropped too far to teach anything.
FEWEST_MM3 = 400_000.0
# Each first border is also shown moved, as a whole and by a smooth field, by up to this many
# millimeters.
MOVE_SD_MM, FIELD_SD_MM, FIELD_POINTS, LARGEST_MOVE_MM = 0.3, (0.3, 1.5), (4, 12), 3.0
# The fluid's level is measured in the ventricles, less well where they are small; and scanners
# differ in how intensity increases from bone to tissue. Standard deviations of logarithms.
FLUID_ERROR_SD, BEND_SD = 0.12, 0.2


@dataclass(frozen=True)
class Border:
    """Points of a border that a coarse network drew, what is seen there and what is wanted.

    Attributes
    ----------
    seen : Tensor, shape (N, SAMPLES)
        Profiles in units of the scan's fluid.
    tissue : Tensor, shape (1,)
        In the same unit.
    points_mm, normals : Tensor, shape (N, 3)
    wanted_mm : Tensor, shape (N,)
        How far each point must move along its normal.
    """

    seen: Tensor
    tissue: Tensor
    points_mm: Tensor
    normals: Tensor
    wanted_mm: Tensor

    def with_other_levels(self, generator: torch.Generator) -> Border:
        """As in a scan of another contrast, its fluid measured a little too bright or too dark."""
        error, exponent = (math.exp(normal(sd, generator)) for sd in (FLUID_ERROR_SD, BEND_SD))
        seen, tissue = (
            (error * level.clamp_min(0)) ** exponent for level in (self.seen, self.tissue)
        )
        # Profiles below zero are an interpolation's overshoot; tissue stays brighter than fluid.
        return replace(self, seen=seen, tissue=tissue.clamp_min(1.05))

    def batch(self) -> list[Tensor]:
        """What a profile network takes, and the wanted displacements."""
        channels = profile_channels(self.seen, self.tissue)
        return [channels, self.points_mm, self.normals, self.wanted_mm]


@dataclass(frozen=True)
class FirstPass:
    """A scan as the engine has it before the border is corrected, and the true mask.

    ``image`` and ``posterior`` have the shape of the coarse ``grid``.
    """

    volume: VoxelImage
    truth: VoxelImage
    grid: Grid
    image: Tensor
    posterior: Tensor

    @torch.no_grad()
    def border(self, surface: Surface, posterior: Tensor) -> Border:
        seen = sample_profiles_in_fluid(self.volume, self.image, posterior, self.grid, surface)
        wanted_mm = border_distance_mm(
            torch.from_numpy(self.truth.array), self.truth.grid, surface.points_mm, surface.normals
        )
        return Border(*seen, surface.points_mm, surface.normals, wanted_mm)


@dataclass(frozen=True)
class WholeBorder:
    """An image's border as the engine sees it, to be corrected and compared with the true mask.

    ``posterior`` and ``icv`` have the shape of the coarse ``grid``.
    """

    grid: Grid
    posterior: Tensor
    icv: Tensor
    surface: Surface
    border: Border

    @classmethod
    def of(cls, first: FirstPass) -> WholeBorder:
        surface = find_surface(first.posterior, first.grid, thinned=True)
        icv = torch.from_numpy(resample_linear(first.truth, first.grid))
        border = first.border(surface, first.posterior)
        return cls(first.grid, first.posterior, icv, surface, border)

    def correct(self, displacement_mm: Tensor) -> Tensor:
        """The posterior, its border moved by so much (N,) along the normals."""
        return move_border(self.posterior[None], self.grid, self.surface, displacement_mm[None])[0]


def first_pass(image: Tensor, icv: Tensor, coarse: nn.Module) -> FirstPass:
    """Let a coarse network see an image (1, I, J, K) at 1 mm with its mask.

    Where the network finds nothing (it was hardly trained), the truth stands for its posterior.
    """
    volume, truth = _volume(image), _volume(icv)
    try:
        found = find_head(volume, [coarse], "cpu", as_it_lies=True)
    except HeadNotFoundError:
        grid = head_grid(volume)
        head, posterior = (resample_linear(v, grid) for v in (volume, truth))
    else:
        grid, head, posterior = found.grid, found.image, found.icv_posterior
    return FirstPass(volume, truth, grid, torch.from_numpy(head), torch.from_numpy(posterior))


def draw_borders(
    heads: HeadSamples, coarse: nn.Module, mild: bool, generator: torch.Generator
) -> list[Border]:
    """Draw an image of one of the heads: its border as found, and moved at random."""
    draw = heads.draw_plain if mild else heads.draw_augmented
    while True:
        image, icv, _, _ = draw(generator)
        if float(icv.sum()) * FINE_SPACING_MM**3 > FEWEST_MM3:
            break
    first = first_pass(image, icv, coarse)
    found = find_surface(first.posterior, first.grid)
    elsewhere = _move_randomly(first.posterior, first.grid, found, generator)
    borders = []
    for posterior, surface in (
        (first.posterior, found),
        (elsewhere, find_surface(elsewhere, first.grid)),
    ):
        picked = torch.randperm(len(surface.voxels), generator=generator)[:POINTS_PER_BORDER]
        borders.append(first.border(surface.at(picked), posterior))
    return borders


def _move_randomly(
    posterior: Tensor, grid: Grid, surface: Surface, generator: torch.Generator
) -> Tensor:
    field = smooth_field(
        tuple(posterior.shape), round(uniform(*FIELD_POINTS, generator)), generator
    )
    move = uniform(*FIELD_SD_MM, generator) * field[0] + normal(MOVE_SD_MM, generator)
    move = move.clamp(-LARGEST_MOVE_MM, LARGEST_MOVE_MM)
    return move_border(posterior[None], grid, surface, move[tuple(surface.voxels.T)][None])[0]


def _volume(image: Tensor) -> VoxelImage:
    """An image (1, I, J, K) at 1 mm, its center at the origin."""
    grid = Grid.axis_aligned(np.zeros(3), tuple(image.shape[1:]), FINE_SPACING_MM)
    return VoxelImage(image[0].numpy(), grid.affine)
