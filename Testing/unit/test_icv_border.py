"""The correction of the intracranial border: profiles, levels, and what it may change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from HypothalamusSegLib.geometry.masks import dice
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.networks.profile_network import CELL_MM, ProfileNetwork, mean_around
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import Scan
from HypothalamusSegLib.stages import border, border_profiles, intensity
from HypothalamusSegLib.stages.border_profiles import find_surface

from Training import prepare
from Training.head_generator import LabelHeadSource
from Training.icv_tasks import IcvBorderTask

SHAPE = (48, 52, 44)
GRID = Grid.axis_aligned(np.array([3.0, -11.0, 20.0]), SHAPE, 2.0)
FLUID, TISSUE, BONE = 50.0, 200.0, 10.0
SKULL_VOXELS, BRAIN_VOXELS = 18.0, 14.0


def distance_voxels() -> np.ndarray:
    """From the grid's centre, in voxels of the coarse grid."""
    axes = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    return np.sqrt(sum(a**2 for a in axes))


def ball(radius: float) -> np.ndarray:
    return distance_voxels() < radius


def soft_ball(radius: float) -> torch.Tensor:
    """A posterior that falls from 1 to 0 over two voxels."""
    return torch.from_numpy(0.5 + (radius - distance_voxels()) / 2).clamp(0, 1).float()


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """Brain in fluid in bone, with ventricles; a quarter of the fluid is darker (noise)."""
    image = np.full(SHAPE, BONE, np.float32)
    image[ball(SKULL_VOXELS)] = FLUID
    image[ball(BRAIN_VOXELS)] = TISSUE
    image[ball(6.0)] = FLUID
    darker = np.flatnonzero(image == FLUID)[::4]
    image.flat[darker] = FLUID / intensity.FLUID_OVER_QUANTILE
    return image


@pytest.fixture(scope="module")
def posterior() -> np.ndarray:
    return np.where(ball(SKULL_VOXELS), 0.97, 0.02).astype(np.float32)


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


@pytest.mark.parametrize("radius", [14.0, 16.3])
def test_a_surface_lies_on_the_border_and_its_normals_point_outwards(radius):
    surface = find_surface(soft_ball(radius), GRID)
    outwards = surface.points_mm.numpy() - GRID.centre_mm
    length = np.linalg.norm(outwards, axis=1)
    assert len(length) > 1500
    assert length == pytest.approx(2 * radius, abs=0.15)
    assert (outwards * surface.normals.numpy()).sum(1) / length == pytest.approx(1.0, abs=0.01)


