"""Date and patient of a DICOM series, and nothing of other files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from HypothalamusSegLib.reading.study_identity import StudyIdentity, study_identity

from Testing.support.scan_files import head_volume, write_dicom, write_scan

ACQUIRED, STUDY, PATIENT = "0008|0022", "0008|0020", "0010|0020"


def series(folder: Path, **header: str) -> Path:
    write_dicom(folder, head_volume((16, 16, 3)), header=header)
    return folder


def test_the_date_of_acquisition_comes_before_that_of_the_study(tmp_path):
    folder = series(tmp_path, **{ACQUIRED: "20210503", STUDY: "20210430", PATIENT: "A-17"})
    expected = StudyIdentity(date(2021, 5, 3), "A-17")
    assert study_identity(folder) == expected
    assert study_identity(next(folder.iterdir())) == expected


def test_the_date_of_the_study_is_better_than_none(tmp_path):
    assert study_identity(series(tmp_path, **{STUDY: "20210430"})).acquired == date(2021, 4, 30)


@pytest.mark.parametrize("wrong", ["2021", "20211345", "n/a"])
def test_a_date_that_is_none_is_none(tmp_path, wrong):
    assert study_identity(series(tmp_path, **{STUDY: wrong})).acquired is None


def test_other_formats_and_folders_say_nothing(tmp_path):
    path = write_scan(tmp_path / "head.nii.gz", head_volume())
    assert study_identity(path) == StudyIdentity()
    assert study_identity(tmp_path) == StudyIdentity()
