"""Visits are registered to their midspace: exactly, whatever differs, and in any order."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from HypothalamusSegLib.geometry import rigid
from HypothalamusSegLib.geometry.resampling import resample_cubic
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.longitudinal.brightness import without_field
from HypothalamusSegLib.longitudinal.midspace import in_midspace, midspace_grid, midspace_points
from HypothalamusSegLib.longitudinal.registration import (
    Registration,
    RegistrationError,
    VisitImage,
    _step,
    register,
)

from Testing.support.waves import Waves, ball

PERSON = Waves(seed=1)
MOVEMENTS = tuple(
    rigid.from_parameters(np.array([*shift_mm, *np.radians(turn_deg)]))
    for shift_mm, turn_deg in (
        ((0.0, 0.0, 0.0), (0, 0, 0)),
        ((7.3, -4.1, 12.6), (6, -9, 4)),
        ((-20.2, 3.3, 1.7), (-3, 2, 8)),
    )
)
# What the fine stage finds of the pose is a few degrees and millimeters from the truth.
START_ERRORS = tuple(
    rigid.from_parameters(np.array([*shift_mm, *np.radians(turn_deg)]))
    for shift_mm, turn_deg in (
        ((0.5, 0.3, -0.7), (2, 0, 1)),
        ((-0.4, 0.6, 0.2), (-1, 2, 0)),
        ((0.1, -0.8, 0.4), (1, 1, -2)),
    )
)


@cache
def scan_of(person: Waves, index: int, spacing_mm: float) -> VoxelImage:
    return person.scan(MOVEMENTS[index], spacing_mm)


def visit(index: int, person: Waves = PERSON, spacing_mm: float = 2.0, change=None) -> VisitImage:
    moved, scan = MOVEMENTS[index], scan_of(person, index, spacing_mm)
    if change is not None:
        scan = VoxelImage(change(scan), scan.affine)
    return VisitImage(scan, ball(moved), moved @ START_ERRORS[index])


def assert_exact(found: Registration, indices=(0, 1)) -> None:
    """No visit is further than 0.05 mm or 0.05° from where it is known to be."""
    to_person = [
        rigid.inverse(MOVEMENTS[i]) @ pose
        for i, pose in zip(indices, found.from_midspace, strict=True)
    ]
    apart = [rigid.inverse(to_person[0]) @ other for other in to_person[1:]]
    assert max(map(rigid.distance_mm, apart)) < 0.05
    assert max(map(rigid.angle_deg, apart)) < 0.05


def noise_and_field(scan: VoxelImage) -> np.ndarray:
    noise = np.random.default_rng(5).normal(0, 5, scan.array.shape)
    field = np.linspace(0.8, 1.2, scan.array.shape[0])[:, None, None]
    return (3.7 * scan.array * field + noise).astype(np.float32)


def lesion(scan: VoxelImage) -> np.ndarray:
    """A fifth of the brain within reach looks quite different."""
    changed = scan.array.copy()
    half = scan.array.shape[0] // 2
    changed[half + 4 : half + 19, half - 8 : half + 8, half - 8 : half + 8] *= 0.2
    return changed


@pytest.fixture(scope="module")
def pair() -> Registration:
    return register([visit(0), visit(1)])


def test_movements_are_found(pair):
    assert pair.settled
    assert min(pair.similarity) > 0.99
    assert_exact(pair)


def test_no_visit_is_the_reference(pair):
    """The midspace is as far from one visit's own pose as from the other's."""
    drifts = [
        rigid.inverse(visit(index).from_frame) @ pose
        for index, pose in enumerate(pair.from_midspace)
    ]
    assert rigid.distance_mm(drifts[0]) == pytest.approx(rigid.distance_mm(drifts[1]), rel=0.01)
    assert rigid.angle_deg(drifts[0]) == pytest.approx(rigid.angle_deg(drifts[1]), rel=0.01)


def test_noise_a_receive_field_a_lesion_and_voxels_do_not_matter_nor_does_the_order():
    visits = [
        visit(0),
        visit(1, change=noise_and_field),
        visit(2, spacing_mm=1.6, change=lesion),
    ]
    forward, backward = register(visits), register(visits[::-1])
    assert_exact(forward, (0, 1, 2))
    for one, other in zip(forward.from_midspace, backward.from_midspace[::-1], strict=True):
        apart = rigid.inverse(one) @ other
        assert rigid.distance_mm(apart) < 1e-6
        assert rigid.angle_deg(apart) < 1e-6


def test_another_person_does_not_match():
    found = register([visit(0), visit(1, person=Waves(seed=2))])
    assert max(found.similarity) < 0.8


def test_the_mirror_image_of_a_mirrored_visit_matches_better(pair):
    assert max(pair.mirrored_similarity) < min(pair.similarity)
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    right = visit(1)
    wrong = VisitImage(
        VoxelImage(right.volume.array, flip @ right.volume.affine),
        VoxelImage(right.icv.array, flip @ right.icv.affine),
        flip @ right.from_frame @ flip,
    )
    found = register([visit(0), wrong])
    assert min(found.mirrored_similarity) > max(found.similarity)
    assert min(found.mirrored_similarity) > 0.98


def test_scans_without_a_common_brain_are_refused():
    first = visit(0)
    apart = np.eye(4)
    apart[0, 3] = 300.0
    elsewhere = VisitImage(first.volume, ball(apart), first.from_frame)
    with pytest.raises(RegistrationError):
        register([first, elsewhere])


def test_a_step_goes_nine_tenths_of_the_way_to_the_other_image():
    inside = np.linalg.norm(midspace_points(), axis=0) < 40
    grid = midspace_grid()
    points = midspace_points().T
    truth = rigid.from_parameters(np.array([0.3, -0.2, 0.1, 0.004, -0.003, 0.002]))
    fixed = PERSON.at(points).reshape(grid.shape)
    moved = points @ rigid.inverse(truth)[:3, :3].T + rigid.inverse(truth)[:3, 3]
    found = _step(PERSON.at(moved).reshape(grid.shape), fixed, inside)
    apart = rigid.inverse(truth) @ found
    assert rigid.distance_mm(apart) < 0.1 * rigid.distance_mm(truth)
    assert rigid.angle_deg(apart) < 0.1 * rigid.angle_deg(truth)


def test_a_receive_field_is_taken_off_half_from_each_visit():
    def field(scan: VoxelImage) -> np.ndarray:
        along = np.linspace(-1, 1, scan.array.shape[1])[None, :, None]
        return (scan.array * np.exp(0.3 * along - 0.2 * along**2)).astype(np.float32)

    visits = [visit(0), visit(1, change=field)]
    found = register(visits)
    grid = midspace_grid()
    near = np.linalg.norm(midspace_points(), axis=0) < 25
    seen = []
    for one, pose, ratio in zip(visits, found.from_midspace, found.log_ratios, strict=True):
        corrected = without_field(one.volume, pose, ratio)
        seen.append(resample_cubic(in_midspace(corrected, pose), grid).ravel()[near].clip(20))
    ratio = np.log(seen[1] / seen[0])
    assert ratio.std() < 0.02
    before = [
        resample_cubic(in_midspace(v.volume, pose), grid).ravel()[near].clip(20)
        for v, pose in zip(visits, found.from_midspace, strict=True)
    ]
    assert np.log(before[1] / before[0]).std() > 0.06
    taken = [np.log(s / b).mean() for s, b in zip(seen, before, strict=True)]
    assert taken[0] == pytest.approx(-taken[1], abs=0.02)
    assert np.allclose(sum(found.log_ratios), 0)
