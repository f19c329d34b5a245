"""Grids and resampling keep what they move where it is, and as much of it."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib.geometry.head_box import (
    COARSE_SHAPE,
    COARSE_SPACING_MM,
    SEARCH_SPACING_MM,
    VERTEX_MARGIN_MM,
    head_grid,
)
from HypothalamusSegLib.geometry.resampling import resample_cubic, resample_linear, resample_mask
from HypothalamusSegLib.geometry.voxel_image import (
    Grid,
    VoxelImage,
    image_from_volume,
    volume_from_image,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.support.scan_files import affine_of

RESAMPLERS = {"cubic": resample_cubic, "linear": resample_linear}
TARGET = Grid.axis_aligned(np.array([2.3, -1.1, 0.7]), (14, 16, 18), 1.0)
# Large enough, in any orientation, to hold the target and a margin.
SOURCE_EXTENT_MM = 52.0
# The waves below are this long at least, so that no grid here is coarse to them.
SHORTEST_WAVE_MM = 24.0

orders = st.permutations(range(3))
signs = st.tuples(*[st.sampled_from([-1, 1])] * 3)
angles = st.tuples(*[st.floats(-0.6, 0.6)] * 3)


def centred(affine: np.ndarray, shape: tuple[int, int, int]) -> Grid:
    """Move a grid so that the world's origin is near its middle, but between voxels."""
    moved = affine.copy()
    moved[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2) + [0.31, -0.17, 0.43]
    return Grid(shape, moved)


def source_grid(order, flips, turns, spacing_mm) -> Grid:
    shape = tuple(int(np.ceil(SOURCE_EXTENT_MM / spacing)) for spacing in spacing_mm)
    return centred(affine_of(order, flips, turns, spacing_mm, (0, 0, 0)), shape)


def source_grids(smallest_mm: float, largest_mm: float) -> st.SearchStrategy[Grid]:
    spacing = st.tuples(*[st.floats(smallest_mm, largest_mm)] * 3)
    return st.builds(source_grid, orders, signs, angles, spacing)


def positions(grid: Grid) -> np.ndarray:
    """RAS points of all voxels, shape (*grid.shape, 3)."""
    return grid.points_at(np.moveaxis(np.indices(grid.shape), 0, -1).astype(float))


def waves(points_mm: np.ndarray) -> np.ndarray:
    """A smooth function of the place, without any symmetry, around 100."""
    k = 2 * np.pi / SHORTEST_WAVE_MM
    x, y, z = np.moveaxis(points_mm, -1, 0)
    return 100 + 20 * np.sin(k * x + 0.4) + 15 * np.cos(k * (0.6 * y + 0.5 * z)) + z - 0.5 * y


def blob(points_mm: np.ndarray, sd_mm: float = 4.0) -> np.ndarray:
    squares = ((points_mm - [1.3, -0.6, 0.9]) ** 2).sum(-1)
    return 100 * np.exp(-squares / (2 * sd_mm**2))


def sampled(function, grid: Grid) -> VoxelImage:
    return VoxelImage(function(positions(grid)).astype(np.float32), grid.affine)


def stored_anew(
    volume: VoxelImage, order: tuple[int, int, int], flips: tuple[int, int, int]
) -> VoxelImage:
    """The same voxels at the same places with axes permuted and flipped in memory."""
    affine = volume.affine[:, [*order, 3]].copy()
    array = volume.array.transpose(order)
    for axis, sign in enumerate(flips):
        if sign < 0:
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, axis)
    return VoxelImage(array, affine)


def head(shape=(80, 90, 84), spacing_mm=2.5) -> VoxelImage:
    """A bright ellipsoid on a neck, off the middle of a dark, noisy field."""
    grid = Grid.axis_aligned(np.array([4.0, -3.0, 6.0]), shape, spacing_mm)
    points = positions(grid)
    skull = ((points / [72.0, 90.0, 80.0]) ** 2).sum(-1) < 1
    neck = (np.hypot(points[..., 0], points[..., 1]) < 45) & (points[..., 2] < -40)
    noise = np.random.default_rng(1).normal(0, 3, shape)
    return VoxelImage((100.0 * (skull | neck) + np.abs(noise)).astype(np.float32), grid.affine)


# Grids and images


