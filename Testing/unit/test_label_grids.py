"""The same hypothalamus on every grid: as large, on its side, in its place."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.canonical_frame import CanonicalFrame
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.measures import label_grids
from HypothalamusSegLib.measures.label_grids import (
    hypothalamus_labels,
    output_grid,
    side_and_subunit_labels,
    subunit_labels,
)
from HypothalamusSegLib.stages.fine import FineResult

from Testing.support.scan_files import affine_of

CENTRE_MM = np.array([0.7, -1.2, 3.1])
FINE = Grid.axis_aligned(CENTRE_MM, (64, 64, 64), 0.5)
RADII_MM = np.array([3.5, 7.0, 6.0])
TO_SIDE_MM = np.array([5.0, 0.0, 0.0])
# Where the posterior falls from 1 to 0, as far as the networks' does.
EDGE_MM = 1.0
NATIVE_OFFSET_MM = np.array([3.0, -4.0, 5.0])
NATIVE_SHAPE = (90, 80, 70)
SIDES = {"left": labels.LEFT, "right": labels.RIGHT}


def positions(grid: Grid) -> np.ndarray:
    return grid.points_at(np.moveaxis(np.indices(grid.shape), 0, -1).astype(float))


def posteriors_at(points_mm: np.ndarray) -> np.ndarray:
    """Two ellipsoids side by side, each parted softly into five from front to back."""
    points = points_mm - CENTRE_MM
    found = np.zeros((labels.CHANNELS, *points.shape[:-1]))
    for sign, channels in ((-1, labels.LEFT_CHANNELS), (1, labels.RIGHT_CHANNELS)):
        radius = np.linalg.norm((points - sign * TO_SIDE_MM) / RADII_MM, axis=-1)
        side = 1 / (1 + np.exp((radius - 1) * RADII_MM.mean() / (EDGE_MM / 4)))
        middles_mm = np.linspace(5, -5, labels.SUBUNITS_PER_SIDE)
        shares = np.exp(-((points[..., 1] - middles_mm[:, None, None, None]) ** 2) / 4)
        found[channels] = side * shares / shares.sum(0)
    found[0] = 1 - found[1:].sum(0)
    return found.astype(np.float32)


def true_subunits(grid: Grid) -> np.ndarray:
    """Labels 801–810 of what lies at the voxel centres."""
    posterior = posteriors_at(positions(grid))
    best = posterior[1:].argmax(0) + labels.FIRST_SUBUNIT_LABEL
    return np.where(posterior[0] < 0.5, best, 0)


def native_grid(order, signs, angles_rad, spacing_mm, centre_mm=CENTRE_MM) -> Grid:
    affine = affine_of(order, signs, angles_rad, spacing_mm, (0, 0, 0))
    affine[:3, 3] = centre_mm + NATIVE_OFFSET_MM - affine[:3, :3] @ (np.array(NATIVE_SHAPE) / 2)
    return Grid(NATIVE_SHAPE, affine)


OBLIQUE = native_grid((0, 1, 2), (1, 1, 1), (0.3, -0.2, 0.1), (1.0, 1.0, 1.0))
ANISOTROPIC = native_grid((1, 2, 0), (-1, 1, -1), (0.1, 0.2, -0.3), (0.8, 0.9, 1.2))
GRIDS = {
    "0.5": output_grid("0.5", FINE, OBLIQUE),
    "native oblique": output_grid("native", FINE, OBLIQUE),
    "native anisotropic": output_grid("native", FINE, ANISOTROPIC),
    "ulm": output_grid("ulm", FINE, OBLIQUE),
}


@pytest.fixture(scope="module")
def fine() -> FineResult:
    posterior = posteriors_at(positions(FINE))
    frame = CanonicalFrame.upright(FINE.centre_mm)
    return FineResult(FINE, posterior, posterior[None].astype(np.float16), frame, True)


@pytest.fixture(scope="module")
def maps(fine) -> dict[str, tuple[VoxelImage, VoxelImage]]:
    """Sides and subunits on each grid."""
    return {name: side_and_subunit_labels(fine, grid) for name, grid in GRIDS.items()}


def volume_mm3(image: VoxelImage, label: int) -> float:
    return np.count_nonzero(image.array == label) * image.voxel_volume_mm3


def centre_of(image: VoxelImage, label: int) -> np.ndarray:
    return image.grid.points_at(np.argwhere(image.array == label).astype(float)).mean(0)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", GRIDS)
def test_a_side_has_the_same_volume_on_every_grid(maps, name, side):
    image = maps[name][0]
    ellipsoid_mm3 = 4 / 3 * np.pi * np.prod(RADII_MM)
    assert volume_mm3(image, SIDES[side]) == pytest.approx(ellipsoid_mm3, rel=0.02)


@pytest.mark.parametrize("name", ["0.5", "native oblique", "native anisotropic"])
def test_a_voxel_has_the_label_of_what_lies_at_its_centre(maps, name):
    expected = true_subunits(GRIDS[name])
    differing = np.count_nonzero(maps[name][1].array != expected)
    assert differing <= 0.02 * np.count_nonzero(expected)


@pytest.mark.parametrize("name", GRIDS)
def test_each_side_lies_where_it_is_in_the_patient(maps, name):
    image = maps[name][0]
    left, right = centre_of(image, labels.LEFT), centre_of(image, labels.RIGHT)
    assert left[0] < right[0]
    np.testing.assert_allclose(left, CENTRE_MM - TO_SIDE_MM, atol=0.15)
    np.testing.assert_allclose(right, CENTRE_MM + TO_SIDE_MM, atol=0.15)


@pytest.mark.parametrize("name", GRIDS)
def test_subunits_fill_exactly_the_voxels_of_their_side(maps, name):
    sides, subunits = maps[name]
    assert (sides.array.dtype, subunits.array.dtype) == (np.uint8, np.uint16)
    assert sides.array.shape == subunits.array.shape == GRIDS[name].shape
    np.testing.assert_array_equal(sides.affine, GRIDS[name].affine)
    np.testing.assert_array_equal(subunits.affine, GRIDS[name].affine)
    per_side = np.array_split(labels.SUBUNIT_LABELS, 2)
    for label, expected in zip((labels.LEFT, labels.RIGHT), per_side, strict=True):
        there = sides.array == label
        np.testing.assert_array_equal(np.isin(subunits.array, expected), there)
        assert set(np.unique(subunits.array[there])) == set(expected)


@pytest.mark.parametrize("name", GRIDS)
def test_subunits_keep_their_order_from_front_to_back(maps, name):
    for per_side in np.array_split(labels.SUBUNIT_LABELS, 2):
        y_mm = [centre_of(maps[name][1], label)[1] for label in per_side]
        assert y_mm == sorted(y_mm, reverse=True)


def test_labels_on_the_fine_grid_are_the_same_sampled_or_not(fine):
    copy = Grid(FINE.shape, FINE.affine.copy())
    np.testing.assert_array_equal(
        hypothalamus_labels(fine, copy).array, hypothalamus_labels(fine, FINE).array
    )
    np.testing.assert_array_equal(
        subunit_labels(fine, copy).array, subunit_labels(fine, FINE).array
    )


def test_sampling_in_slabs_changes_nothing(fine, maps, monkeypatch):
    monkeypatch.setattr(label_grids, "SLAB_POINTS", 5000)
    for draw, expected in zip(
        (hypothalamus_labels, subunit_labels), maps["native oblique"], strict=True
    ):
        found = draw(fine, OBLIQUE).array
        assert found.dtype == expected.array.dtype
        np.testing.assert_array_equal(found, expected.array)


def test_how_the_native_grid_is_stored_changes_nothing(fine, maps):
    affine = OBLIQUE.affine[:, [2, 0, 1, 3]].copy()
    affine[:3, 3] += affine[:3, 1] * (NATIVE_SHAPE[0] - 1)
    affine[:3, 1] *= -1
    shape = (NATIVE_SHAPE[2], NATIVE_SHAPE[0], NATIVE_SHAPE[1])
    again = hypothalamus_labels(fine, Grid(shape, affine)).array
    expected = np.flip(maps["native oblique"][0].array.transpose(2, 0, 1), 1)
    # A voxel centre exactly between two labels may fall to either.
    assert np.count_nonzero(again != expected) <= 2


def test_the_ulm_grid_is_the_one_on_which_the_raters_draw():
    grid = GRIDS["ulm"]
    assert grid.shape == (512, 512, 50)
    np.testing.assert_allclose(grid.spacing_mm, [0.125, 0.125, 0.5])
    np.testing.assert_allclose(grid.centre_mm, FINE.centre_mm)
    directions = grid.affine[:3, :3] / grid.spacing_mm
    assert np.linalg.det(directions) == pytest.approx(1)
    # Coronal: the slices follow each other along y, rows and columns run along x and z.
    np.testing.assert_array_equal(directions, [[1, 0, 0], [0, 0, -1], [0, 1, 0]])


@pytest.mark.parametrize(
    "far_mm",
    [
        (300, 0, 0),
        (-300, 0, 0),
        (0, 300, 0),
        (0, -300, 0),
        (0, 0, 300),
        (0, 0, -300),
        (300, -300, 300),
    ],
)
def test_a_native_grid_away_from_the_region_has_no_labels(fine, far_mm):
    turned = native_grid((2, 0, 1), (1, -1, 1), (0.2, 0.1, 0.3), (1, 1, 1.2), CENTRE_MM + far_mm)
    straight = native_grid((0, 1, 2), (1, 1, 1), (0, 0, 0), (1, 1, 1), CENTRE_MM + far_mm)
    for grid in (turned, straight):
        for found in (hypothalamus_labels(fine, grid), subunit_labels(fine, grid)):
            assert found.array.shape == grid.shape
            assert not found.array.any()


def test_a_native_grid_that_ends_within_a_side_holds_the_part_that_is_in_it(fine):
    affine = np.eye(4)
    affine[:3, 3] = CENTRE_MM - TO_SIDE_MM + [0.5, -20, -20]
    grid = Grid((40, 40, 40), affine)
    expected = true_subunits(grid)
    differing = np.count_nonzero(subunit_labels(fine, grid).array != expected)
    assert differing <= 0.02 * np.count_nonzero(expected)
    sides = hypothalamus_labels(fine, grid)
    ellipsoid_mm3 = 4 / 3 * np.pi * np.prod(RADII_MM)
    assert volume_mm3(sides, labels.RIGHT) == pytest.approx(ellipsoid_mm3, rel=0.04)
    assert volume_mm3(sides, labels.LEFT) == pytest.approx(ellipsoid_mm3 / 2, rel=0.04)
