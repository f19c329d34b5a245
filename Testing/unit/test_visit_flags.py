"""What makes a comparison of visits doubtful is said, and nothing is judged where it is severe."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from HypothalamusSegLib.flags import Flag
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.longitudinal.registration import Registration
from HypothalamusSegLib.longitudinal.visit_flags import TITLES, flags_of
from HypothalamusSegLib.reading.study_identity import StudyIdentity

POSES = (np.eye(4), np.eye(4))
GOOD = Registration(POSES, (0.995, 0.995), (0.85, 0.85), (np.zeros(20),) * 2, True)


def visit(number: int, icv_mm3=1_500_000.0, codes=(), spacing_mm=1.0, identity=None, sha=None):
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    return SimpleNamespace(
        label=f"visit {number}",
        alone_mm3={"icv": icv_mm3} if icv_mm3 else {},
        quality=SimpleNamespace(flags=[Flag(code, "A sentence.") for code in codes]),
        scan=SimpleNamespace(volume=VoxelImage(np.zeros((2, 2, 2)), affine)),
        identity=identity or StudyIdentity(),
        voxels_sha256=sha or str(number),
    )


def codes(visits, registration=GOOD) -> list[str]:
    found = flags_of(visits, registration)
    assert all(flag.code in TITLES and flag.message.endswith(".") for flag in found)
    return [flag.code for flag in found]


def test_two_good_visits_have_no_flag():
    assert codes([visit(1), visit(2)]) == []


def test_visits_without_icv_have_no_flag():
    assert codes([visit(1, icv_mm3=None), visit(2, icv_mm3=None)]) == []


def test_scans_that_do_not_match_are_severe():
    unlike = replace(GOOD, similarity=(0.6, 0.6))
    assert codes([visit(1), visit(2)], unlike) == ["visits_unlike"]
    assert flags_of([visit(1), visit(2)], unlike)[0].is_severe


def test_a_mirrored_visit_is_told_from_another_person():
    mirrored = replace(GOOD, similarity=(0.85, 0.85), mirrored_similarity=(0.995, 0.995))
    assert codes([visit(1), visit(2)], mirrored) == ["mirrored_visit"]
    another = replace(GOOD, similarity=(0.55, 0.55), mirrored_similarity=(0.6, 0.6))
    assert codes([visit(1), visit(2)], another) == ["visits_unlike"]


@pytest.mark.parametrize(("icv_mm3", "expected"), [(1_529_000, []), (1_531_000, ["icv_differs"])])
def test_icv_may_differ_by_two_percent(icv_mm3, expected):
    assert codes([visit(1), visit(2, icv_mm3=icv_mm3)]) == expected


def test_headers_of_two_patients_are_named_but_not_their_identifiers():
    one, other = StudyIdentity(patient_id="A-17"), StudyIdentity(patient_id="B-4")
    found = flags_of([visit(1, identity=one), visit(2, identity=other)], GOOD)
    assert [flag.code for flag in found] == ["patients_differ"]
    assert "A-17" not in found[0].message
    assert codes([visit(1, identity=one), visit(2)]) == []


def test_flags_of_single_scans_count_if_they_touch_the_hypothalamus():
    assert codes([visit(1), visit(2, codes=("not_t1_like",))]) == ["visit_flagged"]
    assert codes([visit(1, codes=("fov_cut",)), visit(2)]) == []


def test_a_stripped_skull_or_contrast_in_one_visit_alone_is_said():
    assert codes([visit(1, codes=("skull_stripped",)), visit(2)]) == ["skull_differs"]
    both = visit(1, codes=("skull_stripped",)), visit(2, codes=("skull_stripped",))
    assert codes(both) == []
    assert codes([visit(1), visit(2, codes=("contrast_enhanced",))]) == ["contrast_differs"]


def test_the_same_picture_twice_is_severe():
    assert codes([visit(1, sha="x"), visit(2, sha="x")]) == ["same_voxels"]


def test_other_voxels_and_a_restless_registration_are_said():
    assert codes([visit(1), visit(2, spacing_mm=1.2)]) == ["voxel_sizes_differ"]
    assert codes([visit(1), visit(2)], replace(GOOD, settled=False)) == ["registration_unsettled"]


def test_severe_flags_come_first():
    unlike = replace(GOOD, similarity=(0.6, 0.6))
    found = flags_of([visit(1), visit(2, spacing_mm=1.2, icv_mm3=1_700_000)], unlike)
    assert [flag.is_severe for flag in found] == [True, False, False]
