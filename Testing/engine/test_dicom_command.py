"""`segment --dicom` on the sample, as a DICOM series and as NIfTI in one run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.geometry.voxel_image import LPS_FROM_RAS, volume_from_image

from Testing.support.command_runs import call_command
from Testing.support.dicom_results import dciodvfy_errors, segment_points
from Testing.support.dicom_series import write_series
from Testing.support.sample_head import SPACING_MM as SOURCE_SPACING_MM

pytest.importorskip("highdicom", reason="highdicom is not installed")
pydicom = pytest.importorskip("pydicom")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(sample_image, sample_path, tmp_path_factory):
    base = tmp_path_factory.mktemp("dicom_command")
    write_series(base / "series", volume_from_image(sample_image), PatientName="Doe^Jane")
    arguments = ("segment", base / "series", sample_path, "--output", base / "out", "--dicom")
    return call_command(base / "out", *arguments, "--folds", "0", "--progress", "json")


def test_dicom_input_gets_objects_and_other_input_gets_the_rest_and_a_reason(run):
    events = [json.loads(line) for line in run.stdout.splitlines()]
    first, second = (event for event in events if event["event"] == "result")
    assert first["dicom_failure"] is None
    assert second["dicom_failure"]["code"] == "not_dicom_input"
    assert "is not DICOM" in run.stderr
    assert run.code == 1
    names = {path.name for path in run.output.iterdir()}
    rest = {name.replace("brain_", "") for name in names if name.startswith("brain_")}
    assert "volumes.csv" in rest
    objects = {f"{kind}.dcm" for kind in ("segmentation", "measurements", "overview")}
    assert {name.replace("series_", "") for name in names if name not in rest} >= rest | objects
    assert not rest & objects


def test_the_segments_lie_on_the_label_map_of_the_same_run(run):
    labels = volume_from_image(sitk.ReadImage(str(run.output / "series_hypothalamus_dseg.nii.gz")))
    for label, side in ((1, "left"), (2, "right")):
        points = segment_points(run.output / "series_segmentation.dcm", f"hypothalamus_{side}")
        inside = np.argwhere(labels.array == label)
        expected = labels.grid.points_at(inside) @ LPS_FROM_RAS[:3, :3]
        assert np.abs(points.mean(0) - expected.mean(0)).max() < 0.2
        drawn_mm3 = len(points) * SOURCE_SPACING_MM**3
        assert drawn_mm3 == pytest.approx(len(inside) * labels.voxel_volume_mm3, rel=0.06)


def test_the_numbers_of_the_report_are_those_of_the_file(run):
    described = json.loads((run.output / "series_volumes.json").read_text(encoding="utf-8"))
    report = pydicom.dcmread(run.output / "series_measurements.dcm")
    values = [
        float(element.value) for element in report.iterall() if element.keyword == "NumericValue"
    ]
    for part in ("left", "right", "total"):
        assert described["hypothalamus"][part]["volume_mm3"] in values
    # The sample has no skull, so its ICV is no number to pass on.
    assert round(described["icv_mm3"] / 1000, 3) not in values
    for kind in ("segmentation", "measurements", "overview"):
        assert dciodvfy_errors(run.output / f"series_{kind}.dcm") == []
