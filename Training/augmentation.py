"""Random changes of shape and intensity, in torch, for images and their labels alike.

Rotation, scaling, shift, mirror and elastic field are one warp here, so that image and labels are
each interpolated once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class SpatialRange:
    """Strength of the random warp; angles in degrees, lengths in millimeters."""

    rotation_sd: float
    scale_sd: float
    shift: float
    elastic_sd: tuple[float, float]
    elastic_points: int

    def at_strength(self, strength: float) -> SpatialRange:
        """All but the shift, which costs no sharpness, made weaker by a factor."""
        low, high = self.elastic_sd
        return SpatialRange(
            rotation_sd=strength * self.rotation_sd,
            scale_sd=strength * self.scale_sd,
            shift=self.shift,
            elastic_sd=(strength * low, strength * high),
            elastic_points=self.elastic_points,
        )


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def normal(sd: float, generator: torch.Generator) -> float:
    return sd * float(torch.randn((), generator=generator))


def chance(probability: float, generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < probability


def smooth_field(
    shape: tuple[int, ...], points: int, generator: torch.Generator, channels: int = 1
) -> Tensor:
    """Gaussian noise of unit deviation on ``points``³ knots, interpolated; (channels, *shape)."""
    knots = torch.randn(1, channels, points, points, points, generator=generator)
    return functional.interpolate(knots, shape, mode="trilinear", align_corners=True)[0]


def rotation_matrix(angles_rad: tuple[float, float, float]) -> Tensor:
    """Rotation about x, then y, then z."""
    return torch.from_numpy(Rotation.from_euler("xyz", angles_rad).as_matrix()).float()


def warped_points(
    shape: tuple[int, int, int],
    spacing_mm: float,
    strength: SpatialRange,
    generator: torch.Generator,
    mirrored: bool | None = None,
) -> tuple[Tensor, bool]:
    """Where each voxel of a grid looks up its value, in millimeters from the source's center.

    ``mirrored`` says whether left and right are exchanged; None: at random.

    Returns
    -------
    points_mm : Tensor, shape (3, I, J, K)
    mirrored : bool
        True if left and right are exchanged: the labels' sides must be swapped too.
    """
    axes = [(torch.arange(n) - (n - 1) / 2) * spacing_mm for n in shape]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    angles = [math.radians(normal(strength.rotation_sd, generator)) for _ in range(3)]
    scale = torch.tensor([math.exp(normal(strength.scale_sd, generator)) for _ in range(3)])
    if mirrored is None:
        mirrored = chance(0.5, generator)
    matrix = rotation_matrix(tuple(angles)) @ torch.diag(scale)
    if mirrored:
        matrix = torch.diag(torch.tensor([-1.0, 1.0, 1.0])) @ matrix
    shift = torch.tensor([uniform(-strength.shift, strength.shift, generator) for _ in range(3)])
    points = torch.einsum("ab,bijk->aijk", matrix, points) + shift.view(3, 1, 1, 1)
    elastic_mm = uniform(*strength.elastic_sd, generator)
    points = points + elastic_mm * smooth_field(shape, strength.elastic_points, generator, 3)
    return points, mirrored


def sample(source: Tensor, points_mm: Tensor, spacing_mm: float) -> Tensor:
    """Interpolate (C, I, J, K) linearly at points in millimeters from its center; 0 outside."""
    sizes = torch.tensor(source.shape[1:], dtype=torch.float32)
    half_extent = (sizes - 1) / 2 * spacing_mm
    unit = points_mm / half_extent.view(3, 1, 1, 1)
    lookup = unit.flip(0).permute(1, 2, 3, 0)[None]
    return functional.grid_sample(source[None].float(), lookup, align_corners=True)[0]


def random_texture(image: Tensor, generator: torch.Generator) -> Tensor:
    """Fill what a publisher has cut to zero with soft random shapes, so it looks like a head."""
    shape = tuple(image.shape[1:])
    fine = smooth_field(shape, int(uniform(5, 12, generator)), generator)
    coarse = smooth_field(shape, 4, generator)
    level = uniform(0.1, 0.7, generator) * image.max()
    filler = (level * (0.5 + 0.5 * fine + 0.3 * coarse)).clamp_min(0)
    return torch.where(image <= 0.01 * image.max(), filler, image)


def random_intensity(
    image: Tensor,
    generator: torch.Generator,
    strength: float = 1.0,
    largest_noise: float = 0.05,
    coarsest: float = 2.0,
) -> Tensor:
    """Gamma, bias field, coarser resolution and noise, as scanners differ.

    Parameters
    ----------
    image : Tensor, shape (1, I, J, K)
        Non-negative intensities of any scale.
    generator : torch.Generator
    strength : float
        0 changes nothing, 1 as much as scanners differ.
    largest_noise : float
        Largest standard deviation of the noise, as a share of the brightest voxel.
    coarsest : float
        Largest factor by which an axis loses resolution.
    """
    image = image.clamp_min(0) / image.max().clamp_min(1e-6)
    image = image ** math.exp(normal(0.22 * strength, generator))
    if chance(0.8, generator):
        points = int(uniform(2, 5, generator))
        field = smooth_field(tuple(image.shape[1:]), points, generator)
        image = image * torch.exp(uniform(0.0, 0.35 * strength, generator) * field)
    if chance(0.5 * strength, generator):
        image = coarsen(image, [uniform(1.0, coarsest, generator) for _ in range(3)])
    if chance(0.8, generator):
        sd = uniform(0.0, largest_noise * strength, generator) * image.max()
        image = image + sd * torch.randn(image.shape, generator=generator)
    return image


def coarsen(image: Tensor, factors: list[float]) -> Tensor:
    """Lose resolution by sampling down and up again, each axis by its own factor."""
    shape = image.shape[1:]
    coarse = [max(2, round(n / f)) for n, f in zip(shape, factors, strict=True)]
    down = functional.interpolate(image[None], coarse, mode="area")
    return functional.interpolate(down, shape, mode="trilinear", align_corners=False)[0]
