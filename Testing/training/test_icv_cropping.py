"""Crops take away what they say, leave the rest where it is, and leaks are found below the head."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.stages.coarse import CoarseResult

from Training.icv_cropping import below_foramen_magnum_ml, crop, crops, fold_sd_percent
from Training.real_head_report import REAL_HEADS

GRID = Grid.axis_aligned(np.array([2.0, -5.0, -20.0]), (60, 70, 80), 4.0)
POINTS_MM = GRID.points_at(np.moveaxis(np.indices(GRID.shape), 0, -1).astype(float))
MASK = (POINTS_MM**2 / np.array([66.0, 85.0, 64.0]) ** 2).sum(-1) < 1


def coarse(mask: np.ndarray, folds: list[float]) -> CoarseResult:
    posterior = mask.astype(np.float32)
    return CoarseResult(GRID, posterior, posterior, folds, [1.0], np.zeros(3), 0.8, 0.5)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_kept_of_a_crop_stays_in_its_place(order, sign):
    # The array holds each voxel's own height, so that it says where it belongs.
    array = np.transpose(POINTS_MM[..., 2], order)[::sign]
    affine = np.eye(4)
    affine[:3, :3] = GRID.affine[:3, list(order)]
    if sign < 0:
        affine[:3, 3] = affine[:3, 0] * (array.shape[0] - 1)
        affine[:3, 0] *= -1
    affine[:3, 3] += GRID.affine[:3, 3]
    low = np.array([-np.inf, -np.inf, -30.0])
    kept = crop(VoxelImage(array, affine), low, np.array([20.0, np.inf, np.inf]))
    at = kept.grid.points_at(np.moveaxis(np.indices(kept.array.shape), 0, -1).astype(float))
    assert np.allclose(at[..., 2], kept.array)
    assert at[..., 2].min() >= -30 > at[..., 2].min() - 4
    assert at[..., 0].max() <= 20 < at[..., 0].max() + 4


def test_a_crop_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="no voxel"):
        crop(VoxelImage(MASK, GRID.affine), np.full(3, 1e4), np.full(3, np.inf))


def test_no_crop_takes_anything_of_the_mask_and_each_takes_something():
    volume = VoxelImage(1.0 + MASK, GRID.affine)
    made = crops(volume, MASK, GRID)
    assert {"face", "front", "sides", "above", "all", "neck 6 mm below"} <= set(made)
    for name, part in made.items():
        assert (part.array == 2).sum() == MASK.sum(), name
        assert (part.array == 1).sum() < (volume.array == 1).sum(), name


def test_what_leaks_below_the_foramen_magnum_is_measured():
    x, y, z = np.moveaxis(POINTS_MM, -1, 0)
    leak = (np.abs(x) < 30) & (np.abs(y) < 20) & (z < -75) & (z > -110)
    assert below_foramen_magnum_ml(coarse(MASK, [1.0, 1.0])) < 3
    found = below_foramen_magnum_ml(coarse(MASK | leak, [1.0, 1.0]))
    assert found == pytest.approx(leak.sum() * GRID.voxel_volume_mm3 / 1000, abs=3)


def test_the_spread_of_folds_is_a_share_of_their_mean():
    assert fold_sd_percent(coarse(MASK, [99.0, 100.0, 101.0])) == pytest.approx(1.0)


def figures(sd_percent: float, change_percent: float) -> dict:
    return {
        "icv_ml": 1500.0,
        "fold_sd_percent": sd_percent,
        "below_foramen_magnum_ml": 0.0,
        "noise_share": 0.02,
        "air_brightness": 0.0,
        "sinus_brightness": 0.8,
        "change_percent": {"face": 0.1, "all": change_percent},
        "largest_change_percent": change_percent,
    }


def test_figures_of_a_scan_are_kept_beside_those_of_others_and_the_report_is_renewed(tmp_path):
    page = tmp_path / "VALIDATION.md"
    page.write_text("# Report\n\n## First\n\ntext\n", encoding="utf-8")
    REAL_HEADS.keep(tmp_path, {"b": figures(1.0, -0.4)})
    page.write_text(page.read_text(encoding="utf-8") + "\n## Last\n\nmore\n", encoding="utf-8")
    REAL_HEADS.keep(tmp_path, {"a": figures(1.5, 0.7)})
    REAL_HEADS.keep(tmp_path, {"b": figures(1.0, 0.3)})
    assert list(REAL_HEADS.read(tmp_path)) == ["a", "b"]
    text = page.read_text(encoding="utf-8")
    assert text.count(REAL_HEADS.title) == 1
    assert "0.5 % in 1 of 2" in text
    assert "1.3 % in 1 of 2" in text
    assert "+0.70 (all)" in text
    assert "+0.30 (all)" in text
    assert "-0.40" not in text
    assert text.startswith("# Report\n\n## First\n\ntext\n")
    assert text.endswith("\n\n## Last\n\nmore\n")


def test_a_report_without_figures_stays_as_it_is(tmp_path):
    assert REAL_HEADS.read(tmp_path) == {}
    assert REAL_HEADS.within("# Report\n", {}) == "# Report\n"
