"""Which scans a cohort has: BIDS, plain folder, table."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from HypothalamusSegLib.errors import ScanListError

from Cohort.participant.scan_list import CohortScan, find_scans

PREAMBLE = b"\0" * 128 + b"DICM"


def touch(folder: Path, *names: str, content: bytes = b"") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def data_set(tmp_path) -> Path:
    return touch(
        tmp_path / "bids",
        "dataset_description.json",
        "sub-01/ses-1/anat/sub-01_ses-1_acq-mprage_run-1_T1w.nii.gz",
        "sub-01/ses-1/anat/sub-01_ses-1_acq-mprage_run-2_T1w.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_acq-space_T1w.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_T2w.nii.gz",
        "sub-01/ses-2/func/sub-01_ses-2_task-rest_bold.nii.gz",
        "sub-02/anat/sub-02_T1w.nii",
        "derivatives/other/sub-02/anat/sub-02_desc-brain_T1w.nii.gz",
        "sourcedata/sub-03/anat/sub-03_T1w.nii.gz",
    )


def names(scans: list[CohortScan]) -> list[str]:
    return [scan.name for scan in scans]


def test_all_raw_t1w_images_of_a_bids_data_set_are_found_and_nothing_else(data_set):
    scans = find_scans(data_set)
    assert names(scans) == [
        "sub-01_ses-1_acq-mprage_run-1",
        "sub-01_ses-1_acq-mprage_run-2",
        "sub-01_ses-2_acq-space",
        "sub-02",
    ]
    assert [(scan.subject, scan.session) for scan in scans] == [
        ("01", "1"),
        ("01", "1"),
        ("01", "2"),
        ("02", ""),
    ]
    assert all(scan.path.exists() for scan in scans)


@pytest.mark.parametrize("label", ["01", "sub-01"])
def test_participants_and_sessions_are_chosen_with_or_without_their_prefix(data_set, label):
    assert len(find_scans(data_set, [label])) == 3
    assert names(find_scans(data_set, [label], ["ses-2"])) == ["sub-01_ses-2_acq-space"]


def test_a_label_that_no_scan_has_is_named(data_set):
    with pytest.raises(ScanListError, match="sub-77"):
        find_scans(data_set, ["01", "77"])


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"acquisition": "mprage"}, 2),
        ({"run": 2}, 1),
        ({"acquisition": None}, 1),
        ({"acquisition": "*"}, 3),
        ({"acquisition": ["mprage", "space"]}, 3),
    ],
)
def test_a_filter_file_is_understood_as_fmriprep_does(data_set, tmp_path, filters, count):
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"t1w": filters, "bold": {"task": "rest"}}))
    assert len(find_scans(data_set, filter_file=path)) == count


@pytest.mark.parametrize("text", ["{", "[1]", '{"t1w": 3}', None])
def test_a_filter_file_that_is_none_is_named(data_set, tmp_path, text):
    path = tmp_path / "filter.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ScanListError, match=r"filter\.json"):
        find_scans(data_set, filter_file=path)


def test_a_plain_folder_gives_every_image_and_every_dicom_folder(tmp_path):
    folder = touch(
        tmp_path / "scans",
        "patient_A.nii.gz",
        "more/patient-B.mgz",
        "more/notes.txt",
        ".hidden.nii.gz",
    )
    touch(folder, "patientC/IM0001", "patientC/IM0002", content=PREAMBLE)
    scans = find_scans(folder)
    assert [(scan.name, scan.path.name) for scan in scans] == [
        ("sub-patientA", "patient_A.nii.gz"),
        ("sub-patientB", "patient-B.mgz"),
        ("sub-patientC", "patientC"),
    ]


def test_two_files_that_would_have_one_name_are_both_named(tmp_path):
    folder = touch(tmp_path / "scans", "a_1.nii.gz", "more/a-1.nrrd")
    with pytest.raises(ScanListError, match=r"a_1\.nii\.gz and .*a-1\.nrrd"):
        find_scans(folder)


@pytest.mark.parametrize(("suffix", "mark"), [(".csv", ","), (".tsv", "\t")])
def test_a_table_gives_participants_sessions_and_paths_relative_to_it(tmp_path, suffix, mark):
    rows = (
        ("participant_id", "session_id", "path"),
        ("sub-01", "ses-1", "a.nii"),
        ("02", "", "x/b.mgz"),
    )
    table = tmp_path / f"cohort{suffix}"
    table.write_text("\ufeff" + "\n".join(mark.join(row) for row in rows) + "\n", encoding="utf-8")
    scans = find_scans(table)
    assert names(scans) == ["sub-01_ses-1", "sub-02"]
    assert [scan.path for scan in scans] == [tmp_path / "a.nii", tmp_path / "x/b.mgz"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("participant_id,file\n1,a.nii\n", "path"),
        ("participant_id,path\n,a.nii\n", "line 2"),
        ("participant_id,path\n__,a.nii\n", "no letter or digit"),
        ("participant_id,path\n", "No T1-weighted scan"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, text, match):
    table = tmp_path / "cohort.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(ScanListError, match=match):
        find_scans(table)


@pytest.mark.parametrize("source", ["missing", "empty", "words.txt"])
def test_a_source_without_scans_says_so(tmp_path, source):
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.txt").write_text("no table", encoding="utf-8")
    with pytest.raises(ScanListError, match=source):
        find_scans(tmp_path / source)


def test_the_real_data_set_has_all_its_scans(shared_data):
    scans = find_scans(shared_data / "hypothalamus")
    there = sorted(path.name for path in (shared_data / "hypothalamus").glob("sub-*"))
    assert [scan.name for scan in scans] == there


def test_an_unknown_entity_in_the_filter_file_is_named(data_set, tmp_path):
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"t1w": {"acquisiton": "mprage"}}), encoding="utf-8")
    with pytest.raises(ScanListError, match=r"filter\.json.*'acquisiton'.*'acquisition'"):
        find_scans(data_set, filter_file=path)


def test_names_in_any_script_have_labels_of_their_own(tmp_path):
    umlaut = unicodedata.normalize("NFD", "Müller.nii.gz")
    folder = touch(tmp_path / "scans", umlaut, "Möller.nii.gz", "患者.nii.gz", "Straße.nii.gz")
    labels = [scan.name for scan in find_scans(folder)]
    assert labels == ["sub-Moller", "sub-Muller", "sub-Strau00dfe", "sub-u60a3u8005"]


def test_an_image_beside_its_compressed_twin_is_used_once(tmp_path, capsys):
    folder = touch(tmp_path / "scans", "a.nii", "a.nii.gz", "b.nii")
    assert [scan.path.name for scan in find_scans(folder)] == ["a.nii.gz", "b.nii"]
    assert "a.nii is not used, since a.nii.gz is next to it" in capsys.readouterr().err
