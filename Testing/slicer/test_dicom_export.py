"""DICOM objects and the PDF from the panel: the state of the scene, on the images of the source."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")
highdicom = pytest.importorskip("highdicom", reason="highdicom is not installed")
pydicom = pytest.importorskip("pydicom")

from Testing.support.slicer_host import application as host

host.start()

import SimpleITK as sitk
import slicer
from HypothalamusSegLib.geometry.voxel_image import LPS_FROM_RAS, volume_from_image
from HypothalamusSegSlicer.export import dicom_objects, highdicom_setup
from HypothalamusSegSlicer.export.report import draw_report
from HypothalamusSegSlicer.export.subject import ExportError, export_subject
from HypothalamusSegSlicer.volumes.edits import measure_edits, update_table

from Testing.support.dicom_results import dciodvfy_errors, segment_points
from Testing.support.dicom_series import PATIENT, STUDY_UID, write_series
from Testing.support.drawn_head import draw_head
from Testing.support.slicer_results import HandEditor, load_volume, take

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


class Database:
    """Slicer's DICOM database, as far as it is asked."""

    def __init__(self, files: list[Path]) -> None:
        self.files = {
            pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID: file for file in files
        }

    def fileForInstance(self, uid: str) -> str:  # noqa: N802
        return str(self.files.get(uid, ""))


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A drawn head, and the database of the same head as DICOM files."""
    folder = tmp_path_factory.mktemp("head")
    files = draw_head(folder)
    volume = volume_from_image(sitk.ReadImage(str(files.scan)))
    return files, Database(write_series(folder / "series", volume))


@pytest.fixture
def nodes(panel, head, monkeypatch):
    """A result on a volume from DICOM, shown in the panel."""
    files, database = head
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    volume = load_volume(files.scan)
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(database.files))
    found = take(files, volume)
    panel.parameters.inputVolume = volume
    host.pump(20)
    return found


def rows_of(nodes):
    return update_table(nodes, measure_edits(nodes))


def groups(report_file: Path) -> dict:
    content = highdicom.sr.srread(report_file).content
    found = content.get_volumetric_roi_measurement_groups()
    return {g.tracking_identifier: g for g in [*found, *content.get_image_measurement_groups()]}


def volume_in(group) -> float:
    return float(group.get_measurements()[0].value)


def test_segments_lie_on_the_source_and_numbers_are_those_of_the_table(nodes, tmp_path):
    report, seg = dicom_objects.export_dicom(nodes, rows_of(nodes), tmp_path)
    labels = sitk.ReadImage(str(next(_folder_of(nodes).glob("*hypothalamus_dseg.nii.gz"))))
    drawn = volume_from_image(labels)
    for label, name in ((1, LEFT), (2, RIGHT)):
        points = segment_points(seg, name)
        expected = drawn.grid.points_at(np.argwhere(drawn.array == label)) @ LPS_FROM_RAS[:3, :3]
        assert np.abs(points.mean(0) - expected.mean(0)).max() < 0.6  # voxels of 2 mm
    found = groups(report)
    for row in rows_of(nodes):
        if row.structure in found:
            assert volume_in(found[row.structure]) == pytest.approx(row.value, abs=1e-3)
    assert found.keys() == {LEFT, RIGHT, "hypothalamus_total", "icv"}
    for file in (seg, report):
        assert dciodvfy_errors(file) == []
        assert pydicom.dcmread(file).PatientID == PATIENT["PatientID"]


def _folder_of(nodes) -> Path:
    return Path(nodes.volume.GetStorageNode().GetFileName()).parent / "head"


def test_an_edit_is_semiautomatic_and_its_number_is_that_of_the_table(nodes, tmp_path):
    before = rows_of(nodes)
    HandEditor(nodes.segmentation("hypothalamus"), nodes.volume, LEFT).erase_half()
    after = rows_of(nodes)
    assert after[0].value < 0.8 * before[0].value
    report, seg = dicom_objects.export_dicom(nodes, after, tmp_path)
    kinds = {s.TrackingID: s.SegmentAlgorithmType for s in pydicom.dcmread(seg).SegmentSequence}
    assert kinds == {LEFT: "SEMIAUTOMATIC", RIGHT: "AUTOMATIC", "icv": "AUTOMATIC"}
    assert volume_in(groups(report)[LEFT]) == pytest.approx(after[0].value, abs=1e-3)


def test_a_deleted_segment_is_in_neither_object(nodes, tmp_path):
    nodes.segmentation("hypothalamus").GetSegmentation().RemoveSegment(RIGHT)
    report, seg = dicom_objects.export_dicom(nodes, rows_of(nodes), tmp_path)
    assert RIGHT not in {s.TrackingID for s in pydicom.dcmread(seg).SegmentSequence}
    assert RIGHT not in groups(report)


def test_the_reviewer_is_an_observer_after_a_verdict_alone(nodes, tmp_path):
    def people(folder: Path) -> list[str]:
        report, _ = dicom_objects.export_dicom(nodes, rows_of(nodes), folder)
        return [
            str(element.value)
            for element in pydicom.dcmread(report).iterall()
            if element.keyword == "PersonName"
        ]

    record = nodes.record
    record.set_review(record.review.changed("unreviewed", "to do", "Roe^Ada"))
    assert people(tmp_path / "open") == []
    record.set_review(record.review.changed("accepted", "fine", "Roe^Ada"))
    assert people(tmp_path / "accepted") == ["Roe^Ada"]


def test_a_pseudonym_hides_the_person_and_keeps_objects_out_of_the_database(nodes, tmp_path):
    nodes.record.set_pseudonym("case 7")
    for file in dicom_objects.export_dicom(nodes, rows_of(nodes), tmp_path):
        assert file.name.startswith("case_7_")
        data = file.read_bytes()
        for value in (PATIENT["PatientName"], PATIENT["PatientBirthDate"], PATIENT["StudyDate"]):
            assert value.encode() not in data
        assert pydicom.dcmread(file).PatientID == "case 7"
        assert STUDY_UID.encode() in data
    with pytest.raises(ExportError, match="pseudonym"):
        dicom_objects.add_to_database(nodes, rows_of(nodes))


def test_nothing_is_replaced_unasked_and_never_objects_of_another_series(nodes, tmp_path):
    files = dicom_objects.export_dicom(nodes, rows_of(nodes), tmp_path)
    before = [file.read_bytes() for file in files]
    with pytest.raises(ExportError, match="already exist"):
        dicom_objects.export_dicom(nodes, rows_of(nodes), tmp_path)
    assert [file.read_bytes() for file in files] == before
    assert dicom_objects.export_dicom(
        nodes, rows_of(nodes), tmp_path, may_replace=lambda found: True
    )
    other = pydicom.dcmread(files[1])
    other.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"
    other.save_as(files[1])
    with pytest.raises(ExportError, match="another scan"):
        dicom_objects.export_dicom(nodes, rows_of(nodes), tmp_path, may_replace=lambda found: True)


def test_a_volume_that_is_not_from_the_database_gets_a_sentence(nodes, tmp_path):
    nodes.volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    with pytest.raises(ExportError, match="no longer"):
        dicom_objects.export_dicom(nodes, rows_of(nodes), tmp_path)
    nodes.volume.RemoveAttribute("DICOM.instanceUIDs")
    with pytest.raises(ExportError, match="not loaded from the DICOM database"):
        dicom_objects.export_dicom(nodes, rows_of(nodes), tmp_path)
    assert not list(tmp_path.glob("*.dcm"))


def test_the_buttons_write_into_a_folder_and_into_the_database(panel, nodes, tmp_path, monkeypatch):
    section, stem = panel.export.dicom, export_subject(nodes).stem
    out = tmp_path / "out"
    for button, kinds in (
        (section.report_button, {"report.pdf"}),
        (section.seg_button, {"segmentation.dcm"}),
    ):
        host.answers.append(str(out))
        button.click()
        assert {f.name.removeprefix(f"{stem}_") for f in out.iterdir()} >= kinds
    assert (out / f"{stem}_report.pdf").read_bytes().startswith(b"%PDF")
    host.answers += [str(out), False]  # the segmentation is there already
    section.sr_button.click()
    assert not (out / f"{stem}_measurements.dcm").exists()
    taken: list[str] = []

    def import_dicom(folder: str, database: Database, copyFiles: bool) -> bool:  # noqa: N803
        assert (database, copyFiles) == (slicer.dicomDatabase, True)
        taken.extend(sorted(file.stem for file in Path(folder).iterdir()))
        return True

    library = types.SimpleNamespace(DICOMUtils=types.SimpleNamespace(importDicom=import_dicom))
    monkeypatch.setitem(sys.modules, "DICOMLib", library)
    section.target.setCurrentIndex(1)
    section.sr_button.click()
    assert taken == ["object_measurements", "object_segmentation"]
    assert "2 objects" in panel.ui.stepLabel.text


def test_a_slicer_without_highdicom_asks_before_it_installs(panel, nodes, monkeypatch):
    installed: list[list[str]] = []
    monkeypatch.setattr(highdicom_setup.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(slicer.util, "pip_install", installed.append, raising=False)
    host.answers.append(False)
    panel.export.dicom.seg_button.click()
    assert "Install highdicom" in host.dialogs[-1].text
    assert installed == []
    assert highdicom_setup.ensure(lambda text: True)
    assert installed == [["highdicom>=0.27"]]


@pytest.mark.parametrize("code", ["low_confidence", "skull_stripped", "left_right_suspect"])
def test_the_report_strikes_through_what_a_severe_flag_covers(nodes, tmp_path, monkeypatch, code):
    engine = nodes.record.engine
    engine["quality"]["flags"] = [{"code": code, "message": "Look."}]
    nodes.record.set_engine(engine)
    struck = []

    from HypothalamusSegSlicer.export import report

    draw = report.draw_text

    def noted(painter, x, y, text, *style, **more) -> None:
        if more.get("is_struck"):
            struck.append(text)
        draw(painter, x, y, text, *style, **more)

    monkeypatch.setattr(report, "draw_text", noted)
    rows = rows_of(nodes)
    draw_report(nodes, rows, export_subject(nodes), tmp_path / "report.png")
    by_name = {row.structure: row for row in rows}
    left, icv = (f"{by_name[name].value:,.1f}".replace(",", " ") for name in (LEFT, "icv"))
    percent = f"{by_name[LEFT].percent_of_icv:.4f}"
    expected = {
        "low_confidence": (False, False, False),
        "skull_stripped": (False, True, True),
        "left_right_suspect": (True, True, False),
    }[code]
    found = (f"{left} mm³" in struck, percent in struck, f"{icv} mL" in struck)
    assert found == expected
