"""Samples of the intracranial border: crops of what the coarse stage saw, with its answer."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from HypothalamusSegLib import intensity
from HypothalamusSegLib.icv_border import border_channels, first_logit
from torch import Tensor, nn
from torch.nn import functional

from .augmentation import chance, uniform
from .head_samples import HeadSamples

CROP_VOXELS = 32
CROPS_PER_IMAGE = 8
# Crops are centred on the border, but for this many voxels either way.
CROP_SHIFT_VOXELS = 6
# Images of which less than this is intracranial (0.4 L at 2 mm) are cut too far to teach anything.
FEWEST_VOXELS = 50_000
# The first pass is grown or shrunk by up to two voxels in so many crops: the networks shall learn
# to move a border that lies far off, which it does in few images and then matters most.
MOVE_CHANCE, MOVE_VOXELS = 0.5, 2


class BorderSamples:
    """Crops around the intracranial border, with the first pass of a trained coarse network.

    Parameters
    ----------
    heads : HeadSamples
        Some with an intracranial label.
    coarse : Module
        The ICV network of the same fold.
    """

    def __init__(self, heads: HeadSamples, coarse: nn.Module) -> None:
        self._heads = heads
        self._coarse = coarse

    def crops(self, count: int, generator: torch.Generator, augment: bool) -> tuple[Tensor, Tensor]:
        """Channels (count, 4, 32, 32, 32) and intracranial share (count, 1, 32, 32, 32)."""
        drawn: list[tuple[Tensor, Tensor]] = []
        while len(drawn) < count:
            image, icv = self._labelled_image(generator, augment)
            channels = border_channels(image, self.first_pass(image))
            border = ((icv[0] - 0.5).abs() < 0.49).nonzero()
            if not len(border):
                continue
            for _ in range(min(CROPS_PER_IMAGE, count - len(drawn))):
                centre = border[int(torch.randint(len(border), (), generator=generator))]
                crop = (..., *_crop_around(centre, icv.shape[1:], generator))
                first = channels[0][crop]
                if augment and chance(MOVE_CHANCE, generator):
                    first = torch.cat([_moved(first[:1], generator), first[1:]])
                drawn.append((first, icv[crop]))
        channels, icv = zip(*drawn, strict=True)
        return torch.stack(channels), torch.stack(icv)

    def validation_samples(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Channels (1, 4, …) and intracranial share (1, 1, …) of whole heads, always the same."""
        for image, icv, known, _ in self._heads.validation_samples():
            if known:
                image = image[None]
                yield border_channels(image, self.first_pass(image)), icv[None]

    def _labelled_image(self, generator: torch.Generator, augment: bool) -> tuple[Tensor, Tensor]:
        draw = self._heads.augmented if augment else self._heads.plain
        while True:
            image, icv, known, _ = draw(generator)
            if known and float(icv.sum()) > FEWEST_VOXELS:
                return image[None], icv

    @torch.no_grad()
    def first_pass(self, image: Tensor) -> Tensor:
        """The coarse network's ICV logit, shape (1, 1, I, J, K)."""
        head = intensity.standardise_head(image).contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self._coarse(head)
        return first_logit(logits[:, :1].float().sigmoid())


def _crop_around(
    centre: Tensor, shape: tuple[int, ...], generator: torch.Generator
) -> tuple[slice, ...]:
    crop = []
    for at, size in zip(centre.tolist(), shape, strict=True):
        shift = round(uniform(-CROP_SHIFT_VOXELS, CROP_SHIFT_VOXELS, generator))
        low = min(max(0, at - CROP_VOXELS // 2 + shift), size - CROP_VOXELS)
        crop.append(slice(low, low + CROP_VOXELS))
    return tuple(crop)


def _moved(logit: Tensor, generator: torch.Generator) -> Tensor:
    """A logit (1, I, J, K) whose mask is larger or smaller by parts of a voxel to some voxels."""
    reach = 1 + int(uniform(0, MOVE_VOXELS, generator))
    sign = 1 if chance(0.5, generator) else -1
    moved = sign * functional.max_pool3d(sign * logit, 2 * reach + 1, stride=1, padding=reach)
    return torch.lerp(logit, moved, uniform(0, 1, generator))
