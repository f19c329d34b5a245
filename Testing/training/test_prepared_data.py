"""Splits, and the arrays that are prepared for training from labelled scans and heads."""

from __future__ import annotations

import json
from collections import Counter

import nibabel
import numpy as np
import pytest

from Testing.support.labelled_heads import HEADS, SCANNERS, SOFT, WITH_ICV
from Testing.support.small_training import FINE_SPACING_MM
from Training import prepare
from Training.dataset import find_scans
from Training.regions import POSTERIOR_SPACING_MM
from Training.splits import FOLDS, TEST, assign_parts
from Training.training_task import split_subjects

SCANNER_OF = {f"sub-{n:03d}": ("A", "B", "B", "rare")[min(n % 20, 3)] for n in range(60)} | {
    f"sub-{n:03d}": "AB"[n % 2] for n in range(60, 110)
}


def test_split_is_the_same_in_every_order_of_the_subjects():
    backwards = dict(reversed(SCANNER_OF.items()))
    assert assign_parts(SCANNER_OF, 0.2) == assign_parts(backwards, 0.2)


def test_each_scanner_has_its_share_in_the_test_split_and_in_every_fold():
    parts = assign_parts(SCANNER_OF, 0.2)
    assert set(parts) == set(SCANNER_OF)
    for scanner, count in Counter(SCANNER_OF.values()).items():
        found = Counter(parts[s] for s in SCANNER_OF if SCANNER_OF[s] == scanner)
        assert found[TEST] == round(0.2 * count)
        folds = [found[fold] for fold in range(FOLDS)]
        assert max(folds) - min(folds) <= 1
        assert min(folds) >= 1


def test_a_scanner_with_few_subjects_is_kept_for_training():
    assert TEST not in assign_parts(dict.fromkeys("abcde", "few"), 0.2).values()


@pytest.mark.parametrize(("kind", "names"), [("scans", set(SCANNERS)), ("heads", set(HEADS))])
def test_test_subjects_are_in_no_fold_and_each_other_one_is_validated_once(data, kind, names):
    parts = json.loads((data.prepared / "splits.json").read_text(encoding="utf-8"))[kind]
    test = {name for name, part in parts.items() if part == TEST}
    assert set(parts) == names
    assert test
    validated = []
    for fold in range(FOLDS):
        training, validation = split_subjects(data.prepared, kind, fold)
        assert not test & {*training, *validation}
        assert not set(training) & set(validation)
        assert {*training, *validation} == names - test
        validated += validation
    assert sorted(validated) == sorted(names - test)


def test_a_label_head_keeps_its_labels(data):
    labelled = nibabel.load(data.heads / f"{HEADS[0]}_dseg.nii.gz")
    wanted = np.asarray(nibabel.as_closest_canonical(labelled).dataobj)
    with np.load(data.prepared / "heads" / f"{HEADS[0]}.npz") as arrays:
        np.testing.assert_array_equal(arrays["numbers"], np.unique(wanted))
        np.testing.assert_array_equal(arrays["numbers"][arrays["labels"]], wanted)


def test_soft_and_hard_labels_and_masks_are_found(data):
    scans = {scan.subject: scan for scan in find_scans(data.scans)}
    assert {name: scan.scanner for name, scan in scans.items()} == SCANNERS
    assert {name for name, scan in scans.items() if scan.soft_subunits} == set(SOFT)
    assert {name for name, scan in scans.items() if scan.hard_subunits} == set(SCANNERS) - set(SOFT)
    assert {name for name, scan in scans.items() if scan.icv_mask} == set(WITH_ICV)


@pytest.mark.parametrize(
    "soft",
    [
        pytest.param(True, id="soft"),
        pytest.param(False, id="hard"),
    ],
)
def test_prepared_regions_keep_the_volume_of_the_labels(data, soft):
    scans = [scan for scan in find_scans(data.scans) if bool(scan.soft_subunits) == soft]
    for scan in scans:
        posteriors, affine = prepare.subunit_posteriors(scan)
        wanted_mm3 = posteriors.sum() * abs(np.linalg.det(affine[:3, :3]))
        with np.load(data.prepared / "regions" / f"{scan.subject}.npz") as arrays:
            found_mm3 = (arrays["posteriors"] / 255.0).sum() * POSTERIOR_SPACING_MM**3
        assert found_mm3 == pytest.approx(wanted_mm3, rel=0.015)


def test_prepared_fine_masks_keep_the_volume_of_the_masks(data):
    for scan in find_scans(data.scans):
        with np.load(data.prepared / "scans" / f"{scan.subject}.npz") as arrays:
            assert ("fine_icv" in arrays) == bool(scan.icv_mask)
            if scan.icv_mask:
                mask = prepare.load_volume(scan.icv_mask)
                found_mm3 = arrays["fine_icv"].sum(dtype=float) * FINE_SPACING_MM**3
                assert found_mm3 == pytest.approx(
                    mask.array.sum() * mask.voxel_volume_mm3, rel=0.01
                )
                assert arrays["fine_image"].shape == arrays["fine_icv"].shape


def test_folders_without_labels_are_refused_with_what_is_expected(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for kind in ("--scans", "--heads"):
        arguments = [kind, str(tmp_path / "empty"), "--output", str(tmp_path / "prepared")]
        assert prepare.main(arguments) == 1
        assert "expected" in capsys.readouterr().out
    assert not (tmp_path / "prepared").exists()
