"""The picture of three coronal planes: what lies in its halves, and where the planes are."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib.colours import LEFT_COLOUR, RIGHT_COLOUR
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from matplotlib.colors import to_rgb
from PIL import Image

from Cohort.participant.coronal_planes import (
    GAP_PX,
    PANEL_PX,
    draw_planes,
    have_planes,
    plane_centres_mm,
)

SIZE, BACK, FRONT = 40, 12, 27
CELL_PX = PANEL_PX + GAP_PX


@pytest.fixture(scope="module")
def head() -> tuple[VoxelImage, VoxelImage]:
    """A gradient from back to front, and two bars along it; RAS, 1 mm, in LAS order of voxels."""
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = [SIZE / 2, -SIZE / 2, -SIZE / 2]
    along = np.broadcast_to(np.arange(SIZE)[None, :, None] + 10.0, (SIZE,) * 3)
    texture = np.random.default_rng(1).normal(0, 0.5, (SIZE,) * 3)
    labels = np.zeros((SIZE,) * 3, np.uint8)
    # Voxels run to the left: what has small i is on the right.
    labels[13:18, BACK : FRONT + 1, 17:23] = 2
    labels[23:28, BACK : FRONT + 1, 17:23] = 1
    return VoxelImage((along + texture).astype(np.float32), affine), VoxelImage(labels, affine)


@pytest.fixture(scope="module")
def picture(head, tmp_path_factory) -> np.ndarray:
    path = tmp_path_factory.mktemp("planes") / "planes.png"
    draw_planes(path, *head)
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def places_of(picture: np.ndarray, colour: str) -> np.ndarray:
    """Columns in which a colour is seen."""
    distance = np.abs(picture - 255 * np.array(to_rgb(colour))).max(axis=2)
    return np.unique(np.nonzero(distance < 30)[1])


def test_the_planes_lie_in_the_hindmost_middle_and_foremost_part(head):
    y_mm = [centre[1] for centre in plane_centres_mm(head[1])]
    back, front = BACK - SIZE / 2, FRONT - SIZE / 2
    assert y_mm == pytest.approx([back + share * (front - back) for share in (0.8, 0.5, 0.2)])
    # Between the sides.
    assert [centre[0] for centre in plane_centres_mm(head[1])] == pytest.approx([0.0] * 3, abs=1)


def test_one_half_has_outlines_and_the_other_is_the_same_without(picture):
    assert picture.shape[:2] == (PANEL_PX, 6 * CELL_PX)
    half = picture.shape[1] // 2
    for colour in (LEFT_COLOUR, RIGHT_COLOUR):
        columns = places_of(picture, colour)
        assert columns.min() >= half
        assert set((columns - half) // CELL_PX) == {0, 1, 2}
    plain, outlined = picture[:, :half], picture[:, half:]
    changed = (plain != outlined).any(axis=2)
    assert 0.001 < changed.mean() < 0.05


def test_the_patients_left_is_on_the_right_of_each_plane(picture):
    for plane in range(3):
        start = (3 + plane) * CELL_PX
        cell = picture[:, start : start + CELL_PX]
        left, right = places_of(cell, LEFT_COLOUR), places_of(cell, RIGHT_COLOUR)
        assert left.min() > CELL_PX / 2 > right.max()


def test_a_scan_without_a_hypothalamus_has_no_planes(head):
    hypothalamus = head[1]
    nothing = VoxelImage(np.zeros_like(hypothalamus.array), hypothalamus.affine)
    assert [have_planes(image) for image in (hypothalamus, nothing, None)] == [True, False, False]


def test_the_picture_tells_nothing_of_its_maker_or_scan(head, tmp_path):
    path = tmp_path / "sub-secret_planes.png"
    draw_planes(path, *head)
    assert set(Image.open(path).info) <= {"dpi"}
    again = tmp_path / "again.png"
    draw_planes(again, *head)
    assert path.read_bytes() == again.read_bytes()
