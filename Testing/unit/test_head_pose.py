"""Bent heads are recognised by their first mask and laid upright; others stay as they lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from HypothalamusSegLib.geometry.head_box import COARSE_SHAPE, COARSE_SPACING_MM
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.stages import border, coarse, head_pose

GRID = Grid.axis_aligned(np.zeros(3), COARSE_SHAPE, COARSE_SPACING_MM)
# Half axes of an ellipsoid about as large as an intracranial space.
HALF_AXES_MM = np.array([66.0, 85.0, 64.0])
CENTRE_MM = np.array([3.0, -9.0, 14.0])
PLACE_MM = CENTRE_MM + np.array([0.0, 12.0, -10.0])


def points(grid: Grid) -> np.ndarray:
    return grid.points_at(np.moveaxis(np.indices(grid.shape), 0, -1).astype(float))


def ellipsoid(pitch_deg: float, scale: float = 1.0) -> np.ndarray:
    """An ellipsoid whose long axis rises by an angle towards the front."""
    x, y, z = np.moveaxis(points(GRID) - CENTRE_MM, -1, 0)
    cosine, sine = np.cos(np.radians(pitch_deg)), np.sin(np.radians(pitch_deg))
    along, across = y * cosine + z * sine, z * cosine - y * sine
    a, b, c = scale * HALF_AXES_MM
    return (x / a) ** 2 + (along / b) ** 2 + (across / c) ** 2 < 1


@pytest.mark.parametrize("pitch_deg", [-25.0, 0.0, 18.0, 40.0])
def test_the_pitch_and_the_middle_of_a_mask_are_found(pitch_deg):
    pose = head_pose.pose_of(ellipsoid(pitch_deg), GRID, PLACE_MM - [0, 0, 40])
    assert pose.pitch_deg == pytest.approx(pitch_deg, abs=1.0)
    assert pose.centre_mm == pytest.approx(CENTRE_MM, abs=0.5)
    assert pose.icv_mm3 == pytest.approx(4 / 3 * np.pi * HALF_AXES_MM.prod(), rel=0.01)


def test_a_leak_into_the_neck_does_not_count():
    mask = ellipsoid(0.0)
    clean = head_pose.pose_of(mask, GRID, PLACE_MM)
    leak = np.all(np.abs(points(GRID) - [0, -20, -70]) < [30, 30, 40], axis=-1)
    leaking = head_pose.pose_of(mask | leak, GRID, PLACE_MM)
    assert (leak & ~mask).sum() > 0.1 * mask.sum()
    assert leaking.icv_mm3 == pytest.approx(clean.icv_mm3, rel=0.06)
    assert leaking.is_bent
    assert clean.is_bent


@pytest.mark.parametrize(
    ("pitch_deg", "bent"), [(-80, False), (-20, True), (1, True), (6, False), (45, False)]
)
def test_only_a_head_bent_forward_is_bent(pitch_deg, bent):
    assert head_pose.HeadPose(pitch_deg, CENTRE_MM, 1.5e6).is_bent is bent


def test_a_bent_head_is_laid_at_the_usual_pitch_place_and_size():
    pose = head_pose.pose_of(ellipsoid(-8.0, scale=0.9), GRID, PLACE_MM)
    upright = Grid(GRID.shape, pose.upright_from_world() @ GRID.affine)
    at = upright.points_at(np.argwhere(ellipsoid(-8.0, scale=0.9)).astype(float))
    assert at.mean(0) == pytest.approx(np.zeros(3), abs=0.5)
    assert len(at) * upright.voxel_volume_mm3 == pytest.approx(head_pose.USUAL_ICV_MM3, rel=0.02)
    _, axes = np.linalg.eigh(np.cov(at.T))
    slope = axes[2, -1] / axes[1, -1]
    assert np.degrees(np.arctan(slope)) == pytest.approx(head_pose.USUAL_PITCH_DEG, abs=1.0)


def test_no_head_is_turned_or_zoomed_without_bounds():
    tiny = head_pose.HeadPose(-35.0, CENTRE_MM, 1e5).upright_from_world()
    assert np.cbrt(np.linalg.det(tiny[:3, :3])) == pytest.approx(head_pose.LARGEST_ZOOM)
    turned = np.degrees(np.arctan2(tiny[2, 1], tiny[1, 1]))
    assert turned == pytest.approx(head_pose.LARGEST_TURN_DEG)


@pytest.mark.parametrize("mask", [np.zeros(GRID.shape, bool), ellipsoid(0, scale=0.1)])
def test_hardly_any_mask_has_no_pose(mask):
    assert head_pose.pose_of(mask, GRID, PLACE_MM) is None


def test_the_neck_is_out_of_sight_and_the_rest_is_not_touched():
    image = np.ones(COARSE_SHAPE, np.float32)
    kept = head_pose.remove_neck(image)
    z_mm = points(head_pose.upright_grid())[..., 2]
    assert (kept[z_mm < head_pose.FIELD_BOTTOM_MM] == 0).all()
    assert (kept[z_mm >= head_pose.FIELD_BOTTOM_MM] == 1).all()
    assert (image == 1).all()


class BrightnessNetwork(torch.nn.Module):
    """Takes what is bright for intracranial, and its upper end for the hypothalamus' place."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        place = torch.full_like(image, -8.0)
        place[0, 0, 48, 56, 52] = 8.0
        return torch.cat([20 * (image - image.mean()), place], 1)


@pytest.mark.parametrize("as_it_lies", [True, False])
@pytest.mark.parametrize("pitch_deg", [-10.0, 20.0])
def test_the_mask_of_a_bent_head_lies_where_the_head_lies(pitch_deg, as_it_lies):
    inside = ellipsoid(pitch_deg, scale=0.95)
    volume = VoxelImage(100 * inside.astype(np.float32), GRID.affine)
    found = coarse.find_head(volume, [BrightnessNetwork()], "cpu", as_it_lies=as_it_lies)
    along_the_axes = np.allclose(found.grid.affine[:3, :3], np.diag([2.0, 2.0, 2.0]))
    assert along_the_axes is (as_it_lies or pitch_deg > 0)
    true_mm3 = inside.sum() * GRID.voxel_volume_mm3
    assert found.icv_mm3 == pytest.approx(true_mm3, rel=0.05)
    assert found.fold_icv_mm3[0] == pytest.approx(found.icv_mm3, rel=0.02)
    at = found.grid.points_at(np.argwhere(found.icv_posterior > 0.5).astype(float))
    assert at.mean(0) == pytest.approx(CENTRE_MM, abs=1.0)
    nearest = np.rint(GRID.indices_of(at)).astype(int)
    assert inside[tuple(nearest.T)].mean() > 0.95


def test_the_border_follows_networks_that_agree_and_no_others():
    agreeing, differing = [0.8, 0.9, 1.0, 0.9, 0.9], [-3.0, 4.0, 0.0, 3.0, -2.0]
    weight = border.agreement(torch.tensor([agreeing, differing]).T)
    assert weight[0] == pytest.approx(1.0, abs=0.001)
    assert weight[1] < 0.01
    assert border.agreement(torch.tensor([[2.0, -1.0]])).tolist() == [1.0, 1.0]
