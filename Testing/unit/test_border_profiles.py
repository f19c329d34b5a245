"""The surface of the intracranial border, profiles across it, and moving it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from HypothalamusSegLib.geometry.voxel_image import Grid
from HypothalamusSegLib.stages import border_profiles
from HypothalamusSegLib.stages.border_profiles import find_surface

from Testing.support.ball_head import GRID, SHAPE, soft_ball


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
