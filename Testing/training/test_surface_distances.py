"""Distances between the surfaces of a label and of what was found."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib import labels

from Training.scoring import _distances

SPACING_MM = np.array([1.5, 1.0, 0.5])


def slabs(left: slice, right: slice) -> np.ndarray:
    """Both sides, one above the other, as slabs across the volume."""
    array = np.zeros((30, 8, 9), np.uint8)
    array[left, :, :4] = labels.LEFT
    array[right, :, 5:] = labels.RIGHT
    return array


def test_distances_are_the_means_of_both_sides_in_millimeters():
    wanted = slabs(slice(4, 5), slice(20, 21))
    # The left one lies two voxels away, and the right one where it should.
    found = slabs(slice(6, 7), slice(20, 21))
    assert _distances(found, wanted, SPACING_MM) == pytest.approx((1.5, 1.5))
    assert _distances(wanted, wanted, SPACING_MM) == (0, 0)


def test_what_lies_within_a_mask_does_not_count():
    thick, thicker = slabs(slice(4, 11), slice(4, 11)), slabs(slice(4, 13), slice(4, 13))
    hausdorff, mean = _distances(thicker, thick, SPACING_MM)
    assert hausdorff == pytest.approx(3.0)
    assert 0 < mean < 1.5


@pytest.mark.parametrize("missing", ["found", "wanted", "both"])
def test_there_is_no_distance_to_a_side_that_is_missing(missing):
    both, right = slabs(slice(4, 5), slice(20, 21)), slabs(slice(0, 0), slice(20, 21))
    found, wanted = (right if missing in (name, "both") else both for name in ("found", "wanted"))
    assert not np.isfinite(_distances(found, wanted, SPACING_MM)).any()
