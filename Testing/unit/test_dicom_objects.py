"""DICOM objects say what the table says, and are valid for others."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.errors import DicomPackageMissingError, DicomSourceError
from HypothalamusSegLib.geometry.voxel_image import volume_from_image
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.results.dicom.contents import PersonReview, SegmentMask
from HypothalamusSegLib.results.dicom.engine_result import contents_of
from HypothalamusSegLib.results.dicom.highdicom_package import import_highdicom
from HypothalamusSegLib.results.dicom.objects import make_objects
from HypothalamusSegLib.results.dicom.source_series import read_source_series
from HypothalamusSegLib.results.dicom.structure_codes import STRUCTURE_CODES

from Testing.support.command_runs import REPOSITORY
from Testing.support.dicom_results import (
    FLAG,
    ROWS,
    assert_same_points,
    dciodvfy_errors,
    dcmqi,
    description,
    labels_in,
    made,
    marked_points,
)
from Testing.support.dicom_series import PATIENT, small_head, write_series

highdicom = pytest.importorskip("highdicom", reason="highdicom is not installed")
pydicom = pytest.importorskip("pydicom")

KINDS = ("segmentation", "measurements", "overview")
PICTURE = np.random.default_rng(3).integers(0, 255, (30, 40, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A series and its three objects; only to be read."""
    base = tmp_path_factory.mktemp("dicom")
    write_series(base / "series", small_head())
    made(base / "series", picture=PICTURE).save(base, "head")
    return base


