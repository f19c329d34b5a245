"""Where the networks disagree is written as a map that a reader can go by."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.canonical_frame import CanonicalFrame
from HypothalamusSegLib.geometry.voxel_image import Grid
from HypothalamusSegLib.measures.fold_spread import measure_spread
from HypothalamusSegLib.stages.fine import FineResult, clean
from HypothalamusSegSlicer.worklist.case_lists import LABEL_MAPS

from Cohort.participant import derivatives

SHAPE = (24, 28, 16)


def drawn(folds: int, doubtful_j: int | None = None, far: bool = False) -> FineResult:
    """Folds that agree on two boxes, but for one plane, in which half of them see nothing."""
    posteriors = np.zeros((folds, 11, *SHAPE), np.float32)
    for channels, start in ((labels.LEFT_CHANNELS, 2), (labels.RIGHT_CHANNELS, 14)):
        posteriors[:, channels.start, start : start + 8, 12:24, 4:12] = 1
    if doubtful_j is not None:
        posteriors[::2, :, :, doubtful_j] = 0
    if far:
        posteriors[0, labels.LEFT_CHANNELS.start, 2:4, 0, 15] = 1
    posteriors[:, 0] = 1 - posteriors[:, 1:].sum(1)
    grid = Grid.axis_aligned(np.zeros(3), SHAPE, 0.5)
    frame = CanonicalFrame.upright(np.zeros(3))
    return FineResult(grid, clean(posteriors.mean(0)), posteriors, frame, True)


def test_the_most_doubtful_plane_has_the_largest_spread():
    fine = drawn(4, doubtful_j=15)
    spread = measure_spread(fine)
    assert spread.array.dtype == np.uint16
    assert np.array_equal(spread.affine, fine.grid.affine)
    per_plane = spread.array.sum((0, 2), dtype=int)
    assert per_plane.argmax() == 15
    assert set(np.flatnonzero(per_plane)) == {15}
    assert spread.array.max() == round(1000 * np.std([0, 1, 0, 1], ddof=1))


def test_networks_that_agree_have_no_spread():
    assert not measure_spread(drawn(5)).array.any()


def test_what_one_network_sees_far_away_is_no_doubt():
    assert not measure_spread(drawn(5, far=True)).array[:, :1].any()


def test_one_network_alone_has_no_spread():
    assert measure_spread(drawn(1)) is None


def test_a_cohort_keeps_it_with_a_sidecar_that_says_what_it_is():
    spread = measure_spread(drawn(4, doubtful_j=15))
    result = SimpleNamespace(
        hypothalamus=None,
        subunits=None,
        icv=None,
        spread=spread,
        provenance={"options": {"grid": "0.5"}},
    )
    ((image, stem, sidecar),) = derivatives._label_maps(result, "bids:raw:x.nii.gz")
    assert (image, stem) == (spread, "seg-hypothalamus_spread")
    assert "per mille" in sidecar["Description"]
    assert f"{stem}.nii.gz".endswith(LABEL_MAPS["spread"].removeprefix("_"))
