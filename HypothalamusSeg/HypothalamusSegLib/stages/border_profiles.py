"""Surfaces of a posterior, profiles across them, and displacement along the normals.

All in torch. Points are RAS in millimeters; normals are unit vectors pointing outward.

Examples
--------
>>> import torch
>>> grid = Grid((2, 2, 2), np.eye(4))
>>> image = torch.arange(8.0).reshape(2, 2, 2)
>>> sample(image, grid, torch.tensor([[[0.5, 0.5, 0.5]]])).item()
3.5
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.voxel_image import Grid

if TYPE_CHECKING:
    from torch import Tensor

STEP_MM, HALF_LENGTH_MM = 0.5, 8.0
SAMPLES = 2 * round(HALF_LENGTH_MM / STEP_MM) + 1
# Search distance around each point, and step size.
SEARCH_MM, SEARCH_STEP_MM = 4.0, 0.25
NORMAL_SMOOTHING_VOXELS = 1.5
# Smoothing length of displacements on the surface, and their reach from the surface.
DISPLACEMENT_SMOOTHING_VOXELS = 1.0
# Gaussians are truncated at one hundredth of their peak.
CUT_AT_DEVIATIONS = 3.0
LEAST_WEIGHT = 1e-3
# Every second point of the surface of a head at 2 mm: 6,000–9,000 points.
MOST_POINTS = 20_000
# This close to the edge of the grid, a mask ends only because the grid ends.
EDGE_VOXELS = 2


@dataclass(frozen=True)
class Surface:
    """The surface where a posterior crosses one half, without the edge of its grid.

    Attributes
    ----------
    posterior : Tensor, shape (I, J, K)
    grid : Grid
    voxels : Tensor of int, shape (N, 3)
        Voxels of the grid that are inside and have a neighbor outside.
    smooth : Tensor, shape (I, J, K)
        The posterior, smoothed: it falls along the normals.
    """

    posterior: Tensor
    grid: Grid
    voxels: Tensor
    smooth: Tensor

    @cached_property
    def normals(self) -> Tensor:
        """Outward normal at each of the voxels, shape (N, 3)."""
        return _normals(self.smooth, self.voxels)

    @cached_property
    def points_mm(self) -> Tensor:
        """Border point near each of the voxels, shape (N, 3)."""
        origin, spacing = _origin_and_spacing(self.posterior, self.grid)
        points, normals = origin + spacing * self.voxels, self.normals
        distance_mm = border_distance_mm(self.posterior, self.grid, points, normals)
        return points + distance_mm[:, None] * normals

    def at(self, picked: Tensor) -> Surface:
        """Select points by index."""
        return replace(self, voxels=self.voxels[picked])


def find_surface(posterior: Tensor, grid: Grid, thinned: bool = False) -> Surface:
    """Find the surface of a posterior, shape ``grid.shape``, on a grid along the RAS axes.

    If thinned, every second point is kept; this is enough because displacements are smoothed over
    a longer distance. The number of points is limited to ``MOST_POINTS``, for input that is not a
    head and has surfaces everywhere.
    """
    voxels = _find_border_voxels(posterior > 0.5).nonzero()
    if thinned:
        voxels = voxels[voxels.sum(1) % 2 == 0]
        voxels = voxels[:: max(1, math.ceil(len(voxels) / MOST_POINTS))]
    smooth = _smooth(posterior[None], NORMAL_SMOOTHING_VOXELS)[0]
    return Surface(posterior, grid, voxels, smooth)


def border_distance_mm(posterior: Tensor, grid: Grid, points: Tensor, normals: Tensor) -> Tensor:
    """Distance along the normals to the end of a posterior, (N,), positive outward, up to 4 mm.

    Uses the length inside, not the first crossing, so that the sum over a surface matches the
    volume.
    """
    import torch

    count = round(2 * SEARCH_MM / SEARCH_STEP_MM)
    steps = (torch.arange(count, device=points.device) + 0.5) * SEARCH_STEP_MM - SEARCH_MM
    inside = sample(posterior, grid, points[:, None] + steps[:, None] * normals[:, None])
    return inside.sum(1) * SEARCH_STEP_MM - SEARCH_MM


def sample_profiles(image: Tensor, grid: Grid, surface: Surface) -> Tensor:
    """Sample intensities along the normals, shape (N, SAMPLES), inside first."""
    import torch

    steps = STEP_MM * torch.arange(SAMPLES, device=image.device) - HALF_LENGTH_MM
    points = surface.points_mm[:, None] + steps[:, None] * surface.normals[:, None]
    return sample(image, grid, points)


def sample(image: Tensor, grid: Grid, points_mm: Tensor) -> Tensor:
    """Interpolate an image (I, J, K) at points (N, M, 3); outside, use the nearest value."""
    import torch
    from torch.nn import functional

    inverse = np.linalg.inv(grid.affine)
    matrix, offset = (
        torch.tensor(part, dtype=torch.float32, device=image.device)
        for part in (inverse[:3, :3].T, inverse[:3, 3])
    )
    last = torch.tensor(image.shape, dtype=torch.float32, device=image.device) - 1
    where = 2 * (points_mm @ matrix + offset) / last.clamp_min(1) - 1
    return functional.grid_sample(
        image[None, None], where.flip(-1)[None, None], align_corners=True, padding_mode="border"
    )[0, 0, 0]


def move_border(
    posteriors: Tensor, grid: Grid, surface: Surface, displacements_mm: Tensor
) -> Tensor:
    """Move the borders of posteriors along the normals of one surface.

    Parameters
    ----------
    posteriors : Tensor, shape (F, I, J, K)
    grid : Grid
    surface : Surface
    displacements_mm : Tensor, shape (F, N)
        Displacements of the surface points, for each posterior; they are smoothed first.

    Returns
    -------
    Tensor, shape (F, I, J, K)
        Unchanged away from the surface.
    """
    import torch

    low, box = _box_around(surface.voxels, posteriors.shape[1:])
    known = posteriors.new_zeros(1 + len(posteriors), *box)
    at = tuple((surface.voxels - low).T)
    known[0][at] = 1.0
    for image, displacement_mm in zip(known[1:], displacements_mm, strict=True):
        image[at] = displacement_mm
    weight, *totals = _smooth(known, DISPLACEMENT_SMOOTHING_VOXELS)
    near = (weight > LEAST_WEIGHT).nonzero()
    within = tuple(near.T)
    voxels = near + low
    here = tuple(voxels.T)
    origin, spacing = _origin_and_spacing(posteriors, grid)
    normals = _normals(surface.smooth, voxels)
    found = posteriors.clone()
    for posterior, answer, total in zip(posteriors, found, totals, strict=True):
        distance_mm = (total[within] / weight[within])[:, None]
        points = origin + spacing * voxels - distance_mm * normals
        moved_there = sample(posterior, grid, points[:, None])[:, 0]
        answer[here] = torch.where(distance_mm[:, 0] != 0, moved_there, posterior[here])
    return found


def _box_around(voxels: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, tuple[int, ...]]:
    """First voxel and size of the box affected by the displacements."""
    import torch

    reach = _cut_voxels(DISPLACEMENT_SMOOTHING_VOXELS)
    low = (voxels.amin(0) - reach).clamp_min(0)
    high = torch.minimum(voxels.amax(0) + reach + 1, torch.tensor(shape, device=voxels.device))
    return low, tuple((high - low).tolist())


def _find_border_voxels(inside: Tensor) -> Tensor:
    import torch

    found = torch.zeros_like(inside)
    for axis, n in enumerate(inside.shape):
        lower, upper = (inside.narrow(axis, start, n - 1) for start in (0, 1))
        found.narrow(axis, 0, n - 1).logical_or_(lower & ~upper)
        found.narrow(axis, 1, n - 1).logical_or_(upper & ~lower)
    for axis, n in enumerate(inside.shape):
        found.narrow(axis, 0, EDGE_VOXELS).fill_(False)
        found.narrow(axis, n - EDGE_VOXELS, EDGE_VOXELS).fill_(False)
    return found


def _normals(smooth: Tensor, voxels: Tensor) -> Tensor:
    """Unit vectors along which a smooth image falls at voxels (N, 3); 0 where it is flat."""
    import torch

    slopes = []
    for axis, count in enumerate(smooth.shape):
        before, after = voxels.clone(), voxels.clone()
        before[:, axis].sub_(1).clamp_(min=0)
        after[:, axis].add_(1).clamp_(max=count - 1)
        difference = smooth[tuple(before.T)] - smooth[tuple(after.T)]
        slopes.append(difference / (after - before)[:, axis])
    gradient = torch.stack(slopes, 1)
    length = gradient.norm(dim=1, keepdim=True)
    return torch.where(length > 1e-3, gradient / length.clamp_min(1e-3), 0.0)


def _smooth(images: Tensor, sigma_voxels: float) -> Tensor:
    """Gaussian smoothing of (N, I, J, K), 0 outside."""
    import torch
    from torch.nn import functional

    reach = _cut_voxels(sigma_voxels)
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma_voxels) ** 2)
    weights = (weights / weights.sum()).tolist()
    for axis in (1, 2, 3):
        # Sum of shifted images: faster than a convolution for one channel.
        n = images.shape[axis]
        padding = [0] * 6
        padding[2 * (3 - axis)] = padding[2 * (3 - axis) + 1] = reach
        padded = functional.pad(images, padding)
        images = padded.narrow(axis, 0, n) * weights[0]
        for shift, weight in enumerate(weights[1:], start=1):
            images.add_(padded.narrow(axis, shift, n), alpha=weight)
    return images


def _cut_voxels(sigma_voxels: float) -> int:
    return int(CUT_AT_DEVIATIONS * sigma_voxels + 0.5)


def _origin_and_spacing(posterior: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    import torch

    to = {"dtype": posterior.dtype, "device": posterior.device}
    return torch.tensor(grid.affine[:3, 3], **to), torch.tensor(grid.spacing_mm, **to)
