"""The correction of the intracranial border by networks: what they see, and what it may change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.networks.profile_network import CELL_MM, ProfileNetwork, mean_around
from HypothalamusSegLib.stages import border, border_profiles
from HypothalamusSegLib.stages.border_profiles import find_surface

from Testing.support.ball_head import (
    BONE,
    FLUID,
    GRID,
    SHAPE,
    SKULL_VOXELS,
    TISSUE,
    ball,
    soft_ball,
)
from Training.icv_tasks import IcvBorderTask


def network(seed: int = 0) -> ProfileNetwork:
    """One whose answer depends on all that it sees."""
    torch.manual_seed(seed)
    made = ProfileNetwork(**IcvBorderTask.network).eval().requires_grad_(False)
    torch.nn.init.normal_(made.inform.weight, std=0.3)
    made.score.weight *= 20
    return made


def refined(head: np.ndarray, folds: np.ndarray, seeds: tuple[int, ...] = (0,)) -> np.ndarray:
    volume = VoxelImage(head, GRID.affine)
    return border.refine([network(s) for s in seeds], volume, GRID, head, folds, "cpu")


def test_fluid_is_zero_and_tissue_is_one_in_every_scan():
    seen = torch.tensor([[BONE, FLUID, TISSUE]]) / FLUID
    below, above, logarithm = border.profile_channels(seen, torch.tensor(TISSUE / FLUID))[0]
    assert below[:2].tolist() == pytest.approx([2 * BONE / FLUID - 2, 0.0])
    assert above[1:].tolist() == pytest.approx([0.0, 1.0])
    assert logarithm.tolist() == pytest.approx(np.log(np.array([BONE, FLUID, TISSUE]) / FLUID))


@pytest.fixture(scope="module")
def seen(head) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Channels, points and normals of the head."""
    first = soft_ball(SKULL_VOXELS - 0.5)
    surface = find_surface(first, GRID)
    volume = VoxelImage(head, GRID.affine)
    image = torch.from_numpy(head)
    profiles = border.sample_profiles_in_fluid(volume, image, first, GRID, surface)
    return border.profile_channels(*profiles), surface.points_mm, surface.normals


def test_a_network_answers_each_point_whatever_the_order_of_the_points(seen):
    order = torch.randperm(len(seen[0]), generator=torch.Generator().manual_seed(1))
    answers, shuffled = network()(*seen), network()(*(t[order] for t in seen))
    assert answers.std() > 0.02
    assert torch.allclose(shuffled, answers[order], atol=1e-4)
    assert answers.abs().max() <= IcvBorderTask.network["reach_mm"]


def test_a_network_answers_the_mirrored_head_as_it_does_the_head(seen):
    channels, points, normals = seen
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    answers = network()(channels, points, normals)
    mirrored = network()(channels, points * mirror, normals * mirror)
    # The cells that are averaged over begin at the other side.
    assert (answers - mirrored).abs().mean() < 0.1 * answers.std()


def test_the_mean_around_a_point_is_that_of_its_neighbourhood():
    generator = torch.Generator().manual_seed(4)
    points = 60 * torch.rand(4000, 3, generator=generator)
    linear = (points @ torch.tensor([[1.0], [2.0], [-1.0]])) / 60
    inner = ((points > 2 * CELL_MM) & (points < 60 - 2 * CELL_MM)).all(1)
    found = mean_around(torch.cat([linear, torch.ones_like(linear)], 1), points)
    assert torch.allclose(found[:, 1], torch.ones(len(points)), atol=1e-5)
    assert (found[inner, 0] - linear[inner, 0]).abs().mean() < 0.06


@pytest.mark.parametrize("factor", [0.01, 37.0])
def test_the_scanners_unit_changes_nothing(head, posterior, factor):
    scaled = refined((factor * head).astype(np.float32), posterior[None])
    assert scaled == pytest.approx(refined(head, posterior[None]), abs=1e-3)


@pytest.mark.parametrize("image", [np.zeros(SHAPE), np.full(SHAPE, 7.0), -np.ones(SHAPE)])
def test_an_image_without_contrast_gives_finite_posteriors(image, posterior):
    assert np.isfinite(refined(image.astype(np.float32), posterior[None])).all()


def test_only_the_surroundings_of_the_first_border_are_changed(head, posterior):
    found = refined(head, np.stack([posterior] * 2), seeds=(0, 1))
    assert found.shape == (2, *SHAPE)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    reach = np.sqrt(3) * 3 * border_profiles.DISPLACEMENT_SMOOTHING_VOXELS
    far = ball(SKULL_VOXELS - 1 - reach) | ~ball(SKULL_VOXELS + 1 + reach)
    assert far.mean() > 0.3
    assert (found[:, far] == posterior[far]).all()
    assert not np.allclose(found[0], posterior)
    assert not np.allclose(found[0], found[1])


def test_nothing_found_stays_nothing(head):
    nothing = np.zeros((1, *SHAPE), np.float32)
    assert (refined(head, nothing) == nothing).all()