@settings(max_examples=50, deadline=None)
@given(grid=source_grids(0.1, 5.0), shear=st.floats(-0.3, 0.3), seed=st.integers(0, 99))
def test_indices_and_points_are_inverse_on_sheared_grids_too(grid, shear, seed):
    upper = np.eye(4)
    upper[0, 1] = shear
    grid = Grid(grid.shape, upper @ grid.affine)
    indices = np.random.default_rng(seed).uniform(-5, 200, (3, 4, 3))
    points = grid.points_at(indices)
    np.testing.assert_allclose(grid.indices_of(points), indices, atol=1e-8)
    np.testing.assert_allclose(grid.points_at(grid.indices_of(points)), points, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(grid=source_grids(0.5, 5.0))
def test_centre_spacing_and_voxel_volume_are_those_of_the_voxels(grid):
    corners = np.array([[0, 0, 0], np.array(grid.shape) - 1], float)
    np.testing.assert_allclose(grid.centre_mm, grid.points_at(corners).mean(0), atol=1e-9)
    np.testing.assert_allclose(grid.voxel_volume_mm3, np.prod(grid.spacing_mm))


def test_an_axis_aligned_grid_lies_around_its_centre():
    grid = Grid.axis_aligned(np.array([1.0, -2.0, 3.0]), (4, 5, 6), 0.5)
    np.testing.assert_allclose(grid.centre_mm, [1, -2, 3])
    np.testing.assert_allclose(grid.points_at(np.zeros(3)), [0.25, -3.0, 1.75])
    np.testing.assert_allclose(grid.spacing_mm, 0.5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@settings(max_examples=10, deadline=None)
@given(order=orders, flips=signs, turns=angles, spacing=st.tuples(*[st.floats(0.2, 4)] * 3))
def test_a_volume_comes_back_from_an_image_as_it_was(dtype, order, flips, turns, spacing):
    affine = affine_of(order, flips, turns, spacing, (20.0, -30.0, 40.0))
    volume = VoxelImage(np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(dtype), affine)
    image = image_from_volume(volume)
    back = volume_from_image(image)
    assert back.array.dtype == volume.array.dtype
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(back.affine, affine, atol=1e-9)
    # One voxel, seen from both sides of the border: LPS there, RAS here.
    there = np.array(image.TransformIndexToPhysicalPoint((3, 1, 4)))
    np.testing.assert_allclose(there * [-1, -1, 1], volume.grid.points_at(np.array([3.0, 1, 4])))
    assert image.GetPixel(3, 1, 4) == volume.array[3, 1, 4]


# Resampling


@pytest.mark.parametrize(("name", "tolerance"), [("cubic", 0.01), ("linear", 0.8)])
@settings(max_examples=12, deadline=None)
@given(grid=source_grids(1.0, 1.6))
def test_resampling_finds_a_function_of_the_place_on_any_grid(name, tolerance, grid):
    found = RESAMPLERS[name](sampled(waves, grid), TARGET)
    assert found.dtype == np.float32
    assert found.shape == TARGET.shape
    np.testing.assert_allclose(found, waves(positions(TARGET)), atol=tolerance)


@pytest.mark.parametrize("name", RESAMPLERS)
def test_directions_with_subnormal_numbers_are_sampled_like_others(name):
    grid = Grid.axis_aligned(np.zeros(3), (30, 31, 32), 1.0)
    affine = grid.affine.copy()
    affine[0, 1], affine[1, 0] = 1e-310, -1e-310
    found = RESAMPLERS[name](sampled(waves, Grid(grid.shape, affine)), TARGET)
    np.testing.assert_allclose(found, RESAMPLERS[name](sampled(waves, grid), TARGET))


@pytest.mark.parametrize("name", RESAMPLERS)
@settings(max_examples=8, deadline=None)
@given(grid=source_grids(1.0, 1.6), turned=source_grids(1.0, 1.6))
def test_resampling_onto_oblique_and_flipped_grids_finds_the_function_too(name, grid, turned):
    affine = turned.affine.copy()
    affine[:3, 3] = TARGET.centre_mm - affine[:3, :3] @ np.array([4.5, 5.0, 5.5])
    target = Grid((10, 11, 12), affine)
    found = RESAMPLERS[name](sampled(waves, grid), target)
    # Where an axis of the source is finer than the target it is smoothed, on purpose.
    np.testing.assert_allclose(found, waves(positions(target)), atol=1.0)


@pytest.mark.parametrize("name", RESAMPLERS)
@pytest.mark.parametrize("target_mm", [0.7, 3.0])
@settings(max_examples=8, deadline=None)
@given(order=orders, flips=signs)
def test_how_a_scan_is_stored_does_not_change_what_is_sampled(name, target_mm, order, flips):
    grid = source_grid((0, 1, 2), (1, 1, 1), (0.2, -0.1, 0.15), (1.0, 1.2, 1.4))
    volume = sampled(waves, grid)
    noise = np.random.default_rng(4).normal(0, 20, grid.shape).astype(np.float32)
    volume = VoxelImage(volume.array + noise, volume.affine)
    target = Grid.axis_aligned(TARGET.centre_mm, (8, 9, 10), target_mm)
    again = RESAMPLERS[name](stored_anew(volume, order, flips), target)
    np.testing.assert_allclose(again, RESAMPLERS[name](volume, target), atol=0.01)


@pytest.mark.parametrize("name", RESAMPLERS)
@pytest.mark.parametrize("target_mm", [0.5, 1.0, 2.0])
@settings(max_examples=5, deadline=None)
@given(grid=source_grids(0.8, 2.0))
def test_a_constant_stays_constant(name, target_mm, grid):
    target = Grid.axis_aligned(np.zeros(3), (9, 8, 7), target_mm)
    found = RESAMPLERS[name](sampled(lambda points: np.full(points.shape[:-1], 70.0), grid), target)
    np.testing.assert_allclose(found, 70, rtol=1e-4)


@pytest.mark.parametrize("name", RESAMPLERS)
@pytest.mark.parametrize("target_mm", [0.6, 1.0, 2.0, 3.0])
@settings(max_examples=4, deadline=None)
@given(grid=source_grids(0.9, 1.5))
def test_resampling_finer_or_coarser_keeps_the_mass(name, target_mm, grid):
    volume = sampled(blob, grid)
    target = Grid.axis_aligned(np.zeros(3), (int(40 / target_mm),) * 3, target_mm)
    found_mass = RESAMPLERS[name](volume, target).sum(dtype=float) * target.voxel_volume_mm3
    mass = volume.array.sum(dtype=float) * volume.voxel_volume_mm3
    assert found_mass == pytest.approx(mass, rel=0.01)


@pytest.mark.parametrize("name", RESAMPLERS)
@pytest.mark.parametrize("far_mm", [(100, 0, 0), (0, -100, 0), (0, 0, 100), (-100, 100, -100)])
def test_outside_the_volume_is_0(name, far_mm):
    grid = source_grid((2, 0, 1), (1, -1, 1), (0.1, 0.2, -0.1), (1.0, 1.5, 2.0))
    volume = sampled(lambda points: np.full(points.shape[:-1], 70.0), grid)
    found = RESAMPLERS[name](volume, Grid.axis_aligned(np.array(far_mm, float), (9, 8, 7), 1.0))
    np.testing.assert_array_equal(found, np.zeros((9, 8, 7)))


@pytest.mark.parametrize("name", RESAMPLERS)
def test_a_region_that_reaches_over_the_edge_is_0_only_beyond_it(name):
    grid = Grid.axis_aligned(np.zeros(3), (20, 20, 20), 1.0)
    volume = sampled(lambda points: np.full(points.shape[:-1], 70.0), grid)
    target = Grid.axis_aligned(np.array([10.0, 0, 0]), (21, 5, 5), 1.0)
    found = RESAMPLERS[name](volume, target)
    x_mm = positions(target)[..., 0]
    np.testing.assert_allclose(found[x_mm <= 9], 70, rtol=1e-4)
    np.testing.assert_array_equal(found[x_mm > 11], 0)


@settings(max_examples=8, deadline=None)
@given(grid=source_grids(0.8, 1.3))
def test_a_mask_is_cut_where_the_posterior_is_one_half(grid):
    radius_mm = 10.0

    def ball(points):
        return np.clip(0.5 + (radius_mm - np.linalg.norm(points, axis=-1)) / 6, 0, 1)

    target = Grid.axis_aligned(np.zeros(3), (30, 30, 30), 1.0)
    mask = resample_mask(sampled(ball, grid), target)
    assert mask.dtype == np.uint8
    distance = np.linalg.norm(positions(target), axis=-1)
    assert mask[distance < radius_mm - 0.2].all()
    assert not mask[distance > radius_mm + 0.2].any()


# Head box


@pytest.mark.parametrize("shape", [(80, 90, 84), (81, 91, 83)])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
def test_the_coarse_grid_does_not_depend_on_how_the_scan_is_stored(shape, order, flips):
    volume = head(shape)
    grid, again = head_grid(volume), head_grid(stored_anew(volume, order, flips))
    assert again.shape == grid.shape
    np.testing.assert_allclose(again.affine, grid.affine, atol=1e-6)


def test_the_coarse_grid_hangs_from_the_vertex_around_the_head():
    volume = head()
    grid = head_grid(volume)
    ends = grid.points_at(np.array([[0, 0, 0], np.array(COARSE_SHAPE) - 1], float))
    np.testing.assert_allclose(grid.spacing_mm, COARSE_SPACING_MM)
    # The ellipsoid's vertex is at 80 mm, its middle at x = y = 0.
    assert ends[1, 2] == pytest.approx(80 + VERTEX_MARGIN_MM, abs=SEARCH_SPACING_MM)
    np.testing.assert_allclose(grid.centre_mm[:2], 0, atol=SEARCH_SPACING_MM)
