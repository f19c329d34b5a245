"""The network architecture of both stages: a small residual 3-D U-Net.

This module imports torch at the top. The rest of the package imports torch inside functions only,
so reading a scan, printing help or opening the Slicer panel never waits for it.

Examples
--------
>>> network = ResidualUNet(in_channels=1, out_channels=2, widths=(4, 8))
>>> tuple(network(torch.zeros(1, 1, 8, 8, 8)).shape)
(1, 2, 8, 8, 8)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_GROUPS = 4  # group instead of batch normalization: no statistics of a scanner are stored


class ResidualBlock(nn.Module):
    """Two 3 × 3 × 3 convolutions with group normalization; the second one is residual.

    Parameters
    ----------
    in_channels, out_channels : int
        ``out_channels`` must be a multiple of 4 (the number of normalization groups).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(in_channels, out_channels, 3, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(NORM_GROUPS, out_channels)
        self.second = nn.Conv3d(out_channels, out_channels, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(NORM_GROUPS, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        features = functional.leaky_relu(self.first_norm(self.first(features)), 0.01, inplace=True)
        update = self.second_norm(self.second(features))
        return functional.leaky_relu(update.add_(features), 0.01, inplace=True)


class ResidualUNet(nn.Module):
    """3-D U-Net with summed skips, average pooling and nearest-neighbor upsampling.

    Parameters
    ----------
    in_channels, out_channels : int
    widths : sequence of int
        Channels of each level, finest first; each level halves the grid.
    block : int
        1, or 2: cubes of ``block``³ voxels become channels at the input and voxels again at the
        output, so that the network runs on a grid coarser by that factor (sub-pixel convolution,
        Shi et al. 2016) while input and output keep their resolution.

    Notes
    -----
    Input (N, in_channels, I, J, K), output logits (N, out_channels, I, J, K); I, J and K must be
    multiples of ``block`` · 2 ** (levels − 1).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        widths: Sequence[int],
        block: int = 1,
    ) -> None:
        super().__init__()
        self.block = block
        sizes = [in_channels * block**3, *widths]
        self.encoders = nn.ModuleList(
            ResidualBlock(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        )
        self.expand = nn.ModuleList(
            nn.Conv3d(coarse, fine, 1) for fine, coarse in zip(widths[:-1], widths[1:], strict=True)
        )
        self.decoders = nn.ModuleList(ResidualBlock(w, w) for w in widths[:-1])
        self.head = nn.Conv3d(widths[0], out_channels * block**3, 1)

    def forward(self, image: Tensor) -> Tensor:
        features = fold_voxels_into_channels(image, self.block)
        skips = []
        for level, encoder in enumerate(self.encoders):
            if level:
                features = mean_of_blocks(features)
            features = encoder(features)
            skips.append(features)
        for level in reversed(range(len(self.decoders))):
            upsampled = functional.interpolate(self.expand[level](features), scale_factor=2)
            features = self.decoders[level](skips[level] + upsampled)
        return unfold_channels_into_voxels(self.head(features), self.block)


def mean_of_blocks(features: Tensor) -> Tensor:
    """Mean over blocks of 2 × 2 × 2 voxels, in float32; I, J and K must be even.

    For inference sums of slices: on the CPU, average pooling is slow, and its result must be
    brought back to the order that convolutions want, which takes a fifth of a network's time.
    """
    if torch.is_grad_enabled():
        return functional.avg_pool3d(features.float(), 2)
    features = features.float()
    for axis in (2, 3, 4):
        even, odd = ((slice(None),) * axis + (slice(first, None, 2),) for first in (0, 1))
        features = features[even] + features[odd]
    return features.mul_(1 / 8)


def fold_voxels_into_channels(image: Tensor, factor: int) -> Tensor:
    """Turn (N, C, I, J, K) into (N, C·f³, I/f, J/f, K/f)."""
    if factor == 1:
        return image
    n, c, i, j, k = image.shape
    blocks = image.reshape(n, c, i // factor, factor, j // factor, factor, k // factor, factor)
    folded = blocks.permute(0, 1, 3, 5, 7, 2, 4, 6)
    folded = folded.reshape(n, c * factor**3, i // factor, j // factor, k // factor)
    return folded.contiguous(memory_format=torch.channels_last_3d)


def unfold_channels_into_voxels(features: Tensor, factor: int) -> Tensor:
    """Turn (N, C·f³, I, J, K) into (N, C, I·f, J·f, K·f); undoes `fold_voxels_into_channels`."""
    if factor == 1:
        return features
    n, c, i, j, k = features.shape
    blocks = features.reshape(n, c // factor**3, factor, factor, factor, i, j, k)
    unfolded = blocks.permute(0, 1, 5, 2, 6, 3, 7, 4)
    return unfolded.reshape(n, c // factor**3, i * factor, j * factor, k * factor)
