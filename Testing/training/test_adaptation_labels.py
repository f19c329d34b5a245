"""A rater's files: what is found in a folder, and labels that no network should learn from."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.reading import read_label_map

from Testing.support.soft_subunits import UPRIGHT, subunits_at, usual
from Training.adaptation.case_files import (
    CaseFile,
    TrainingCasesError,
    corrected_protocol,
    find_case_files,
)
from Training.adaptation.cases import refuse_unusable
from Training.adaptation.label_checks import (
    LabelFinding,
    UnknownValuesError,
    as_sides,
    check_grid,
    check_label,
    check_protocols,
    check_shape,
    check_volumes,
    kind_of,
)
from Training.adaptation.targets import SIDES, SUBUNITS, WHOLE
from Training.regions import posterior_grid

SCAN = Grid.axis_aligned(np.zeros(3), (60, 70, 60), 3.0)
HERE = posterior_grid(np.zeros(3))


def box(shape=(60, 70, 60), where=np.s_[28:32, 33:37, 28:32], value=1) -> np.ndarray:
    array = np.zeros(shape, np.int32)
    array[where] = value
    return array


def codes(findings: list[LabelFinding]) -> list[str]:
    return [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], SIDES),
        ([1], WHOLE),
        ([255], WHOLE),
        ([803, 808], SIDES),
        ([801, 806], SUBUNITS),
        (list(labels.SUBUNIT_LABELS), SUBUNITS),
    ],
)
def test_kinds_are_told_by_their_values(values, kind):
    assert kind_of(values) == kind


@pytest.mark.parametrize("values", [[1, 3], [5, 6], [1, 2, 3], [801, 900]])
def test_other_values_are_asked_for(values):
    with pytest.raises(UnknownValuesError, match=str(values[-1])):
        kind_of(values)
    if len(values) == 2:
        assert kind_of(values, tuple(values)) == SIDES


def test_sides_of_any_values_become_left_and_right():
    array = box(value=5) + box(where=np.s_[40:44, 33:37, 28:32], value=9)
    drawn = as_sides(VoxelImage(array, np.eye(4)), (9, 5)).array
    assert set(np.unique(drawn)) == {0, 1, 2}
    assert (drawn[array == 9] == labels.LEFT).all()


def test_an_empty_label_and_one_of_another_grid_are_refused():
    assert codes(check_grid("a", VoxelImage(box(value=0), SCAN.affine), SCAN)) == ["empty"]
    assert codes(check_grid("a", VoxelImage(box(), SCAN.affine), SCAN)) == []
    lost = VoxelImage(box(), np.diag([3.0, 3.0, 3.0, 1.0]))
    assert codes(check_grid("a", lost, SCAN)) == ["another_grid"]
    elsewhere = Grid.axis_aligned(np.array([0, 0, 300.0]), (20, 20, 20), 1.0)
    outside = VoxelImage(np.ones((20, 20, 20), int), elsewhere.affine)
    assert codes(check_grid("a", outside, SCAN)) == ["another_grid"]
    # A finer grid around the hypothalamus is usual.
    fine = Grid.axis_aligned(np.zeros(3), (20, 20, 20), 0.5)
    assert codes(check_grid("a", VoxelImage(np.ones((20, 20, 20), int), fine.affine), SCAN)) == []


def wrong(name: str, target: np.ndarray) -> np.ndarray:
    if name == "one_sided":
        target[5:] *= 0.2
    elif name == "mirrored":
        target = np.concatenate([target[5:], target[:5]])
    elif name == "off_place":
        target = np.roll(target, 22, axis=3)
    return target


@pytest.mark.parametrize("name", ["one_sided", "mirrored", "off_place"])
def test_labels_that_contradict_what_the_parent_sees_are_refused(name):
    answer = usual()
    (finding,) = check_label("a", wrong(name, answer.copy()), answer, HERE, SIDES)
    assert finding.code == name
    assert finding.is_fatal


def test_a_protocol_that_draws_much_less_or_more_is_no_mistake():
    small, large = subunits_at(UPRIGHT, 0.0), usual()
    assert check_label("a", small, large, HERE, SIDES) == []
    assert check_label("a", large, small, HERE, WHOLE) == []


def test_holes_and_loose_pieces_are_named_and_nothing_more():
    array = box((40, 40, 40), np.s_[5:15, 5:15, 5:15]) + box(
        (40, 40, 40), np.s_[25:35, 5:15, 5:15], 2
    )
    whole = VoxelImage(array, np.eye(4))
    assert check_shape("a", whole, SIDES) == []
    assert check_shape("a", whole, WHOLE) == []
    array[8:12, 8:12, 8:12] = 0
    array[5:10, 30:35, 30:36] = 1
    found = check_shape("a", whole, SIDES)
    assert codes(found) == ["holes", "pieces"]
    assert not any(finding.is_fatal for finding in found)


def test_a_case_far_from_the_others_in_volume_is_named():
    ratios = {"a": 0.8, "b": 0.82, "c": 0.78, "d": 0.81, "e": 1.4}
    (finding,) = check_volumes(ratios)
    assert finding.case == "e"
    assert "larger" in finding.message
    assert check_volumes({**ratios, "e": 0.9}) == []


def test_every_case_that_cannot_be_used_is_named_with_what_to_do():
    findings = [LabelFinding("sub-01", "empty", "x. Save it again.")]
    with pytest.raises(TrainingCasesError, match=r"sub-01: x\. Save it again(.|\n)*--skip-bad"):
        refuse_unusable([], findings, skip_bad=False)
    with pytest.raises(TrainingCasesError, match="at least 5"):
        refuse_unusable([], findings, skip_bad=True)


def touch(folder, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")


def test_slicers_training_cases_and_labels_beside_the_scan_are_found(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "derivatives/AB/sub-01/anat/sub-01_subunits_dseg.nii.gz",
        "derivatives/AB/sub-01/anat/sub-01_icv_mask.nii.gz",
        "derivatives/AB/sub-01/anat/sub-01_review.json",
        "sub-02/ses-1/anat/sub-02_ses-1_T1w.nii.gz",
        "sub-02/ses-1/anat/sub-02_ses-1_hypothalamus_mask.nii.gz",
        "sub-03/anat/sub-03_T1w.nii.gz",
        "derivatives/other/sub-03/anat/sub-03_desc-brain_mask.nii.gz",
    )
    first, second, third = find_case_files(tmp_path)
    assert first.label.name == "sub-01_subunits_dseg.nii.gz"
    assert second.subject == "sub-02"
    assert second.label.name == "sub-02_ses-1_hypothalamus_mask.nii.gz"
    assert third.label is None


def test_two_raters_of_one_scan_are_asked_for(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "derivatives/AB/sub-01/anat/sub-01_dseg.nii.gz",
        "derivatives/CD/sub-01/anat/sub-01_dseg.nii.gz",
    )
    with pytest.raises(TrainingCasesError, match=r"2 label maps(.|\n)*--rater"):
        find_case_files(tmp_path)
    (chosen,) = find_case_files(tmp_path, "CD")
    assert chosen.label.parts[-4] == "CD"


def test_a_folder_without_scans_is_refused(tmp_path):
    with pytest.raises(TrainingCasesError, match="no scan"):
        find_case_files(tmp_path)


def test_a_small_label_map_is_read_though_no_head_would_fit_it(tmp_path):
    array = box((12, 12, 12), np.s_[3:6, 3:6, 3:6], 803).astype(np.int16)
    affine = np.diag([-0.5, 0.5, 0.5, 1.0])
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "label.nii.gz")
    found, checksum = read_label_map(tmp_path / "label.nii.gz")
    assert np.array_equal(found.array, array)
    assert found.affine == pytest.approx(affine)
    assert len(checksum) == 64


def test_a_label_that_was_corrected_from_other_outlines_is_named(tmp_path):
    files = []
    for number, protocol in enumerate(("Ours {x}", "Ours {x}", "Theirs", None, 7)):
        label = tmp_path / f"sub-{number}_dseg.nii.gz"
        log = {"protocol": protocol} if protocol else {}
        text = json.dumps(log) if protocol else "no JSON"
        (tmp_path / f"sub-{number}_review.json").write_text(text, encoding="utf-8")
        files.append(CaseFile(f"sub-{number}", f"sub-{number}", tmp_path / "scan.nii", label))
    found = check_protocols({file.name: corrected_protocol(file) for file in files})
    assert [(each.case, each.is_fatal) for each in found] == [("sub-2", False)]
    assert "“Theirs”, others from “Ours {x}”" in found[0].message
    assert check_protocols({"sub-1": "", "sub-2": ""}) == []
