"""Intensity normalization for both stages.

Each volume is z-scored by its own mean and standard deviation. MR intensities have no unit, so
constants of one data set (as in Vernikouskaya et al. 2025, with a single protocol) would fail on
other scanners.

Examples
--------
>>> import torch
>>> head = torch.rand(1, 1, 8, 8, 8)
>>> torch.allclose(standardise_head(head), standardise_head(250 * head), atol=1e-4)
True
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Voxels below this share of the 99th percentile of the region are air or zeroed background.
BACKGROUND_SHARE = 0.03
# Half-width of the Gaussian weights around the hypothalamus. Shifting the region by a few
# millimeters then hardly changes mean and deviation, and distant fat and air count little.
REGION_WEIGHT_SD_MM = 10.0
# Pure fluid fills 3–20 % of the core of a head's mask in the sixteen label heads. The lower
# quantile lies 3–13 % below its median in all of them; at 0.05 it was brain, 50 % above, where
# ventricles are small. The upper quantile is white matter or near it.
FLUID_QUANTILE, TISSUE_QUANTILE = 0.01, 0.75
FLUID_OVER_QUANTILE = 1.1
# Levels are measured this far inside a first mask, beyond the reach of its errors.
CORE_EROSION_VOXELS = 2
# Where ventricles and sulci are narrow, the core holds less than a hundredth of pure fluid, and its
# quantile is gray matter. At this depth, only ventricles are dark. The fluid level of the core is
# 1.01–1.17 times this deeper quantile in the label heads, and up to 1.4 times in a child and in
# real adults with small ventricles.
DEEP_EROSION_VOXELS, LARGEST_OVER_DEEP = 8, 1.17
LEVEL_SAMPLES = 100_000
FEWEST_VOXELS = 5_000
# Ratio of fluid to tissue at which the coarse networks alone neither lose nor gain volume (label
# heads in cross-validation).
USUAL_FLUID_SHARE = 0.33
# The networks were trained with exponents in about this range.
SMALLEST_EXPONENT, LARGEST_EXPONENT = 0.6, 1.6
# Voxels above this share of the mean are head; about half of a volume is background.
HEAD_SHARE_OF_MEAN = 0.5


def standardise_region(region: Tensor, spacing_mm: float = 1.0) -> Tensor:
    """z-score regions with Gaussian weights around their centers, without background.

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
    """z-score whole heads over the voxels above half the mean, which excludes air.

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


def fluid_and_tissue(head: Tensor, logit: Tensor) -> tuple[Tensor, Tensor]:
    """Measure the levels of fluid and brain tissue within a first intracranial mask.

    Parameters
    ----------
    head : Tensor, shape (N, 1, I, J, K)
        Intensities of any unit.
    logit : Tensor, shape (N, 1, I, J, K)
        Positive within the mask.

    Returns
    -------
    fluid, tissue : Tensor, shape (N, 1, 1, 1, 1)
        Positive, with tissue brighter than fluid; from the whole image if the mask is too small.
    """
    import torch

    core = _erode(logit > 0, CORE_EROSION_VOXELS)
    quantiles = torch.tensor([FLUID_QUANTILE, TISSUE_QUANTILE], device=head.device)
    levels = []
    for one, inside in zip(head, core, strict=True):
        values = one[inside] if inside.any() else one.flatten()
        values = values[:: max(1, values.numel() // LEVEL_SAMPLES)]
        fluid, tissue = torch.quantile(values, quantiles)
        least = 1e-4 * values.abs().mean() + 1e-6
        fluid = (FLUID_OVER_QUANTILE * fluid).clamp_min(least)
        levels.append(torch.stack([fluid, torch.maximum(tissue, fluid + least)]))
    fluid, tissue = torch.stack(levels).view(-1, 2, 1, 1, 1, 1).unbind(1)
    return fluid, tissue


def fluid_within_ventricles(fluid: Tensor, head: Tensor, logit: Tensor) -> Tensor:
    """Lower the fluid level if the ventricles are clearly darker.

    Parameters
    ----------
    fluid : Tensor, shape (N, 1, 1, 1, 1)
        As `fluid_and_tissue` measures it.
    head, logit : Tensor, shape (N, 1, I, J, K)
        As `fluid_and_tissue` takes them.

    Returns
    -------
    Tensor, shape (N, 1, 1, 1, 1)
        ``fluid`` if the mask is too thin to contain ventricles.
    """
    import torch

    deep = _erode(logit > 0, DEEP_EROSION_VOXELS)
    levels = []
    for level, one, inside in zip(fluid.flatten(), head, deep, strict=True):
        values = one[inside]
        if len(values) >= FEWEST_VOXELS:
            values = values[:: max(1, values.numel() // LEVEL_SAMPLES)]
            darkest = torch.quantile(values, FLUID_QUANTILE)
            bound = LARGEST_OVER_DEEP * darkest
            level = torch.where(darkest > 0, torch.minimum(level, bound), level)
        levels.append(level)
    return torch.stack(levels).view(fluid.shape)


def _erode(mask: Tensor, reach: int) -> Tensor:
    """Erode a mask (N, 1, I, J, K) with a cube of 2·reach + 1 voxels; the edge erodes nothing."""
    from torch.nn import functional

    outside = ~mask
    for axis in (2, 3, 4):
        padding = [0] * 6
        padding[2 * (4 - axis)] = padding[2 * (4 - axis) + 1] = reach
        outside = functional.pad(outside, padding)
        # Whether any of the next 1, 2, 4, … voxels is outside, up to the edge of the cube.
        seen, wanted = 1, 2 * reach + 1
        while seen < wanted:
            step = min(seen, wanted - seen)
            left = outside.shape[axis] - step
            outside = outside.narrow(axis, 0, left) | outside.narrow(axis, step, left)
            seen += step
    return ~outside


def set_usual_fluid(head: Tensor, logit: Tensor) -> Tensor:
    """Apply a gamma to the intensities so that the fluid-to-tissue ratio is as usual.

    The coarse networks place the intracranial border by darkness, which varies between scans. On
    images of one head with fluid at 0.15 of the tissue intensity, they lost 6 % of the volume; at
    0.3, none.

    Parameters
    ----------
    head, logit : Tensor, shape (N, 1, I, J, K)
        As `fluid_and_tissue` takes them.

    Returns
    -------
    Tensor, shape (N, 1, I, J, K)
        A power of the intensity (0 where negative); exponent 1 if hardly anything is intracranial.
    """
    import torch

    fluid, tissue = fluid_and_tissue(head, logit)
    exponent = math.log(USUAL_FLUID_SHARE) / (fluid / tissue).clamp(0.01, 0.99).log()
    exponent = exponent.clamp(SMALLEST_EXPONENT, LARGEST_EXPONENT)
    enough = (logit > 0).sum((1, 2, 3, 4), keepdim=True) > FEWEST_VOXELS
    exponent = torch.where(enough, exponent, 1.0)
    return tissue * (head.clamp_min(0) / tissue) ** exponent
