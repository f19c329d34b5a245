"""A DICOM upload gets DICOM objects: written in the confined worker, offered by one button."""

from __future__ import annotations

import io
import zipfile

import pytest
import SimpleITK as sitk
from HypothalamusSegLib.geometry.voxel_image import volume_from_image

from Testing.support.dicom_results import dciodvfy_errors
from Testing.support.dicom_series import PATIENT, STUDY_UID, write_series
from Testing.support.web_server import call, scan, upload, wait_until
from Web import tables, texts
from Web.entries import Entry

KINDS = ("segmentation", "measurements", "overview")


def test_the_button_is_there_with_objects_alone_and_a_failure_is_told(tmp_path):
    entry = Entry("x1", "head.zip", tmp_path, result={"name": "head"}, files=("head_report.pdf",))
    assert texts.DICOM not in tables.report_link(entry)
    entry.files += ("head_segmentation.dcm",)
    assert "results/x1/dicom.zip" in tables.report_link(entry)
    entry.dicom_failure = "No <StudyInstanceUID>."
    assert "No &lt;StudyInstanceUID&gt;." in tables.report_link(entry)


@pytest.mark.slow
def test_objects_are_written_in_the_sandbox_and_given_to_their_owner_alone(
    real_server, sample_image, tmp_path
):
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("highdicom", reason="highdicom is not installed")
    # At 2 mm: an eighth of the slices' pixels are written, sent, checked and read.
    image = sitk.Shrink(sample_image, (2, 2, 2))
    files = write_series(tmp_path / "series", volume_from_image(image))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    visitor, stranger = real_server.visitor(), real_server.visitor()
    sent = upload(visitor, "head.zip", packed.getvalue())
    call(visitor, "start", False, "0.5", "hypothalamus,icv", "0")
    wait_until(lambda: scan(visitor, sent["id"])["state"] != "segmenting")
    assert scan(visitor, sent["id"])["state"] == "done"
    address = f"results/{sent['id']}/dicom.zip"
    answer = visitor.get(address)
    assert answer.status_code == 200
    assert stranger.get(address).status_code == 404
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "got")
    got = sorted((tmp_path / "got").iterdir())
    assert [file.stem.rpartition("_")[2] for file in got] == sorted(KINDS)
    for file in got:
        found = pydicom.dcmread(file)
        assert (str(found.PatientName), found.StudyInstanceUID) == (
            PATIENT["PatientName"],
            STUDY_UID,
        )
        assert dciodvfy_errors(file) == []
