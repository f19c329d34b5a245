"""The fast ways of smoothing, resampling, growing and shrinking give what the slow ones give."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from HypothalamusSegLib.geometry.masks import dilate
from HypothalamusSegLib.geometry.resampling import resample_cubic, resample_linear, resample_mask
from HypothalamusSegLib.geometry.separable import (
    linear_matrix,
    shared_axes,
    smoothing_matrix,
)
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage, image_from_volume
from HypothalamusSegLib.networks.residual_unet import mean_of_blocks
from HypothalamusSegLib.stages.border_profiles import _normals
from HypothalamusSegLib.stages.intensity import _erode
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from Testing.support.scan_files import affine_of

ORDERS = st.permutations(range(3))
SIGNS = st.tuples(*[st.sampled_from([-1, 1])] * 3)
# Not so fine that a blur reaches beyond the margin to which a scan is cropped.
SPACINGS = st.tuples(*[st.floats(1.0, 3.0)] * 3)
NO_TURN = (0.0, 0.0, 0.0)


def random_scan(affine: np.ndarray, shape=(26, 31, 22), order="C") -> VoxelImage:
    values = np.random.default_rng(3).uniform(0, 200, shape).astype(np.float32)
    return VoxelImage(np.asarray(values, order=order), affine)


def by_itk(
    volume: VoxelImage, grid: Grid, target_mm: float, interpolator: int = sitk.sitkLinear
) -> np.ndarray:
    """Smooth with ITK's filter and interpolate with ITK's, axis by axis and point by point."""
    image = image_from_volume(volume)
    for axis, mm in enumerate(volume.spacing_mm):
        sigma_mm = 0.4247 * np.sqrt(max(0.0, target_mm**2 - mm**2))
        if sigma_mm > 0.1 * mm:
            image = sitk.RecursiveGaussian(image, sigma_mm, False, 0, axis)
    like = image_from_volume(VoxelImage(np.zeros(grid.shape, np.float32), grid.affine))
    return sitk.GetArrayFromImage(sitk.Resample(image, like, sitk.Transform(3, 1), interpolator)).T


@settings(max_examples=30, deadline=None)
@given(
    stored=ORDERS,
    flips=SIGNS,
    spacing=SPACINGS,
    target_order=ORDERS,
    target_mm=st.floats(0.5, 3.0),
    off_mm=st.tuples(*[st.floats(-30, 30)] * 3),
    memory=st.sampled_from("CF"),
)
def test_along_shared_axes_a_scan_is_resampled_as_itk_does_it(
    stored, flips, spacing, target_order, target_mm, off_mm, memory
):
    # The target often reaches beyond the scan, or misses it.
    scan = random_scan(affine_of(stored, flips, NO_TURN, spacing, (0, 0, 0)), order=memory)
    affine = affine_of(target_order, (1, -1, 1), NO_TURN, (target_mm,) * 3, (0, 0, 0))
    affine[:3, 3] = scan.grid.centre_mm + off_mm - affine[:3, :3] @ np.array([6, 7, 8])
    grid = Grid((12, 14, 16), affine)
    assert shared_axes(scan.grid, grid) is not None
    found, wanted = resample_linear(scan, grid), by_itk(scan, grid, target_mm)
    # A point on the very edge of the scan may be rounded to either side of it.
    indices = scan.grid.indices_of(grid.points_at(np.moveaxis(np.indices(grid.shape), 0, -1)))
    to_edge = np.abs(np.abs(indices - (np.array(scan.array.shape) - 1) / 2) * 2 - scan.array.shape)
    inner = (to_edge > 1e-6).all(-1)
    np.testing.assert_allclose(found[inner], wanted[inner], atol=0.01)


@settings(max_examples=20, deadline=None)
@given(stored=ORDERS, flips=SIGNS, spacing=SPACINGS, target_mm=st.floats(0.3, 2.0))
def test_along_shared_axes_splines_are_those_of_itk(stored, flips, spacing, target_mm):
    scan = random_scan(affine_of(stored, flips, NO_TURN, spacing, (0, 0, 0)))
    # Within the scan: beyond the middle of the outermost voxels the two extend it differently.
    extent_mm = np.abs(scan.affine[:3, :3]) @ (np.array(scan.array.shape) - 1)
    shape = tuple(int(n) for n in np.clip(extent_mm / target_mm, 1, 20))
    grid = Grid.axis_aligned(scan.grid.centre_mm, shape, target_mm)
    assert shared_axes(scan.grid, grid) is not None
    wanted = by_itk(scan, grid, target_mm, sitk.sitkBSpline3)
    np.testing.assert_allclose(resample_cubic(scan, grid), wanted, atol=0.01)


@settings(max_examples=15, deadline=None)
@given(flips=SIGNS, turns=st.tuples(*[st.floats(0.02, 0.5)] * 3), target_mm=st.floats(0.8, 3.0))
def test_oblique_scans_are_smoothed_as_itk_does_it(flips, turns, target_mm):
    scan = random_scan(affine_of((0, 1, 2), flips, turns, (1.0, 0.8, 1.2), (0, 0, 0)))
    grid = Grid.axis_aligned(scan.grid.centre_mm, (7, 8, 9), target_mm)
    assert shared_axes(scan.grid, grid) is None
    np.testing.assert_allclose(
        resample_linear(scan, grid), by_itk(scan, grid, target_mm), atol=0.01
    )


def test_a_mask_is_interpolated_without_smoothing_and_stored_as_files_are():
    posterior = random_scan(np.diag([2.0, 2.0, 2.0, 1.0]))
    posterior = VoxelImage(posterior.array / 200, posterior.affine)
    grid = Grid.axis_aligned(posterior.grid.centre_mm, (40, 41, 42), 0.7)
    mask = resample_mask(posterior, grid)
    assert mask.flags.f_contiguous
    np.testing.assert_array_equal(mask, by_itk(posterior, grid, 0.0) > 0.5)


def test_axes_turned_by_more_than_rounding_are_not_shared():
    straight = Grid.axis_aligned(np.zeros(3), (200, 220, 180), 1.0)
    target = Grid.axis_aligned(np.zeros(3), (96, 112, 104), 2.0)
    for turn, shared in ((1e-9, True), (1e-4, False), (0.8, False)):
        affine = affine_of((0, 1, 2), (1, 1, 1), (0, 0, turn), (1, 1, 1), (0, 0, 0))
        assert (shared_axes(Grid(straight.shape, affine), target) is not None) == shared
    diagonal = Grid(straight.shape, straight.affine @ np.diag([1, 1, -1, 1.0]))
    assert [axis for axis, _ in shared_axes(diagonal, target)] == [0, 1, 2]


def test_the_matrices_keep_constants_and_hold_no_subnormal_numbers():
    # Subnormal numbers make a product ten times slower.
    for count, sigma in ((4, 1.0), (192, 0.74), (320, 1.7)):
        matrix = smoothing_matrix(count, sigma)
        np.testing.assert_allclose(matrix.sum(1), 1, atol=2e-3)
        assert (np.abs(matrix[matrix != 0]) > np.finfo(np.float32).tiny).all()
    np.testing.assert_array_equal(smoothing_matrix(3, 1.0), np.eye(3))
    rows = linear_matrix(5, np.array([-0.6, -0.4, 1.25, 4.4, 4.6])).sum(1)
    np.testing.assert_allclose(rows, [0, 1, 1, 1, 0])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("voxels", [1, 2, 3, 6])
def test_a_mask_grows_by_itks_ball_up_to_the_edge(order, voxels):
    mask = np.random.default_rng(5).random((19, 23, 17)) > 0.99
    mask[0, 0, 0] = mask[-1, 5, -1] = True
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    wanted = sitk.GetArrayFromImage(sitk.BinaryDilate(image, [voxels] * 3, sitk.sitkBall))
    np.testing.assert_array_equal(dilate(np.asarray(mask, order=order), voxels), wanted == 1)


@pytest.mark.parametrize("reach", [1, 2, 5, 8])
def test_a_mask_shrinks_by_a_cube_but_not_at_the_edge_of_the_grid(reach):
    mask = torch.rand(2, 1, 21, 24, 19, generator=torch.Generator().manual_seed(2)) > 0.0005
    pooled = functional.max_pool3d((~mask).float(), 2 * reach + 1, stride=1, padding=reach)
    assert torch.equal(_erode(mask, reach), pooled == 0)
    assert _erode(torch.ones_like(mask), reach).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_blocks_have_the_same_mean_in_training_and_in_inference(dtype):
    features = torch.randn(2, 5, 8, 6, 4).to(dtype).contiguous(memory_format=torch.channels_last_3d)
    trained = mean_of_blocks(features)
    with torch.inference_mode():
        used = mean_of_blocks(features)
    assert used.dtype == trained.dtype == torch.float32
    assert used.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(used, trained, rtol=1e-6, atol=1e-7)


def test_normals_at_single_voxels_are_those_of_the_whole_field():
    smooth = torch.rand(9, 8, 7, generator=torch.Generator().manual_seed(4))
    falling = -torch.stack(torch.gradient(smooth), -1)
    wanted = falling / falling.norm(dim=-1, keepdim=True)
    everywhere = torch.ones_like(smooth).nonzero()
    torch.testing.assert_close(_normals(smooth, everywhere), wanted.reshape(-1, 3))
    assert not _normals(torch.ones(4, 4, 4), torch.tensor([[1, 2, 3]])).any()
