"""Planted changes of volume: is the truth that they claim the truth?"""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

from Training import planted_change, planted_scans
from Training.planted_scans import PlantingGround

SPACING_MM = 1.0
SHAPE = (64, 64, 64)
RADIUS_MM = 9.0


def radius_mm() -> np.ndarray:
    axes = [(np.arange(n) - (n - 1) / 2) * SPACING_MM for n in SHAPE]
    return np.linalg.norm(np.stack(np.meshgrid(*axes, indexing="ij")), axis=0)


def ball(radius: float = RADIUS_MM) -> np.ndarray:
    """Share of each voxel that lies in a ball, to a good approximation."""
    return np.clip(0.5 + (radius - radius_mm()) / SPACING_MM, 0, 1)


def test_a_ball_with_constant_divergence_moves_its_surface_by_a_third_of_the_radius():
    # Gauss: the flux through the surface is the divergence in it; a ball's is f · r / 3.
    inside = ball()
    field = planted_change.displacement(inside, SPACING_MM, smoothing_mm=0.0)
    # The mean that was taken off (periodic box) makes up for a known part.
    strength = 1 - inside.mean()
    along_x = field[0][:, 32, 32]
    x = (np.arange(SHAPE[0]) - 31.5) * SPACING_MM
    within = np.abs(x) < RADIUS_MM - 2
    assert along_x[within] == pytest.approx(strength * x[within] / 3, abs=0.03)


def test_the_jacobians_integral_is_the_volume_of_the_moved_ball():
    axes = [(np.arange(n) - (n - 1) / 2) * SPACING_MM for n in SHAPE]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"))
    before = ball()
    for factor in (0.9, 1.1):
        volume = planted_change.volume_after(before, (factor - 1) * offsets, SPACING_MM)
        assert volume == pytest.approx(4 / 3 * np.pi * (factor * RADIUS_MM) ** 3, rel=0.01)


@pytest.mark.parametrize("change", [-0.2, -0.1, 0.1, 0.2])
def test_a_planted_change_has_the_size_that_was_asked_for(change):
    inside, around = ball(), ball(20.0) - ball()
    field = planted_change.displacement(inside - inside.sum() * around / around.sum(), SPACING_MM)
    field = planted_change.scale_to(field, inside, SPACING_MM, change)
    ratio = planted_change.volume_after(inside, field, SPACING_MM) / inside.sum()
    assert ratio == pytest.approx(1 + change, abs=1e-3)


def test_a_change_that_would_fold_the_image_is_refused():
    inside, around = ball(6.0), ball(7.0) - ball(6.0)
    field = planted_change.displacement(inside - inside.sum() * around / around.sum(), SPACING_MM)
    with pytest.raises(ValueError, match="fold"):
        planted_change.scale_to(field, inside, SPACING_MM, 2.0)


@pytest.fixture(scope="module")
def ground() -> PlantingGround:
    """Two bright half balls (the sides) with dark fluid between and around, in a bright head."""
    x = ((np.arange(SHAPE[0]) - 31.5) * SPACING_MM)[:, None, None]
    inside = ball()
    gap = np.clip(np.abs(x) - 1.0, 0, 1)
    fluid = np.maximum(ball(13.0) - inside, inside * (1 - gap))
    image = 100 * (1 - fluid) + 10 * fluid
    left, right = inside * gap * (x < 0), inside * gap * (x > 0)
    subunits = np.zeros((2 * labels.SUBUNITS_PER_SIDE, *SHAPE), np.float32)
    subunits[0], subunits[labels.SUBUNITS_PER_SIDE] = left, right
    grid = Grid.axis_aligned(np.array([3.0, -20.0, 7.0]), SHAPE, SPACING_MM)
    scan = VoxelImage(image.astype(np.float32), grid.affine)
    return PlantingGround(scan, subunits, grid.affine)


def bright_ball_mm3(volume: VoxelImage) -> float:
    """Volume of what is brighter than fluid within 11 mm, from partial volumes."""
    share = (volume.array - 10) / 90
    return float((share * (radius_mm() < 11)).sum() * SPACING_MM**3)


@pytest.mark.parametrize("change", [-0.2, 0.1])
def test_the_image_changes_by_as_much_as_the_truth_says(ground, change):
    planted = ground.atrophy(change)
    assert planted.total_ratio == pytest.approx(1 + change, abs=2e-3)
    ratio = bright_ball_mm3(planted.volume) / bright_ball_mm3(ground.scan)
    assert ratio == pytest.approx(1 + change, abs=0.015)


def test_a_change_of_one_side_leaves_the_other_as_it_was(ground):
    planted = ground.atrophy(-0.2, sides=(0,))
    assert planted.left_ratio == pytest.approx(0.8, abs=2e-3)
    assert planted.right_ratio == pytest.approx(1.0, abs=0.01)


def test_zoomed_surroundings_are_a_zoom_near_the_centre_and_nothing_far_away(ground):
    planted = ground.zoom(-0.2)
    assert planted.total_ratio == pytest.approx(0.8, abs=2e-3)
    far = radius_mm() > planted_scans.NOTHING_BEYOND_MM + 2
    assert planted.volume.array[far] == pytest.approx(ground.scan.array[far], abs=1e-3)
    ratio = bright_ball_mm3(planted.volume) / bright_ball_mm3(ground.scan)
    assert ratio == pytest.approx(0.8, abs=0.02)
