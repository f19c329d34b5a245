"""The canonical frame: every hypothalamus at one place, in one pose, of one size."""

from __future__ import annotations

import numpy as np
import pytest
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.canonical_frame import (
    LARGEST_ZOOM,
    CanonicalFrame,
    Moments,
    Template,
    fit_frame,
    mean_template,
    measure_moments,
    rotation_angle_deg,
)
from HypothalamusSegLib.geometry.voxel_image import Grid
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

LEFT_CENTRES_MM = [(-3.5, 5.3, 0), (-3.3, 5.2, 2.6), (-2.5, -4.3, -0.7), (-3.7, 1.3, -1.8)]
LEFT_CENTRES_MM += [(-3.9, 1.1, 2.1)]
MIRRORED = np.array(labels.MIRRORED_CHANNELS[1:]) - 1
LEFT_SHARES = np.array([0.015, 0.027, 0.14, 0.166, 0.152])


def template() -> Template:
    shares = np.concatenate([LEFT_SHARES, LEFT_SHARES])
    shares = shares / shares.sum()
    left = np.array(LEFT_CENTRES_MM)
    centres = np.concatenate([left, left * [-1, 1, 1]])
    return Template(710.0, shares, centres - shares @ centres)


def placed(zoom: float, rotation: np.ndarray, centre_mm: np.ndarray) -> Moments:
    """The template's own moments after a similarity."""
    mean = template()
    volumes = mean.shares * mean.volume_mm3 * zoom**3
    return Moments(volumes, centre_mm + zoom * mean.centres_mm @ rotation.T)


angles = st.floats(-15, 15)


@given(zoom=st.floats(0.85, 1.2), x=angles, y=angles, z=angles)
def test_the_frame_of_a_moved_template_is_the_movement(zoom, x, y, z):
    rotation = Rotation.from_euler("xyz", [x, y, z], degrees=True).as_matrix()
    centre = np.array([3.0, -20.0, 11.0])
    frame = fit_frame(placed(zoom, rotation, centre), template())
    assert frame.centre_mm == pytest.approx(centre, abs=1e-6)
    assert frame.zoom == pytest.approx(zoom, rel=1e-6)
    # The prior holds a little back.
    assert rotation_angle_deg(frame.rotation @ rotation.T) < 1.0


def test_a_mirrored_hypothalamus_has_the_mirrored_frame():
    rotation = Rotation.from_euler("xyz", [8, -5, 11], degrees=True).as_matrix()
    moments = placed(1.1, rotation, np.array([2.0, 1.0, 0.0]))
    flip = np.diag([-1.0, 1.0, 1.0])
    mirrored = Moments(moments.volumes_mm3[MIRRORED], moments.centres_mm[MIRRORED] @ flip)
    frame, other = fit_frame(moments, template()), fit_frame(mirrored, template())
    assert other.zoom == pytest.approx(frame.zoom)
    assert other.rotation == pytest.approx(flip @ frame.rotation @ flip, abs=1e-9)


def test_sizes_beyond_all_anatomy_are_cut_at_the_limit():
    frame = fit_frame(placed(1.6, np.eye(3), np.zeros(3)), template())
    assert frame.zoom == LARGEST_ZOOM


def test_a_pose_beyond_all_heads_is_not_believed():
    rotation = Rotation.from_euler("z", 120, degrees=True).as_matrix()
    frame = fit_frame(placed(1.0, rotation, np.zeros(3)), template())
    assert frame.rotation == pytest.approx(np.eye(3))


def test_whole_sides_alone_turn_the_frame_only_where_they_determine_it():
    # As labels of sides without subunits give them: one centre a side.
    tilt = Rotation.from_euler("xyz", [0, 0, 10], degrees=True).as_matrix()
    moments = placed(1.0, tilt, np.zeros(3))
    volumes = np.zeros(10)
    volumes[[2, 7]] = moments.volume_mm3 / 2
    frame = fit_frame(Moments(volumes, moments.centres_mm), template())
    assert rotation_angle_deg(frame.rotation) < 15
    assert abs(Rotation.from_matrix(frame.rotation).as_euler("xyz", degrees=True)[0]) < 2


def two_balls(grid: Grid, centre_mm: np.ndarray) -> np.ndarray:
    """A posterior (10, …): one ball of radius 4 mm a side, as the posterior subunits."""
    points = grid.points_at(np.moveaxis(np.indices(grid.shape, float), 0, -1))
    posterior = np.zeros((10, *grid.shape))
    for channel, x in ((2, -6.0), (7, 6.0)):
        distance = np.linalg.norm(points - centre_mm - [x, 0, 0], axis=-1)
        posterior[channel] = np.clip(4.5 - distance, 0, 1)
    return posterior


def test_moments_are_the_same_on_a_turned_and_zoomed_grid():
    centre = np.array([5.0, -3.0, 8.0])
    rotation = Rotation.from_euler("xyz", [10, 20, -15], degrees=True).as_matrix()
    upright = CanonicalFrame.upright(centre).grid((40, 40, 40), 0.8)
    oblique = CanonicalFrame(centre + 0.7, rotation, 1.1).grid((40, 40, 40), 0.8)
    first, second = (measure_moments(two_balls(g, centre), g) for g in (upright, oblique))
    assert first.centre_mm == pytest.approx(centre, abs=0.01)
    assert second.centre_mm == pytest.approx(centre, abs=0.03)
    assert second.volume_mm3 == pytest.approx(first.volume_mm3, rel=0.01)
    assert second.centres_mm[[2, 7]] == pytest.approx(first.centres_mm[[2, 7]], abs=0.03)


def test_nothing_has_no_moments():
    grid = Grid.axis_aligned(np.zeros(3), (8, 8, 8), 1.0)
    assert measure_moments(np.zeros((11, 8, 8, 8)), grid) is None


def test_the_template_of_moved_templates_is_the_template():
    generator = np.random.default_rng(3)
    population = []
    for _ in range(12):
        # Poses and sizes in pairs that cancel, so that the mean is known.
        turn = Rotation.from_rotvec(np.radians(8) * generator.standard_normal(3))
        log_zoom = 0.05 * generator.standard_normal()
        for sign in (1, -1):
            rotation = (turn if sign > 0 else turn.inv()).as_matrix()
            centre = generator.standard_normal(3)
            population.append(placed(np.exp(sign * log_zoom), rotation, centre))
    found = mean_template(population)
    assert found.volume_mm3 == pytest.approx(710.0, rel=1e-6)
    assert found.centres_mm == pytest.approx(template().centres_mm, abs=0.05)
    assert found.centres_mm[MIRRORED] == pytest.approx(found.centres_mm * [-1, 1, 1], abs=1e-9)


def test_a_template_is_read_as_it_was_written():
    read = Template.from_json(template().as_json())
    assert read.volume_mm3 == template().volume_mm3
    assert read.centres_mm == pytest.approx(template().centres_mm, abs=1e-4)


def test_a_template_that_lacks_a_subunit_is_refused():
    fields = template().as_json()
    with pytest.raises(ValueError, match="reshape"):
        Template.from_json({**fields, "centres_mm": fields["centres_mm"][:9]})
