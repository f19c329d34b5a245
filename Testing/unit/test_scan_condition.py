"""Noise, ghosts and contrast agents are measured in the scan's own units, and flagged."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib.flags import DOUBTFUL, NOTE, severity_of
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.measures import quality, scan_flags
from HypothalamusSegLib.measures.scan_condition import (
    air_brightness,
    bright_vessels_mm3,
    ghost_brightness,
    noise_share,
    sinus_brightness,
)
from HypothalamusSegLib.stages.coarse import CoarseResult

GRID = Grid.axis_aligned(np.zeros(3), (96, 112, 104), 2.0)
POINTS_MM = GRID.points_at(np.moveaxis(np.indices(GRID.shape), 0, -1).astype(float))
RADIUS_MM, TISSUE = 65.0, 400.0
DISTANCE_MM = np.linalg.norm(POINTS_MM, axis=-1)
MASK = DISTANCE_MM < RADIUS_MM


def head() -> np.ndarray:
    """A ball of tissue in a scalp, in air that was emptied."""
    image = np.where(MASK, TISSUE, 0.0)
    image[(DISTANCE_MM > RADIUS_MM + 6) & (DISTANCE_MM < RADIUS_MM + 12)] = 1.5 * TISSUE
    return image.astype(np.float32)


def with_noise(image: np.ndarray, share: float) -> np.ndarray:
    noise = np.random.default_rng(5).standard_normal(image.shape, np.float32)
    return image + share * TISSUE * noise


def with_bright_sinus(image: np.ndarray, factor: float) -> np.ndarray:
    x, _, z = np.moveaxis(POINTS_MM, -1, 0)
    sinus = MASK & (DISTANCE_MM > RADIUS_MM - 8) & (np.abs(x) < 5) & (z > 0)
    return np.where(sinus, factor * TISSUE, image).astype(np.float32)


def coarse(image: np.ndarray, mask: np.ndarray = MASK) -> CoarseResult:
    posterior = mask.astype(np.float32)
    return CoarseResult(GRID, image, posterior, [1.5e6] * 5, [1.0] * 5, np.zeros(3), 0.8, 0.5)


def flags_of(image: np.ndarray) -> list[str]:
    scan = VoxelImage(image, GRID.affine)
    return [flag.code for flag in scan_flags.condition_flags(scan, coarse(image))]


def test_the_distance_to_the_border_is_measured_once_a_scan(monkeypatch):
    import SimpleITK as sitk

    calls, measure = [], sitk.SignedMaurerDistanceMap
    monkeypatch.setattr(
        sitk, "SignedMaurerDistanceMap", lambda *args, **kw: calls.append(1) or measure(*args, **kw)
    )
    image = with_noise(head(), 0.02)
    scan, found = VoxelImage(image, GRID.affine), coarse(image)
    scan_flags.head_flags(scan, found)
    scan_flags.condition_flags(scan, found)
    assert len(calls) == 1


@pytest.mark.parametrize("share", [0.02, 0.1])
@pytest.mark.parametrize("unit", [0.01, 7.0])
def test_noise_is_measured_as_a_share_of_the_tissue_in_any_unit(share, unit):
    scan = VoxelImage(unit * with_noise(head(), share), GRID.affine)
    assert noise_share(scan, coarse(head())) == pytest.approx(share, rel=0.1)


def test_noise_does_not_depend_on_how_the_scan_is_stored():
    image = with_noise(head(), 0.05)
    affine = GRID.affine[:, [2, 0, 1, 3]]
    stored = VoxelImage(np.ascontiguousarray(np.transpose(image, (2, 0, 1))), affine)
    as_it_was = noise_share(VoxelImage(image, GRID.affine), coarse(image))
    assert noise_share(stored, coarse(image)) == pytest.approx(as_it_was, rel=0.001)


def test_whole_numbers_are_read_without_wrapping():
    image = np.round(with_noise(head(), 0.05)).clip(0, 65535)
    scans = [VoxelImage(image.astype(kind), GRID.affine) for kind in (np.uint16, np.float32)]
    first, second = (noise_share(scan, coarse(image)) for scan in scans)
    assert first == pytest.approx(second, rel=0.001)


def test_a_mask_without_depth_has_no_noise_and_no_air():
    nothing = coarse(head(), np.zeros_like(MASK))
    scan = VoxelImage(head(), GRID.affine)
    assert noise_share(scan, nothing) == 0.0
    assert air_brightness(nothing) == 0.0
    assert ghost_brightness(nothing) == 0.0
    assert sinus_brightness(nothing) == 1.0
    assert bright_vessels_mm3(nothing) == 0.0


def test_a_clean_head_has_no_flag():
    assert flags_of(with_noise(head(), 0.02) * (DISTANCE_MM < RADIUS_MM + 12)) == []


def test_a_noisy_scan_is_flagged():
    assert flags_of(with_noise(head(), 0.1).clip(0)) == ["noisy"]


def test_ghosts_of_motion_in_the_air_are_flagged():
    ghost = 0.2 * np.roll(head(), 45, axis=1)
    assert flags_of(np.maximum(head(), ghost)) == ["noisy"]


def test_faint_ghosts_before_and_behind_the_head_are_flagged():
    x, y, z = np.moveaxis(POINTS_MM, -1, 0)
    ghost = x**2 + (np.abs(y) - 100) ** 2 + (z - 30) ** 2 < 45**2
    image = np.abs(with_noise(head(), 0.002)) + 0.03 * TISSUE * ghost.astype(np.float32)
    assert air_brightness(coarse(image)) < scan_flags.GHOSTED_AIR_SHARE
    assert ghost_brightness(coarse(image)) > scan_flags.GHOST_SHARE
    assert flags_of(image) == ["noisy"]


@pytest.mark.parametrize("tail", [0.0, 1e-5])
def test_what_is_left_in_zeroed_air_is_no_ghost(tail):
    """The edge of a removed face, without and with the far tails of a smoothing filter."""
    x, y, z = np.moveaxis(POINTS_MM, -1, 0)
    edge = (np.abs(x) < 30) & (y > 92) & (y < 98) & (z > -5) & (z < 60)
    image = np.maximum(head() + tail * TISSUE, 0.5 * TISSUE * edge).astype(np.float32)
    assert air_brightness(coarse(image)) == ghost_brightness(coarse(image)) == 0.0
    assert flags_of(image) == []


def test_noise_in_the_air_is_no_ghost():
    image = np.abs(with_noise(head(), 0.05))
    assert ghost_brightness(coarse(image)) < 0.3 * scan_flags.GHOST_SHARE
    assert flags_of(image) == []


@pytest.mark.parametrize(("factor", "expected"), [(1.0, []), (1.5, ["contrast_enhanced"])])
def test_a_bright_sagittal_sinus_is_flagged(factor, expected):
    assert flags_of(with_bright_sinus(head(), factor)) == expected


@pytest.mark.parametrize(("radius_mm", "expected"), [(2.5, []), (5.0, ["contrast_enhanced"])])
def test_bright_vessels_deep_in_a_head_without_its_sinus_are_flagged(radius_mm, expected):
    x, _, z = np.moveaxis(POINTS_MM, -1, 0)
    vessel = MASK & (np.hypot(x - 20, z + 10) < radius_mm) & (np.abs(POINTS_MM[..., 1]) < 20)
    image = np.where(vessel, 2.0 * TISSUE, head()).astype(np.float32)
    assert sinus_brightness(coarse(image)) < scan_flags.ENHANCED_SINUS_RATIO
    volume_mm3 = vessel.sum() * GRID.voxel_volume_mm3
    assert bright_vessels_mm3(coarse(image)) == pytest.approx(volume_mm3)
    assert flags_of(image) == expected


def test_a_bright_coil_is_no_contrast_agent():
    bright_rim = head() * (1 + 0.8 * (DISTANCE_MM / RADIUS_MM) ** 4).astype(np.float32)
    assert "contrast_enhanced" not in flags_of(bright_rim)


@pytest.mark.parametrize(
    ("folds", "expected"),
    [
        ([1.50e6, 1.51e6, 1.49e6, 1.50e6, 1.52e6], []),
        ([1.476e6, 1.515e6, 1.500e6, 1.596e6, 1.474e6], ["low_icv_agreement"]),
        ([1.5e6], []),
    ],
)
def test_folds_that_disagree_about_icv_are_flagged(folds, expected):
    assert [flag.code for flag in quality.icv_flags(1.5e6, folds)] == expected


def test_the_new_flags_weigh_what_they_should():
    weights = {
        code: severity_of(code) for code in ("low_icv_agreement", "noisy", "contrast_enhanced")
    }
    assert weights == {
        "low_icv_agreement": DOUBTFUL,
        "noisy": DOUBTFUL,
        "contrast_enhanced": NOTE,
    }
