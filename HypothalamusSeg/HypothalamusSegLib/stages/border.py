"""Refine the border of the intracranial volume at the resolution of the scan.

The coarse networks see the head at 2 mm and place the border by shape, to about a millimeter.
Fluid and bone are both dark on T1, their darkness varies between scans, and bone can be only a
millimeter thick. The exact border is visible on profiles across it, sampled from the scan and
scaled to its fluid and tissue levels (FSL's betsurf finds the inner skull on such profiles,
Jenkinson et al. 2005). Small networks predict from these profiles how far the border must move.

Examples
--------
>>> import torch
>>> agreement(torch.zeros(5, 2)).tolist()
[1.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.resampling import smooth_part
from ..geometry.voxel_image import Grid, VoxelImage
from .border_profiles import find_surface, move_border, sample_profiles
from .intensity import fluid_and_tissue, fluid_within_ventricles

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .border_profiles import Surface

CHANNELS = ("fluid_and_below", "fluid_to_tissue", "logarithm")
# The networks were trained at this voxel size; finer scans are smoothed to it.
PROFILE_RESOLUTION_MM = 1.0
FEWEST_POINTS = 100
# If the networks differ by more than this (standard deviation), the border is not moved. In label
# heads, nine of ten points are below 0.4 mm; at the skull base of a child, 2 mm.
TRUSTED_SPREAD_MM, TRUST_POWER = 1.2, 8


def profile_channels(seen: Tensor, tissue: Tensor) -> Tensor:
    """Compute the network input: shape (N, 3, SAMPLES), in the order of ``CHANNELS``.

    The first channel runs from −2 (black) to 0 below the fluid level, the second from 0 (fluid) to
    1 (tissue). The last is the logarithm of intensity over fluid.

    Parameters
    ----------
    seen : Tensor, shape (N, SAMPLES)
        Intensities relative to the fluid level of the scan.
    tissue : Tensor
        Level of brain tissue in the same unit, above 1.
    """
    import torch

    above = (seen - 1) / (tissue - 1)
    return torch.stack(
        [(2 * seen - 2).clamp(-2, 2), above.clamp(-1, 2), seen.clamp(0.05, 20).log()], 1
    )


def sample_profiles_in_fluid(
    volume: VoxelImage, image: Tensor, posterior: Tensor, grid: Grid, surface: Surface
) -> tuple[Tensor, Tensor]:
    """Sample profiles across the border of a posterior, relative to the fluid level of the scan.

    Parameters
    ----------
    volume : VoxelImage
        The scan, on any grid and in any unit.
    image, posterior : Tensor, shape ``grid.shape``
        The scan on the coarse grid, and the posterior used to measure its fluid level.
    grid : Grid
    surface : Surface
        Of the posterior.

    Returns
    -------
    seen : Tensor, shape (N, SAMPLES)
    tissue : Tensor, shape (1,)
        As `profile_channels` takes them.
    """
    import torch

    head, inside = image[None, None], posterior[None, None] - 0.5
    fluid, tissue = fluid_and_tissue(head, inside)
    fluid = fluid_within_ventricles(fluid, head, inside).flatten()
    tissue = tissue.flatten()
    part = smooth_part(volume, grid, PROFILE_RESOLUTION_MM)
    scan = torch.from_numpy(part.array).to(posterior.device)
    return sample_profiles(scan, part.grid, surface) / fluid, tissue / fluid


def refine(
    networks: Sequence[nn.Module],
    volume: VoxelImage,
    grid: Grid,
    image: np.ndarray,
    folds: np.ndarray,
    device: str,
) -> np.ndarray:
    """Correct the border of the intracranial posterior of each fold.

    Parameters
    ----------
    networks : sequence of Module
        One per fold; all use the profiles across the border of the mean of the folds.
    volume : VoxelImage
        The scan.
    grid : Grid
        The coarse grid.
    image : ndarray, shape ``grid.shape``
        The scan on the coarse grid.
    folds : ndarray, shape (F, *grid.shape)
        Posteriors of the first pass.
    device : str

    Returns
    -------
    ndarray of float32, shape (F, *grid.shape)
        Same as ``folds`` away from the border, or if hardly anything was found.
    """
    import torch

    with torch.inference_mode():
        first = torch.from_numpy(folds).to(device)
        mean = first.mean(0)
        surface = find_surface(mean, grid, thinned=True)
        if len(surface.voxels) < FEWEST_POINTS:
            return folds
        head = torch.from_numpy(image).to(device)
        channels = profile_channels(*sample_profiles_in_fluid(volume, head, mean, grid, surface))
        displacements_mm = torch.stack(
            [network(channels, surface.points_mm, surface.normals) for network in networks]
        )
        trusted_mm = displacements_mm * agreement(displacements_mm)
        return move_border(first, grid, surface, trusted_mm).cpu().numpy()


def agreement(displacements_mm: Tensor) -> Tensor:
    """Weight of displacements of shape (F, N): 1 where the folds agree, 0 where they do not.

    Returns
    -------
    Tensor, shape (N,)
        1 for a single fold.
    """
    spread_mm = displacements_mm.std(0, correction=0)
    return 1 / (1 + (spread_mm / TRUSTED_SPREAD_MM) ** TRUST_POWER)