def test_dcmqi_reads_the_same_voxels_and_codes(folder, tmp_path):
    dcmqi(
        *("segimage2itkimage", "--inputDICOM", folder / "head_segmentation.dcm"),
        *("--outputDirectory", tmp_path, "-p", "s", "-t", "nifti"),
    )
    scan = read_scan(folder / "series")
    sides, _, icv = labels_in(scan.volume.array.shape, scan.volume.affine)
    expected = (sides.array == 1, sides.array == 2, icv.array > 0)
    for number, inside in enumerate(expected, 1):
        found = volume_from_image(sitk.ReadImage(str(tmp_path / f"s-{number}.nii.gz")))
        points = marked_points(found.grid, found.array > 0)
        assert_same_points(points, marked_points(scan.volume.grid, inside))
    meta = json.loads((tmp_path / "s-meta.json").read_text(encoding="utf-8"))
    left = meta["segmentAttributes"][0][0]
    assert left["SegmentAlgorithmType"] == "AUTOMATIC"
    assert left["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "67923007"
    assert left["SegmentedPropertyTypeModifierCodeSequence"]["CodeMeaning"] == "Left"


def test_dcmqi_reads_the_numbers_of_the_table(folder, tmp_path):
    target = tmp_path / "report.json"
    dcmqi(
        *("tid1500reader", "--inputDICOM", folder / "head_measurements.dcm"),
        *("--outputMetadata", target),
    )
    groups = json.loads(target.read_text(encoding="utf-8"))["Measurements"]
    found = {group["TrackingIdentifier"]: group["measurementItems"] for group in groups}
    volume, percent, adjusted = found["hypothalamus_left"]
    assert float(volume["value"]) == 410.123
    assert volume["units"]["CodeValue"] == "mm3"
    assert float(percent["value"]) == pytest.approx(100 * 410.123 / 1.4e6, abs=1e-6)
    assert float(adjusted["value"]) == pytest.approx(439.418, abs=1e-3)
    upper, lower = (float(p["numPropertyValue"]) for p in volume["measurementNumProperties"])
    assert (upper, lower) == (pytest.approx(82.025, abs=1e-3), pytest.approx(41.012, abs=1e-3))
    (icv,) = found["icv"]
    assert (float(icv["value"]), icv["units"]["CodeValue"]) == (1400.0, "mL")


@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(folder, kind):
    assert dciodvfy_errors(folder / f"head_{kind}.dcm") == []


def test_highdicom_reads_segments_references_and_flags(folder):
    seg = highdicom.seg.segread(folder / "head_segmentation.dcm")
    report = highdicom.sr.srread(folder / "head_measurements.dcm")
    groups = content_of(report).get_volumetric_roi_measurement_groups()
    segments = {group.tracking_identifier: group.referenced_segment for group in groups}
    for number in seg.segment_numbers:
        described = seg.get_segment_description(number)
        reference = segments[described.tracking_id]
        assert reference.referenced_segment_numbers == [number]
        assert reference.referenced_sop_instance_uid == seg.SOPInstanceUID
    (total,) = content_of(report).get_image_measurement_groups()
    assert total.tracking_identifier == "hypothalamus_total"
    evidence = {
        item.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    sources = {pydicom.dcmread(f).SOPInstanceUID for f in (folder / "series").iterdir()}
    assert evidence == {*sources, seg.SOPInstanceUID}
    texts = remarks(report)
    assert texts["noisy"] == FLAG["message"]
    assert "not a medical device" in texts["research_only"]
    assert texts["protocol"] == "Somebody 2026"
    algorithm = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert "protocol=Somebody 2026" in algorithm.AlgorithmParameters


def remarks(report) -> dict[str, str]:
    """Texts below the qualitative evaluations, by the code of their names."""
    (container,) = (
        item
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "C0034375"
    )
    found = {}
    for item in container.ContentSequence:
        name = item.ConceptNameCodeSequence[0]
        found[name.get("CodeValue") or name.LongCodeValue] = item.TextValue
    return found


def content_of(report):
    return highdicom.sr.EnhancedSR.from_dataset(report).content


def observers(report) -> list[str]:
    return [
        item.ConceptCodeSequence[0].CodeMeaning
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Observer Type"
    ]


def test_only_a_review_makes_a_person_an_observer(folder):
    scan = read_scan(folder / "series")
    source = read_source_series(scan.slice_files, scan.volume.grid)
    images = labels_in(scan.volume.array.shape, scan.volume.affine)
    contents = contents_of(description(), ROWS, images)
    unreviewed = make_objects(contents, source).by_kind["measurements"]
    assert observers(unreviewed) == ["Device"]
    review = PersonReview("Roe^Ada", "Accepted.")
    reviewed = make_objects(replace(contents, review=review), source).by_kind["measurements"]
    assert observers(reviewed) == ["Person", "Device"]
    assert remarks(reviewed)["review"] == "Accepted."


def test_an_edited_segment_is_semiautomatic_and_its_volume_is_that_of_its_voxels(folder, tmp_path):
    scan = read_scan(folder / "series")
    source = read_source_series(scan.slice_files, scan.volume.grid)
    contents = contents_of(
        description(), ROWS, labels_in(scan.volume.array.shape, scan.volume.affine)
    )
    left, right, icv = contents.masks
    edited = replace(
        contents,
        masks=(replace(left, is_edited=True), right, icv),
        measured=tuple(
            replace(m, is_edited=m.structure == "hypothalamus_left") for m in contents.measured
        ),
    )
    made_of = make_objects(edited, source).by_kind
    kinds = [s.SegmentAlgorithmType for s in made_of["segmentation"].SegmentSequence]
    assert kinds == ["SEMIAUTOMATIC", "AUTOMATIC", "AUTOMATIC"]
    groups = content_of(made_of["measurements"]).get_volumetric_roi_measurement_groups()
    methods = {group.tracking_identifier: group.method.value for group in groups}
    assert methods["hypothalamus_left"] == "126030"
    assert methods["hypothalamus_right"] == "posterior_sum"


def test_numbers_that_a_severe_flag_covers_are_withheld_and_the_report_says_so(folder):
    flags = [{"code": "skull_stripped", "message": "The skull was removed."}]
    report = made(folder / "series", flags).by_kind["measurements"]
    groups = content_of(report).get_volumetric_roi_measurement_groups()
    names = {
        group.tracking_identifier: [m.name.value for m in group.get_measurements()]
        for group in groups
    }
    assert names == {
        "hypothalamus_left": ["118565006"],
        "hypothalamus_right": ["118565006"],
        "icv": [],
    }
    assert remarks(report).keys() >= {"skull_stripped", "withheld"}


def test_an_empty_structure_has_no_segment_but_its_number(folder):
    scan = read_scan(folder / "series")
    source = read_source_series(scan.slice_files, scan.volume.grid)
    shape = scan.volume.array.shape
    contents = contents_of(description(), ROWS, labels_in(shape, scan.volume.affine))
    masks = (SegmentMask("hypothalamus_left", np.zeros(shape, bool)), *contents.masks[1:])
    found = make_objects(replace(contents, masks=masks), source).by_kind
    tracked = [s.TrackingID for s in found["segmentation"].SegmentSequence]
    assert tracked == ["hypothalamus_right", "icv"]
    groups = content_of(found["measurements"]).get_image_measurement_groups()
    assert {g.tracking_identifier for g in groups} == {"hypothalamus_left", "hypothalamus_total"}
    empty = tuple(SegmentMask(m.structure, np.zeros(shape, bool)) for m in masks)
    with pytest.raises(DicomSourceError, match="empty"):
        make_objects(replace(contents, masks=empty), source)


def test_patient_and_study_are_those_of_the_source_and_series_are_new(folder):
    source = pydicom.dcmread(next((folder / "series").iterdir()))
    series = set()
    for kind in KINDS:
        found = pydicom.dcmread(folder / f"head_{kind}.dcm")
        assert found.StudyInstanceUID == source.StudyInstanceUID
        for keyword in PATIENT.keys() - {"StudyDescription"}:
            assert str(found.get(keyword)) == str(source.get(keyword)), keyword
        series.add(found.SeriesInstanceUID)
    assert len(series) == 3
    assert source.SeriesInstanceUID not in series


def test_a_second_run_makes_other_objects_and_overwrites_no_file(folder, tmp_path):
    first, second = made(folder / "series"), made(folder / "series")
    uids = [
        (dataset.SOPInstanceUID, dataset.SeriesInstanceUID)
        for objects in (first, second)
        for dataset in objects.by_kind.values()
    ]
    assert len({uid for pair in uids for uid in pair}) == 8
    first.save(tmp_path, "head")
    with pytest.raises(FileExistsError):
        second.save(tmp_path, "head")


def test_the_picture_says_that_its_text_is_burned_in(folder):
    capture = pydicom.dcmread(folder / "head_overview.dcm")
    assert (capture.BurnedInAnnotation, capture.RecognizableVisualFeatures) == ("YES", "YES")
    assert (capture.pixel_array == PICTURE).all()


def test_codes_are_those_of_the_terminology():
    path = REPOSITORY / "HypothalamusSeg/Resources/Terminologies/HypothalamusSeg.term.json"
    (category,) = json.loads(path.read_text(encoding="utf-8"))["SegmentationCodes"]["Category"]

    def triple(entry: dict) -> tuple[str, str, str]:
        return entry["CodeValue"], entry["CodingSchemeDesignator"], entry["CodeMeaning"]

    for kind in category["Type"]:
        code = STRUCTURE_CODES[kind["3dSlicerLabel"]]
        assert code.kind == triple(kind)
        assert not code.is_laterality_of_kind
        for modifier in kind.get("Modifier", ()):
            side = STRUCTURE_CODES[modifier["3dSlicerLabel"]]
            assert (side.kind, side.laterality) == (triple(kind), triple(modifier))
            assert side.is_laterality_of_kind
    assert len(STRUCTURE_CODES) == 14


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(DicomPackageMissingError, match=r"hypothalamus-seg\[dicom\]"):
        import_highdicom()


def test_the_engine_loads_highdicom_only_when_asked():
    code = (
        "import sys, HypothalamusSegLib.batch, HypothalamusSegLib.command_line\n"
        "assert not {'highdicom', 'pydicom'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY / "HypothalamusSeg")
