"""Headers as they come: other character sets, anonymized, incomplete, with private tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from HypothalamusSegLib.errors import DicomSourceError, SeveralFramesError, SeveralSeriesError
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.results.dicom.source_series import read_source_series

from Testing.support.dicom_results import dciodvfy_errors, made
from Testing.support.dicom_series import PATIENT, write_enhanced, write_series
from Testing.support.scan_files import affine_of, head_volume

pytest.importorskip("highdicom", reason="highdicom is not installed")
pydicom = pytest.importorskip("pydicom")

KINDS = ("segmentation", "measurements", "overview")
PICTURE = np.zeros((20, 30, 3), np.uint8)
JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"


def head() -> VoxelImage:
    affine = affine_of((1, 2, 0), (-1, -1, 1), (0.2, 0, 0), (4.0, 4.2, 5.4), (-61, -48, -52))
    return head_volume((40, 42, 24), affine)


def written(folder: Path, pseudonym: str = "") -> list[Path]:
    return made(folder / "series", picture=PICTURE, pseudonym=pseudonym).save(folder, "head")


def change_all(files: list[Path], change) -> None:
    for file in files:
        dataset = pydicom.dcmread(file)
        change(dataset)
        dataset.save_as(file)


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        (["", "ISO 2022 IR 87"], JAPANESE),
        ("ISO_IR 192", JAPANESE),
        ("ISO_IR 100", "Müller^Jürgen"),
        ("ISO_IR 144", "Люкceмбypг"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_a_name_in_any_character_set_stays_what_it_is(tmp_path, character_set, name):
    physician = name
    write_series(
        tmp_path / "series",
        head(),
        SpecificCharacterSet=character_set,
        PatientName=name,
        ReferringPhysicianName=physician,
        StudyDescription=name.split("=")[-1],
    )
    for file in written(tmp_path):
        found = pydicom.dcmread(file)
        assert found.get("StudyDescription", name.split("=")[-1]) == name.split("=")[-1]
        assert (str(found.PatientName), str(found.ReferringPhysicianName)) == (name, physician)
        assert dciodvfy_errors(file) == []


@pytest.mark.parametrize(
    "without",
    [
        tuple(PATIENT),
        ("StudyID", "AccessionNumber"),
        ("FrameOfReferenceUID", "PositionReferenceIndicator"),
        ("SpecificCharacterSet", "SeriesNumber", "Manufacturer"),
    ],
)
def test_what_may_be_missing_may_be_missing(tmp_path, without):
    write_series(tmp_path / "series", head(), without=without)
    files = written(tmp_path)
    assert [file.stem for file in files] == [f"head_{kind}" for kind in KINDS]
    for file in files:
        assert dciodvfy_errors(file) == []


def test_words_of_an_anonymizer_become_empty_and_the_rest_stays(tmp_path):
    files = write_series(tmp_path / "series", head(), PatientID="", PatientName="anonymized")
    raw = b"\x08\x00\x20\x00DA\x08\x00" + PATIENT["StudyDate"].encode()
    for file in files:
        data = file.read_bytes()
        assert raw in data
        data = data.replace(raw, raw[:8] + b"REMOVED ").replace(b"CS\x02\x00F ", b"CS\x02\x00X ")
        file.write_bytes(data.replace(PATIENT["PatientBirthDate"].encode(), b"ANONYM  "))
    for file in written(tmp_path):
        found = pydicom.dcmread(file)
        assert str(found.PatientName) == "anonymized"
        assert [found.PatientID, found.PatientSex, found.StudyDate, found.PatientBirthDate] == [
            "",
            "",
            "",
            "",
        ]
        assert found.AccessionNumber == PATIENT["AccessionNumber"]
        assert dciodvfy_errors(file) == []


def test_private_tags_are_not_carried_over(tmp_path):
    files = write_series(tmp_path / "series", head())

    def add_private(dataset) -> None:
        block = dataset.private_block(0x0029, "VENDOR", create=True)
        block.add_new(0x10, "LO", "secret of the vendor")

    change_all(files, add_private)
    for file in written(tmp_path):
        assert b"secret" not in file.read_bytes()


def test_a_pseudonym_replaces_the_person_and_keeps_the_references(tmp_path):
    others = {"InstitutionName": "Somewhere", "PatientAge": "056Y"}
    files = write_series(tmp_path / "series", head(), **others)
    uid = pydicom.dcmread(files[0]).SeriesInstanceUID
    hidden = {*PATIENT.values(), *others.values()}
    for file in written(tmp_path, pseudonym="P-17"):
        data = file.read_bytes()
        found = pydicom.dcmread(file)
        # Not in the bytes: random identifiers have all digits.
        told = {str(element.value) for element in found.iterall() if element.VR != "UI"}
        assert not told & hidden
        assert (str(found.PatientName), found.PatientID) == ("P-17", "P-17")
        assert uid.encode() in data or "overview" in file.stem
        assert dciodvfy_errors(file) == []


def test_of_two_series_in_a_folder_only_the_chosen_one_is_referred_to(tmp_path):
    first = write_series(tmp_path / "series", head())
    other = write_series(tmp_path / "other", head(), "1.2.826.0.1.3680043.2.1125.5")
    for file in other:
        file.rename(tmp_path / "series" / f"b{file.name}")
    with pytest.raises(SeveralSeriesError):
        read_scan(tmp_path / "series")
    (segmentation, *_) = made(first[3]).save(tmp_path, "head")
    (series,) = pydicom.dcmread(segmentation).ReferencedSeriesSequence
    assert series.SeriesInstanceUID == pydicom.dcmread(first[0]).SeriesInstanceUID
    assert len(series.ReferencedInstanceSequence) == len(first)


def test_a_folder_is_still_one_scan_after_its_objects_were_written_into_it(tmp_path):
    write_series(tmp_path / "series", head())
    before = read_scan(tmp_path / "series")
    made(tmp_path / "series", picture=PICTURE).save(tmp_path / "series", "head")
    after = read_scan(tmp_path / "series")
    assert after.sha256 == before.sha256
    assert after.slice_files == before.slice_files


def test_without_a_study_or_with_one_number_twice_nothing_can_be_referred_to(tmp_path):
    files = write_series(tmp_path / "series", head(), without=("StudyInstanceUID",))
    with pytest.raises(DicomSourceError, match="StudyInstanceUID"):
        made(tmp_path / "series")

    def same(dataset) -> None:
        dataset.StudyInstanceUID = dataset.SOPInstanceUID = "1.2.3"

    change_all(files, same)
    with pytest.raises(DicomSourceError, match="SOPInstanceUID"):
        made(tmp_path / "series")


def test_a_volume_whose_slices_run_the_other_way_gets_the_same_images(tmp_path):
    """Another program may sort the slices from the other end."""
    write_series(tmp_path / "series", head())
    scan = read_scan(tmp_path / "series")
    grid = scan.volume.grid
    turned = grid.affine.copy()
    turned[:3, 3] = grid.points_at(np.array([0.0, 0.0, grid.shape[2] - 1]))
    turned[:3, 2] *= -1
    forward, backward = (
        [header.SOPInstanceUID for header in read_source_series(scan.slice_files, each).headers]
        for each in (grid, Grid(grid.shape, turned))
    )
    assert backward == forward[::-1]


def test_a_volume_that_lies_elsewhere_is_refused(tmp_path):
    write_series(tmp_path / "series", head())
    scan = read_scan(tmp_path / "series")
    grid = scan.volume.grid
    moved = grid.affine.copy()
    moved[0, 3] += 2
    for other in (Grid(grid.shape, moved), Grid((40, 42, 23), grid.affine)):
        with pytest.raises(DicomSourceError):
            read_source_series(scan.slice_files, other)


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)], ids=["axial", "sagittal"])
def test_a_multi_frame_image_is_read_where_it_lies(tmp_path, order, is_reversed):
    affine = affine_of(order, (-1, -1, 1), (0.2, -0.1, 0), (4.0, 4.2, 4.4), (-61, -48, -52))
    volume = head_volume((40, 42, 44), affine)
    write_enhanced(tmp_path / "series", volume, is_reversed)
    found = read_scan(tmp_path / "series").volume
    indices = np.argwhere(np.ones(volume.array.shape, bool))
    at = np.rint(found.grid.indices_of(volume.grid.points_at(indices))).astype(int)
    assert (found.array[tuple(at.T)] == volume.array.ravel()).all()


def test_a_multi_frame_image_with_two_time_points_is_refused(tmp_path):
    file = write_enhanced(tmp_path / "series", head())
    dataset = pydicom.dcmread(file)
    frames = dataset.PerFrameFunctionalGroupsSequence
    for first, second in zip(frames[:12], frames[12:], strict=True):
        second.PlanePositionSequence = first.PlanePositionSequence
    dataset.save_as(file)
    with pytest.raises(SeveralFramesError):
        read_scan(tmp_path / "series")


def test_a_missing_frame_of_a_multi_frame_image_is_flagged(tmp_path):
    file = write_enhanced(tmp_path / "series", head())
    dataset = pydicom.dcmread(file)
    size = dataset.Rows * dataset.Columns * 2
    data = dataset.PixelData
    dataset.PixelData = data[: 11 * size] + data[13 * size :]
    del dataset.PerFrameFunctionalGroupsSequence[11:13]
    dataset.NumberOfFrames = 22
    dataset.save_as(file)
    assert "spacing_suspect" in {flag.code for flag in read_scan(tmp_path / "series").flags}
