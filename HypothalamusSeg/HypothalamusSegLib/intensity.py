"""Intensity normalisation for the two networks.

Each volume is z-scored by its own mean and standard deviation. Constants of a data set (as in
Vernikouskaya et al. 2025, where all scans come from one protocol) would break on another scanner:
MR intensities have no unit, and here any scanner must do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Voxels below this share of the region's 99th percentile are air or a publisher's empty background.
BACKGROUND_SHARE = 0.03
# Half-width of the Gaussian that weighs voxels around the hypothalamus: a shift of the region by a
# few millimetres then hardly moves mean and deviation, and distant fat and air count little.
REGION_WEIGHT_SD_MM = 10.0
# Voxels above this share of the mean count as head; the background is about half of a volume.
HEAD_SHARE_OF_MEAN = 0.5


def standardise_region(region: Tensor, spacing_mm: float = 1.0) -> Tensor:
    """z-score regions with Gaussian weights around their centres, background left out.

    Parameters
    ----------
    region : Tensor, shape (N, 1, I, J, K)
        Intensities around the hypothalamus, any unit.
    spacing_mm : float
        Isotropic voxel size of the region.

    Returns
    -------
    Tensor, shape (N, 1, I, J, K)
    """
    import torch

    flat = region.flatten(1)
    rank = max(1, int(0.99 * flat.shape[1]))
    bright = flat.kthvalue(rank, dim=1).values.clamp_min(1e-6)
    weight = (region > BACKGROUND_SHARE * bright.view(-1, 1, 1, 1, 1)).float()
    for axis in (2, 3, 4):
        size = region.shape[axis]
        offset_mm = (torch.arange(size, device=region.device) - (size - 1) / 2) * spacing_mm
        shape = [1] * 5
        shape[axis] = size
        weight = weight * torch.exp(-0.5 * (offset_mm / REGION_WEIGHT_SD_MM) ** 2).view(shape)
    axes = (1, 2, 3, 4)
    total = weight.sum(axes, keepdim=True).clamp_min(1e-6)
    mean = (weight * region).sum(axes, keepdim=True) / total
    variance = (weight * (region - mean) ** 2).sum(axes, keepdim=True) / total
    return ((region - mean) / variance.sqrt().clamp_min(1e-6)).clamp(-6, 6)


def standardise_head(head: Tensor) -> Tensor:
    """z-score whole heads over the voxels above half the mean, which leaves the air out.

    Parameters
    ----------
    head : Tensor, shape (N, 1, I, J, K)

    Returns
    -------
    Tensor, shape (N, 1, I, J, K)
    """
    axes = (1, 2, 3, 4)
    inside = (head > HEAD_SHARE_OF_MEAN * head.mean(axes, keepdim=True)).float()
    total = inside.sum(axes, keepdim=True).clamp_min(1.0)
    mean = (inside * head).sum(axes, keepdim=True) / total
    variance = (inside * (head - mean) ** 2).sum(axes, keepdim=True) / total
    return ((head - mean) / variance.sqrt().clamp_min(1e-6)).clamp(-6, 6)
