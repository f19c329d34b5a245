"""Samples of the intracranial border: profiles through a first border, and how far it must move."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from HypothalamusSegLib import coarse_stage
from HypothalamusSegLib.border_profiles import (
    Surface,
    border_distance_mm,
    find_surface,
    moved,
)
from HypothalamusSegLib.errors import HeadNotFoundError
from HypothalamusSegLib.head_box import head_grid
from HypothalamusSegLib.icv_border import border_channels
from HypothalamusSegLib.resampling import resample_linear
from HypothalamusSegLib.volume import Grid, Volume
from torch import Tensor, nn

from .augmentation import normal, smooth_field, uniform
from .head_samples import FINE_SPACING_MM, HeadSamples

# A step takes one surface of a recent image. Drawing an image takes twenty times as long as a step.
RECENT_IMAGES, STEPS_PER_IMAGE = 24, 12
POINTS_PER_SURFACE = 7000
# Images of which less than this is intracranial are cut too far to teach anything.
FEWEST_MM3 = 400_000.0
# Each first border is also shown moved, as a whole and by a smooth field, by so many millimetres.
MOVE_SD_MM, FIELD_SD_MM, FIELD_POINTS, LARGEST_MOVE_MM = 0.3, (0.3, 1.5), (4, 12), 3.0


@dataclass(frozen=True)
class BorderedHead:
    """An image with the border that a coarse network drew, and the true one.

    ``posterior`` and ``icv`` lie on the coarse ``grid``, shape (96, 112, 104); ``wanted_mm`` (N,)
    is how far each point of the surface must move, ``channels`` (N, 3, SAMPLES) what is seen there.
    """

    grid: Grid
    posterior: Tensor
    icv: Tensor
    surface: Surface
    channels: Tensor
    wanted_mm: Tensor

    def tensors(self) -> list[Tensor]:
        return [self.channels, self.surface.points_mm, self.surface.normals, self.wanted_mm]


class BorderSamples:
    """Borders of heads, with the first pass of trained coarse networks.

    Parameters
    ----------
    sources : list of (HeadSamples, Module)
        Heads with intracranial labels at 1 mm, and the ICV network that is to see them: one that
        was not trained on them, or its errors are not those that it makes in a scan.
    """

    def __init__(self, sources: list[tuple[HeadSamples, nn.Module]]) -> None:
        self._sources = sources
        self._recent: deque[list[list[Tensor]]] = deque(maxlen=RECENT_IMAGES)
        self._drawn_from: deque[tuple[Tensor, bool]] = deque(maxlen=RECENT_IMAGES)
        self._steps = 0
        self._validation: list[BorderedHead] = []

    def surface(self, generator: torch.Generator, augment: bool) -> list[Tensor]:
        """Channels (N, 3, SAMPLES), points, normals (N, 3) and wanted displacement (N,)."""
        if len(self._recent) < RECENT_IMAGES or self._steps % STEPS_PER_IMAGE == 0:
            self._draw(generator, augment)
        self._steps += 1
        surfaces = self._recent[_one_of(len(self._recent), generator)]
        return surfaces[_one_of(len(surfaces), generator)]

    def state(self) -> dict:
        """From what the recent images can be drawn again, for `restore`."""
        return {"steps": self._steps, "drawn_from": list(self._drawn_from)}

    def restore(self, state: dict) -> None:
        generator = torch.Generator()
        for drawn_from, augment in state["drawn_from"]:
            generator.set_state(drawn_from)
            self._draw(generator, augment)
        self._steps = state["steps"]

    def validation_heads(self) -> Iterator[BorderedHead]:
        """Whole surfaces of mild images, always the same ones."""
        if not self._validation:
            for heads, coarse in self._sources:
                for image, icv, _, _ in heads.validation_samples():
                    volume, truth = _volume(image), _volume(icv)
                    first = first_pass(volume, truth, coarse)
                    self._validation.append(_bordered(volume, truth, *first))
        yield from self._validation

    def _draw(self, generator: torch.Generator, augment: bool) -> None:
        """Put the surfaces of one more image among the recent ones."""
        drawn_from = generator.get_state()
        sizes = torch.tensor([float(len(heads)) for heads, _ in self._sources])
        heads, coarse = self._sources[int(torch.multinomial(sizes, 1, generator=generator))]
        draw = heads.augmented if augment else heads.plain
        while True:
            image, icv, _, _ = draw(generator)
            if float(icv.sum()) * FINE_SPACING_MM**3 > FEWEST_MM3:
                break
        volume, truth = _volume(image), _volume(icv)
        grid, head, posterior = first_pass(volume, truth, coarse)
        variants = [posterior]
        if augment:
            variants.append(_randomly_moved(posterior, grid, generator))
        surfaces = [_bordered(volume, truth, grid, head, p, generator) for p in variants]
        self._recent.append([bordered.tensors() for bordered in surfaces])
        self._drawn_from.append((drawn_from, augment))


def first_pass(volume: Volume, truth: Volume, coarse: nn.Module) -> tuple[Grid, Tensor, Tensor]:
    """Coarse grid, image and intracranial posterior as the engine has them.

    Where the network finds nothing (it was hardly trained), the truth stands for its posterior.
    """
    try:
        found = coarse_stage.find_head(volume, [coarse], "cpu")
    except HeadNotFoundError:
        grid = head_grid(volume)
        image, posterior = (resample_linear(v, grid) for v in (volume, truth))
    else:
        grid, image, posterior = found.grid, found.image, found.icv_posterior
    return grid, torch.from_numpy(image), torch.from_numpy(posterior)


@torch.no_grad()
def _bordered(
    volume: Volume,
    truth: Volume,
    grid: Grid,
    head: Tensor,
    posterior: Tensor,
    generator: torch.Generator | None = None,
) -> BorderedHead:
    """What is seen and wanted at a posterior's border; with a generator, at some of its points."""
    icv = torch.from_numpy(resample_linear(truth, grid))
    surface = find_surface(posterior, grid)
    if generator:
        picked = torch.randperm(len(surface.voxels), generator=generator)[:POINTS_PER_SURFACE]
        surface = surface.at(picked)
    channels = border_channels(volume, head, posterior, grid, surface)
    wanted_mm = border_distance_mm(
        torch.from_numpy(truth.array), truth.grid, surface.points_mm, surface.normals
    )
    return BorderedHead(grid, posterior, icv, surface, channels, wanted_mm)


def _randomly_moved(posterior: Tensor, grid: Grid, generator: torch.Generator) -> Tensor:
    surface = find_surface(posterior, grid)
    field = smooth_field(
        tuple(posterior.shape), round(uniform(*FIELD_POINTS, generator)), generator
    )
    move = uniform(*FIELD_SD_MM, generator) * field[0] + normal(MOVE_SD_MM, generator)
    move = move.clamp(-LARGEST_MOVE_MM, LARGEST_MOVE_MM)
    return moved(posterior[None], grid, surface, move[tuple(surface.voxels.T)][None])[0]


def _volume(image: Tensor) -> Volume:
    """An image (1, I, J, K) at 1 mm, its centre at the origin."""
    grid = Grid.axis_aligned(np.zeros(3), tuple(image.shape[1:]), FINE_SPACING_MM)
    return Volume(image[0].numpy(), grid.affine)


def _one_of(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
