"""Random skulls and atrophy of label heads, and the strength of augmentation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from Training import augmentation, head_anatomy
from Training.head_anatomy import STEPS_PER_MM, AnatomyChange

BACKGROUND, WHITE, FLUID, BONE = range(4)
NUMBERS = np.array([0, 2, 24, 515])
SHAPE = (64, 64, 64)
BRAIN_MM, SKULL_MM, HEAD_MM = 16, 20, 27


def ball(radius: float) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    return np.sqrt(sum(a**2 for a in axes)) < radius


@pytest.fixture(scope="module")
def head() -> dict[str, torch.Tensor]:
    label = np.full(SHAPE, BACKGROUND)
    for radius, tissue in ((HEAD_MM, BONE), (SKULL_MM, FLUID), (BRAIN_MM, WHITE)):
        label[ball(radius)] = tissue
    inside, spacing_mm = ball(SKULL_MM), np.ones(3)
    arrays = {
        "label": label,
        "inside": inside,
        "skull_steps": head_anatomy.skull_distance_steps(inside, spacing_mm),
        "depth_steps": head_anatomy.brain_depth_steps(NUMBERS[label], spacing_mm),
    }
    return {name: torch.from_numpy(array.astype(np.int32)) for name, array in arrays.items()}


def changed(head, skull_mm: float, atrophy_mm: float) -> tuple[torch.Tensor, torch.Tensor]:
    change = AnatomyChange(NUMBERS, SHAPE, torch.Generator().manual_seed(0))
    change._skull_steps = torch.full(SHAPE, round(skull_mm * STEPS_PER_MM), dtype=torch.int32)
    change._atrophy_steps = torch.full(SHAPE, round(atrophy_mm * STEPS_PER_MM), dtype=torch.int32)
    return change.apply(**head)


@pytest.mark.parametrize("skull_mm", [-3.0, -1.0, 2.0])
def test_the_mask_moves_with_the_inner_table(head, skull_mm):
    label, inside = changed(head, skull_mm, 0.0)
    # The lowest part is held, so compare what lies above the middle.
    above = np.s_[:, :, 32:]
    wanted = ball(SKULL_MM + skull_mm)[above].sum()
    assert inside[above].sum() == pytest.approx(wanted, rel=0.05)
    assert (label[inside.bool()] != BONE).all()
    assert (label[~inside.bool()] != FLUID).all()


def test_fluid_beyond_the_smooth_mask_is_inside_where_the_inner_table_has_passed_it(head):
    beyond = torch.from_numpy(ball(SKULL_MM + 1) & ~ball(SKULL_MM))
    label = torch.where(beyond, FLUID, head["label"].long()).int()
    inside = changed({**head, "label": label}, 3.0, 0.0)[1]
    assert inside[:, :, 32:][beyond[:, :, 32:]].all()


def test_the_skull_stops_at_the_brain(head):
    label, inside = changed(head, -6.0, 0.0)
    assert (label[torch.from_numpy(ball(BRAIN_MM))] == WHITE).all()
    assert inside[torch.from_numpy(ball(BRAIN_MM))].all()


def test_atrophy_turns_outer_brain_to_fluid_and_keeps_the_mask(head):
    label, inside = changed(head, 0.0, 2.0)
    assert (label == WHITE).sum() == pytest.approx(ball(BRAIN_MM - 2).sum(), rel=0.1)
    assert torch.equal(inside, head["inside"])


def test_bone_below_the_foramen_magnum_stays(head):
    inside = changed(head, 4.0, 0.0)[1]
    lowest = int(np.flatnonzero(ball(SKULL_MM).any((0, 1)))[0])
    held = np.s_[:, :, : lowest + round(head_anatomy.FIXED_BASE_MM)]
    assert torch.equal(inside[held], head["inside"][held])


def test_a_head_without_fluid_or_bone_is_left_as_it_is():
    generator = torch.Generator().manual_seed(0)
    for numbers in (np.array([0, 2, 515]), np.array([0, 2, 24])):
        assert all(AnatomyChange.draw(numbers, SHAPE, generator) is None for _ in range(20))


def test_random_changes_go_both_ways(head):
    generator = torch.Generator().manual_seed(0)
    drawn = [AnatomyChange.draw(NUMBERS, SHAPE, generator) for _ in range(24)]
    volumes = [float(c.apply(**head)[1].sum()) for c in drawn if c]
    before = float(head["inside"].sum())
    assert min(volumes) < 0.97 * before
    assert max(volumes) > 1.03 * before
    assert None in drawn


def test_no_strength_changes_neither_shape_nor_intensity():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 16, 16, 16, generator=generator)
    same = augmentation.random_intensity(image, generator, strength=0.0)
    assert torch.allclose(same, image / image.max(), atol=1e-6)
    warp = augmentation.SpatialRange(8.0, 0.1, 0.0, (1.0, 2.0), 4).at_strength(0.0)
    points, mirrored = augmentation.warped_points((16, 16, 16), 1.0, warp, generator)
    mirror = torch.tensor([-1.0 if mirrored else 1.0, 1.0, 1.0]).view(3, 1, 1, 1)
    axis = torch.arange(16) - 7.5
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
    assert torch.allclose(points * mirror, grid, atol=1e-4)
