"""Scans are ruined by as much noise and motion as is said, and stay where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.measures.quality import Quality
from HypothalamusSegLib.measures.segmentation import Segmentation
from HypothalamusSegLib.measures.volumes import StructureVolume
from HypothalamusSegLib.reading import Scan
from HypothalamusSegLib.stages.coarse import CoarseResult
from HypothalamusSegLib.stages.network_output import StageResults

from Training.scan_ruin import (
    MOTION_MM,
    NOISE_SHARES,
    measure,
    ruin_copies,
    with_motion,
    with_noise,
)

GRID = Grid.axis_aligned(np.zeros(3), (40, 96, 48), 2.0)
POINTS_MM = GRID.points_at(np.moveaxis(np.indices(GRID.shape), 0, -1).astype(float))
BALL = np.linalg.norm(POINTS_MM, axis=-1) < 30
HEAD = VoxelImage(np.where(BALL, 400.0, 0.0).astype(np.float32), GRID.affine)


def test_noise_has_the_deviation_that_was_asked_for_and_air_is_rician():
    array = with_noise(HEAD, 20.0).array
    assert array[BALL].std() == pytest.approx(20, rel=0.05)
    assert array[~BALL].mean() == pytest.approx(20 * np.sqrt(np.pi / 2), rel=0.05)


def test_no_motion_changes_nothing():
    assert np.allclose(with_motion(HEAD, 0.0).array, HEAD.array, atol=0.01)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
def test_ghosts_lie_before_and_behind_the_head_however_it_is_stored(order):
    affine = GRID.affine.copy()
    affine[:3, :3] = GRID.affine[:3, list(order)]
    stored = VoxelImage(np.ascontiguousarray(np.transpose(HEAD.array, order)), affine)
    array = np.transpose(with_motion(stored, 4.0).array, np.argsort(order))
    beside = np.abs(POINTS_MM[..., 0]) > 34
    assert array[beside].max() < 1
    before = (np.abs(POINTS_MM[..., 1]) > 60) & (
        np.linalg.norm(POINTS_MM[..., [0, 2]], axis=-1) < 20
    )
    assert array[before].mean() > 2


def test_each_copy_is_worse_than_the_one_before_it():
    copies = ruin_copies(HEAD, 400.0)
    for kind in ("noise", "motion"):
        errors = [
            np.abs(copy.array - HEAD.array).mean() for name, copy in copies.items() if kind in name
        ]
        assert len(errors) > 3
        assert errors == sorted(errors)


class BallSegmenter:
    """Finds the ball in every scan; its volume is the mean intensity of the scan."""

    def __init__(self) -> None:
        self.runs = 0

    def run_stages(self, volume: VoxelImage) -> StageResults:
        self.runs += 1
        found = BALL.astype(np.float32)
        coarse = CoarseResult(GRID, volume.array, found, [1.0], [1.0], np.zeros(3), 0.8, 0.0)
        return StageResults(volume, None, coarse, None)

    def measure(self, scan: Scan, stages: StageResults) -> Segmentation:
        mean = float(stages.volume.array.mean())
        volumes = tuple(
            StructureVolume(name, mean, mean, (mean,), None)
            for name in ("icv", "hypothalamus_total")
        )
        icv = VoxelImage(BALL.astype(np.uint8), GRID.affine)
        return Segmentation(scan, None, None, icv, volumes, Quality(None, None, (), 0.8, ()), {})


def test_the_networks_see_each_copy_once_and_rows_are_of_their_own_copy():
    segmenter = BallSegmenter()
    rows = measure(segmenter, Scan(HEAD, "ball", Path("ball"), "", ()))
    assert segmenter.runs == len(rows) == 1 + len(NOISE_SHARES) + len(MOTION_MM)
    assert rows["unchanged"]["change_percent"] == {"icv": 0, "hypothalamus_total": 0}
    changes = [rows[f"noise {share:g}"]["change_percent"]["icv"] for share in NOISE_SHARES]
    noise = [rows[f"noise {share:g}"]["noise_share"] for share in NOISE_SHARES]
    assert changes == sorted(changes)
    assert changes[0] > 0
    assert noise == sorted(noise)