def test_a_head_that_the_grid_cuts_has_no_surface_where_it_is_cut():
    posterior = soft_ball(14.0)
    posterior[:, :, : SHAPE[2] // 2] = 1.0
    voxels = find_surface(posterior, GRID).voxels
    assert len(voxels) > 500
    edge = border_profiles.EDGE_VOXELS
    assert (voxels >= edge).all()
    assert (voxels < torch.tensor(SHAPE) - edge).all()


def test_a_thinned_surface_has_half_the_points_evenly_and_never_more_than_a_head_could_have():
    whole, thinned = (find_surface(soft_ball(14.0), GRID, thinned=t) for t in (False, True))
    assert len(thinned.voxels) == pytest.approx(len(whole.voxels) / 2, rel=0.05)
    gaps = torch.cdist(whole.points_mm, thinned.points_mm).amin(1)
    reach_voxels = border_profiles.CUT_AT_DEVIATIONS * border_profiles.DISPLACEMENT_SMOOTHING_VOXELS
    assert gaps.max() < reach_voxels * GRID.spacing_mm[0]
    assert gaps.mean() < GRID.spacing_mm[0]
    noise = torch.rand((96, 112, 104), generator=torch.Generator().manual_seed(5))
    grid = Grid.axis_aligned(np.zeros(3), tuple(noise.shape), 2.0)
    found = find_surface(noise, grid, thinned=True)
    most = border_profiles.MOST_POINTS
    assert most / 2 < len(found.voxels) <= most
    assert len(found.points_mm) == len(found.normals) == len(found.voxels)


@pytest.mark.parametrize("other", [13.25, 14.0, 14.75])
def test_the_distance_between_two_borders_is_measured_in_millimetres(other):
    surface = find_surface(soft_ball(14.0), GRID)
    far = border_profiles.border_distance_mm(
        soft_ball(other), GRID, surface.points_mm, surface.normals
    )
    assert far.numpy() == pytest.approx(2 * (other - 14.0), abs=0.15)


@pytest.mark.parametrize("displacement_mm", [-1.5, -0.4, 0.4, 1.5])
def test_a_moved_border_lies_where_it_was_moved_to(displacement_mm):
    surface = find_surface(soft_ball(14.0), GRID)
    displacements_mm = torch.full((1, len(surface.voxels)), displacement_mm)
    moved = border_profiles.move_border(soft_ball(14.0)[None], GRID, surface, displacements_mm)[0]
    found = find_surface(moved, GRID).points_mm.numpy() - GRID.centre_mm
    assert np.linalg.norm(found, axis=1) == pytest.approx(28.0 + displacement_mm, abs=0.25)
    wanted = soft_ball(14.0 + displacement_mm / 2).sum()
    assert float(moved.sum()) == pytest.approx(float(wanted), rel=0.004)


def test_a_border_that_is_not_moved_stays_exactly():
    surface = find_surface(soft_ball(14.0), GRID)
    still = torch.zeros(1, len(surface.voxels))
    balls = soft_ball(14.0)[None]
    assert torch.equal(border_profiles.move_border(balls, GRID, surface, still), balls)


OBLIQUE = np.array(
    [[0.0, -0.62, 0.48, 11.0], [0.88, 0.1, 0.31, -70.0], [0.12, 0.5, 0.9, -40.0], [0, 0, 0, 1]]
)


@pytest.mark.parametrize(
    "affine", [np.diag([1.0, 1, 1, 1]), np.diag([-1.0, 0.8, -1.3, 1]), OBLIQUE]
)
def test_profiles_are_those_of_world_space_on_any_grid(affine):
    # An image that is linear in the world is interpolated without error.
    shape = (120, 150, 130)
    grid = Grid(shape, affine.copy())
    grid.affine[:3, 3] += GRID.centre_mm - grid.centre_mm
    slope = np.array([1.0, -0.5, 2.0])
    indices = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).astype(float)
    image = (grid.points_at(indices) @ slope).astype(np.float32)
    surface = find_surface(soft_ball(11.0), GRID)
    found = border_profiles.sample_profiles(torch.from_numpy(image), grid, surface).numpy()
    steps = np.linspace(-8, 8, border_profiles.SAMPLES)
    points = surface.points_mm.numpy()[:, None] + steps[:, None] * surface.normals.numpy()[:, None]
    assert found == pytest.approx(points @ slope, abs=0.02)


def test_fluid_is_zero_and_tissue_is_one_in_every_scan():
    seen = torch.tensor([[BONE, FLUID, TISSUE]]) / FLUID
    below, above, logarithm = border.profile_channels(seen, torch.tensor(TISSUE / FLUID))[0]
    assert below[:2].tolist() == pytest.approx([2 * BONE / FLUID - 2, 0.0])
    assert above[1:].tolist() == pytest.approx([0.0, 1.0])
    assert logarithm.tolist() == pytest.approx(np.log(np.array([BONE, FLUID, TISSUE]) / FLUID))


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


@pytest.fixture(scope="module")
def prepared_heads(shared_data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("heads")
    for name in ("head09", "head12"):
        for kind in ("dseg", "icv_mask"):
            file = f"{name}_{kind}.nii.gz"
            (folder / file).symlink_to(shared_data / "heads" / file)
    assert prepare.main(["--heads", str(folder), "--output", str(folder / "prepared")]) == 0
    return folder / "prepared" / "heads"


def rendered(prepared_heads: Path, name: str, seed: int, power: float) -> tuple[Scan, np.ndarray]:
    """An image of a label head, its contrast raised to a power, and its exact mask."""
    generator = torch.Generator().manual_seed(seed)
    source = LabelHeadSource(prepared_heads / f"{name}.npz")
    image, icv = source.draw(generator, mild=True, spacing_mm=1.0)
    grid = Grid.axis_aligned(np.zeros(3), tuple(image.shape[1:]), 1.0)
    volume = VoxelImage((image[0].clamp_min(0) ** power).numpy(), grid.affine)
    return Scan(volume, name, Path(name), "", ()), icv[0].numpy() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed", "power", "bound"),
    [
        pytest.param("head12", 3, 1.3, 0.03, id="fluid an eighth as bright as white matter"),
        pytest.param("head09", 99, 1.0, 0.02, id="ventricles of a thirtieth of the mask"),
    ],
)
def test_icv_is_right_in_unusual_fluid(prepared_heads, name, seed, power, bound):
    scan, mask = rendered(prepared_heads, name, seed, power)
    # No network of this fold has seen either head.
    segmenter = Segmenter(Options(structures=("icv",), device="cpu", folds=(3,)))
    found = segmenter.segment(scan).icv.array > 0
    assert found.sum() == pytest.approx(mask.sum(), rel=bound)
    assert dice(found, mask) > 0.98
