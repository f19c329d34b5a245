"""The overview picture shows each structure where it is, on the right side, in any orientation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from HypothalamusSegLib.colours import ICV_COLOUR, LEFT_COLOUR, RIGHT_COLOUR
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.results import overview, plane_pictures
from HypothalamusSegLib.results.overview import CaptionLine, draw_overview
from HypothalamusSegLib.results.planes import AXIAL, CORONAL, SAGITTAL, intensity_window

from Testing.support.phantom_head import LEFT_RADII_MM, phantom

image = pytest.importorskip("matplotlib.image")
COLOUR_TOLERANCE = 40
VOLUMES = CaptionLine("Left 1005 mm³, right 503 mm³")


def rotation(degrees: float, axis: int) -> np.ndarray:
    """Rotation about a world axis as a matrix of shape (4, 4)."""
    first, second = [other for other in range(3) if other != axis]
    matrix, angle = np.eye(4), np.radians(degrees)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def flipped(grid: Grid, axis: int) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, axis] * (grid.shape[axis] - 1)
    affine[:3, axis] *= -1
    return Grid(grid.shape, affine)


def transposed(grid: Grid) -> Grid:
    (i, j, k), order = grid.shape, [2, 0, 1, 3]
    return Grid((k, i, j), grid.affine[:, order])


def oblique(grid: Grid) -> Grid:
    return Grid(grid.shape, rotation(20, 0) @ rotation(-12, 2) @ grid.affine)


def panel_pixels(path: Path, row: int, column: int, colour: str) -> np.ndarray:
    """Image rows and columns, from a panel's top left, of the pixels in an outline's colour."""
    picture = np.round(image.imread(path)[..., :3] * 255)
    left, top = overview._corner(row, column)
    size = overview.PANEL_PX
    panel = picture[round(top) : round(top) + size, round(left) : round(left) + size]
    wanted = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return np.argwhere(np.abs(panel - wanted).max(-1) < COLOUR_TOLERANCE)


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("overview") / "straight.png"
    draw_overview(path, *phantom(), "Phantom", [VOLUMES], ["A warning."])
    return path


@pytest.mark.parametrize("column", [0, 1])
def test_patients_left_is_on_the_images_right(straight: Path, column: int) -> None:
    left = panel_pixels(straight, 0, column, LEFT_COLOUR)
    right = panel_pixels(straight, 0, column, RIGHT_COLOUR)
    middle = overview.PANEL_PX / 2
    assert left[:, 1].min() > middle > right[:, 1].max()


def test_outlines_have_the_size_and_place_of_the_labels(straight: Path) -> None:
    left = panel_pixels(straight, 0, 0, LEFT_COLOUR)
    pixels_per_mm = overview.PANEL_PX / plane_pictures.CLOSE.field_mm
    extent_mm = np.ptp(left, axis=0) / pixels_per_mm
    assert extent_mm == pytest.approx([2 * LEFT_RADII_MM[2], 2 * LEFT_RADII_MM[0]], abs=1.2)
    centre_mm = (left.min(0) + left.max(0)) / 2 / pixels_per_mm - plane_pictures.CLOSE.field_mm / 2
    assert centre_mm == pytest.approx([0.0, 7.0], abs=0.6)


def test_sagittal_planes_cut_one_side_each(straight: Path) -> None:
    for column, (own, other) in {
        2: (RIGHT_COLOUR, LEFT_COLOUR),
        3: (LEFT_COLOUR, RIGHT_COLOUR),
    }.items():
        assert len(panel_pixels(straight, 0, column, own)) > 50
        assert len(panel_pixels(straight, 0, column, other)) == 0


def test_whole_head_row_outlines_the_intracranial_volume(straight: Path) -> None:
    pixels_per_mm = overview.PANEL_PX / plane_pictures.WHOLE_HEAD.field_mm
    # The axial plane lies 6 mm below the centre of the ellipsoid: hardly narrower than its widest.
    outline = panel_pixels(straight, 1, 1, ICV_COLOUR)
    assert np.ptp(outline, axis=0) / pixels_per_mm == pytest.approx([156, 124], abs=3)


@pytest.mark.parametrize(
    "change",
    [lambda grid: flipped(grid, 0), lambda grid: oblique(transposed(flipped(flipped(grid, 1), 2)))],
    ids=["flipped-x", "flipped-yz, transposed and oblique"],
)
def test_orientation_of_the_voxels_does_not_matter(straight: Path, tmp_path: Path, change) -> None:
    path = tmp_path / "other.png"
    draw_overview(path, *phantom(change), "Phantom", [])
    for column, colour in ((0, LEFT_COLOUR), (1, RIGHT_COLOUR)):
        expected = panel_pixels(straight, 0, column, colour)
        found = panel_pixels(path, 0, column, colour)
        pixels_per_mm = overview.PANEL_PX / plane_pictures.CLOSE.field_mm
        for of in (np.min, np.max, np.mean):
            assert of(found, axis=0) == pytest.approx(of(expected, axis=0), abs=pixels_per_mm)


def test_equal_inputs_give_equal_bytes(straight: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.png"
    draw_overview(path, *phantom(), "Phantom", [VOLUMES], ["A warning."])
    assert path.read_bytes() == straight.read_bytes()
    assert b"atplotlib" not in path.read_bytes()


def test_missing_structures_leave_their_outlines_out(straight: Path, tmp_path: Path) -> None:
    scan, hypothalamus, icv = phantom()
    empty = VoxelImage(np.zeros_like(hypothalamus.array), hypothalamus.affine)
    for name, structures in {
        "icv": (None, icv),
        "empty": (empty, icv),
        "none": (None, None),
    }.items():
        draw_overview(tmp_path / f"{name}.png", scan, *structures, "Phantom", [])
        outline = panel_pixels(tmp_path / f"{name}.png", 0, 1, ICV_COLOUR)
        assert bool(len(outline)) == (structures[1] is not None)
        height = image.imread(tmp_path / f"{name}.png").shape[0]
        assert height < 2 * overview.PANEL_PX, "the row of close views must be left out"
    draw_overview(tmp_path / "hypothalamus.png", scan, hypothalamus, None, "Phantom", [])
    assert len(panel_pixels(tmp_path / "hypothalamus.png", 0, 0, LEFT_COLOUR))
    # Some pixels between the two sides' outlines blend to a colour like the ICV's.
    assert len(panel_pixels(tmp_path / "hypothalamus.png", 1, 1, ICV_COLOUR)) < 20
    assert len(panel_pixels(straight, 1, 1, ICV_COLOUR)) > 500


def test_one_sided_label_is_drawn(tmp_path: Path) -> None:
    scan, hypothalamus, icv = phantom()
    left_only = VoxelImage(
        np.where(hypothalamus.array == 1, 1, 0).astype(np.uint8), hypothalamus.affine
    )
    draw_overview(tmp_path / "left.png", scan, left_only, icv, "Phantom", [])
    assert len(panel_pixels(tmp_path / "left.png", 0, 2, LEFT_COLOUR))
    assert not len(panel_pixels(tmp_path / "left.png", 0, 0, RIGHT_COLOUR))


def test_text_of_any_length_and_kind_fits(straight: Path, tmp_path: Path) -> None:
    title = "$\\frac{1" + " scan_with_a_long_name" * 20 + "\udcff\n.nii.gz"
    long = "of a long caption that has to be wrapped somewhere"
    caption = [CaptionLine(f"Line {n} {long}") for n in range(12)]
    path = tmp_path / "long.png"
    draw_overview(path, *phantom(), title, caption, ["A long warning. " * 30] * 3)
    tall, short = image.imread(path), image.imread(straight)
    assert len(tall) > len(short), "the picture must grow with the text"
    assert tall.shape[1] == short.shape[1]
    for picture in (tall, short):
        border = picture[:, -4:, :3]
        assert np.ptp(border.reshape(-1, 3), axis=0).max() == 0, "text runs over the edge"


def test_of_two_lines_with_one_text_only_the_covered_one_is_struck(tmp_path: Path) -> None:
    one, both = ([VOLUMES, CaptionLine(VOLUMES.text, covered)] for covered in (True, False))
    draw_overview(tmp_path / "one.png", *phantom(), "Phantom", one)
    draw_overview(tmp_path / "none.png", *phantom(), "Phantom", both)
    struck, plain = (image.imread(tmp_path / f"{name}.png")[..., :3] for name in ("one", "none"))
    rows, columns = np.nonzero((struck != plain).any(axis=2))
    assert 0 < np.ptp(rows) < overview.LINE_PX, "only that line may change"
    line = np.ix_(np.unique(rows), np.unique(columns))
    assert longest_run(struck[line]) > longest_run(plain[line]) + 60


def longest_run(picture: np.ndarray) -> int:
    """Pixels of the longest horizontal line in faint ink."""
    ink = [int(overview.FAINT_INK[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    is_ink = np.abs(picture - ink).max(-1) < 0.25
    runs = ("".join("x" if pixel else " " for pixel in row).split() for row in is_ink)
    return max((len(run) for row in runs for run in row), default=0)


def test_window_is_taken_from_the_tissue() -> None:
    plane = np.zeros((100, 100), np.float32)
    plane[:30] = np.linspace(50, 100, 3000).reshape(30, 100)
    low, high = intensity_window(plane)
    assert 49 < low < 52
    assert 98 < high <= 100


def test_flat_planes_have_a_window() -> None:
    for value in (0.0, -3.0, np.nan):
        low, high = intensity_window(np.full((8, 8), value, np.float32))
        assert high > low


@pytest.mark.parametrize("view", [CORONAL, AXIAL, SAGITTAL], ids=lambda view: view.name)
def test_plane_grids_are_centred_and_end_where_their_letters_say(view) -> None:
    centre_mm = np.array([3.0, -5.0, 7.0])
    grid = view.grid(centre_mm, 60.0, 100)
    assert grid.centre_mm == pytest.approx(centre_mm)
    assert grid.spacing_mm == pytest.approx(0.6)
    last = np.array(grid.shape) - 1
    ends = {
        "left": [0, 50, 0],
        "right": [last[0], 50, 0],
        "bottom": [50, 0, 0],
        "top": [50, last[1], 0],
    }
    direction = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    for letter, indices in zip(view.edges, ends.values(), strict=True):
        axis, sign = direction[letter]
        offset_mm = grid.points_at(np.array(indices, float)) - centre_mm
        assert sign * offset_mm[axis] > 29
