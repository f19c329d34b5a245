"""Levels of fluid and tissue in a scan, and bending its curve to the usual share of fluid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.stages import border, intensity
from HypothalamusSegLib.stages.border_profiles import find_surface

from Testing.support.ball_head import BONE, FLUID, SHAPE, SKULL_VOXELS, TISSUE, ball


@pytest.mark.parametrize("ventricle_radius", [4.0, 6.0, 8.0])
def test_fluid_is_found_in_narrow_and_in_wide_ventricles(posterior, ventricle_radius):
    image = np.full(SHAPE, BONE, np.float32)
    image[ball(SKULL_VOXELS)] = TISSUE
    image[ball(ventricle_radius)] = FLUID
    tensors = (torch.from_numpy(a)[None, None] for a in (image, posterior - 0.5))
    fluid, tissue = intensity.fluid_and_tissue(*tensors)
    assert float(fluid) == pytest.approx(intensity.FLUID_OVER_QUANTILE * FLUID)
    assert float(tissue) == TISSUE


@pytest.mark.parametrize("mask_shift_voxels", [-2, 0, 2])
def test_levels_hardly_depend_on_where_the_first_mask_ends(head, mask_shift_voxels):
    mask = np.where(ball(SKULL_VOXELS + mask_shift_voxels), 5.0, -5.0).astype(np.float32)
    tensors = (torch.from_numpy(a)[None, None] for a in (head, mask))
    fluid, tissue = intensity.fluid_and_tissue(*tensors)
    assert (float(fluid), float(tissue)) == pytest.approx((FLUID, TISSUE))


def bent_share(head: np.ndarray, posterior: np.ndarray, power: float) -> float:
    """Fluid over tissue after bending, of a scan whose curve is a power of the head's."""
    curved = head**power
    # The noise lies as far below the fluid in every scan.
    noisy = head == np.float32(FLUID / intensity.FLUID_OVER_QUANTILE)
    assert noisy.any()
    curved[noisy] = FLUID**power / intensity.FLUID_OVER_QUANTILE
    image, first = (torch.from_numpy(a)[None, None] for a in (curved, posterior - 0.5))
    bent = intensity.set_usual_fluid(image, first)[0, 0].numpy()
    assert bent[head == TISSUE] == pytest.approx(TISSUE**power, rel=1e-3)
    return float(bent[head == FLUID].mean() / bent[head == TISSUE].mean())


def narrow_ventricles(ventricle_radius: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey matter around white around a ventricle, with no fluid outside, and a first logit."""
    axes = torch.meshgrid(*(torch.arange(60) - 29.5,) * 3, indexing="ij")
    radius = torch.stack(axes).norm(dim=0)
    image = torch.where(radius < 18, TISSUE, 0.6 * TISSUE)
    image[radius < ventricle_radius] = FLUID
    return image[None, None], (26 - radius)[None, None]


@pytest.mark.parametrize("ventricle_radius", [4.2, 4.8])
def test_grey_matter_is_not_taken_for_fluid_where_ventricles_are_narrow(ventricle_radius):
    image, first = narrow_ventricles(ventricle_radius)
    fluid, _ = intensity.fluid_and_tissue(image, first)
    assert float(fluid) > 2 * FLUID
    found = intensity.fluid_within_ventricles(fluid, image, first)
    assert float(found) == pytest.approx(intensity.LARGEST_OVER_DEEP * FLUID)


def test_the_levels_of_profiles_know_narrow_ventricles():
    image, first = narrow_ventricles(4.5)
    grid = Grid.axis_aligned(np.zeros(3), (60, 60, 60), 2.0)
    posterior = first[0, 0].clamp(-4, 4).sigmoid()
    surface = find_surface(posterior, grid)
    volume = VoxelImage(image[0, 0].numpy(), grid.affine)
    _, tissue = border.sample_profiles_in_fluid(volume, image[0, 0], posterior, grid, surface)
    assert float(tissue) == pytest.approx(TISSUE / (intensity.LARGEST_OVER_DEEP * FLUID), rel=0.02)


def test_fluid_measured_well_is_left_as_it_is():
    image, first = narrow_ventricles(12.0)
    fluid, _ = intensity.fluid_and_tissue(image, first)
    assert torch.equal(intensity.fluid_within_ventricles(fluid, image, first), fluid)


@pytest.mark.parametrize("logit", [-1.0, 1.0])
def test_fluid_is_left_as_it_is_without_a_depth_or_in_an_empty_image(logit):
    image, first = torch.zeros(1, 1, 30, 30, 30), torch.full((1, 1, 30, 30, 30), logit)
    fluid, _ = intensity.fluid_and_tissue(image, first)
    assert torch.equal(intensity.fluid_within_ventricles(fluid, image, first), fluid)


@pytest.mark.parametrize("power", [0.75, 1.0, 1.4])
def test_fluid_is_bent_to_its_usual_share_whatever_the_scanners_curve(head, posterior, power):
    image, first = (torch.from_numpy(a)[None, None] for a in (head**power, posterior - 0.5))
    bent = intensity.set_usual_fluid(image, first)[0, 0].numpy()
    share = bent[head == FLUID].mean() / bent[head == TISSUE].mean()
    # How far the noise lies below the fluid is bent, too.
    assert share == pytest.approx(intensity.USUAL_FLUID_SHARE, rel=0.06)
    assert bent[head == TISSUE] == pytest.approx(TISSUE**power, rel=1e-3)


@pytest.mark.parametrize("power", [0.75, 1.0, 1.3])
def test_where_noise_is_the_same_fluid_gets_its_usual_share_exactly(head, posterior, power):
    share = bent_share(head, posterior, power)
    assert share == pytest.approx(intensity.USUAL_FLUID_SHARE, rel=0.01)


def test_a_curve_is_bent_no_further_than_the_networks_know(head, posterior):
    share = bent_share(head, posterior, 1.4)
    furthest = (FLUID / TISSUE) ** (1.4 * intensity.SMALLEST_EXPONENT)
    assert furthest < 0.99 * intensity.USUAL_FLUID_SHARE
    assert share == pytest.approx(furthest, rel=0.01)


def test_a_head_with_hardly_any_mask_is_not_bent(head):
    image = torch.from_numpy(head)[None, None]
    nothing = torch.full_like(image, -5.0)
    assert torch.allclose(intensity.set_usual_fluid(image, nothing), image, rtol=1e-5)
