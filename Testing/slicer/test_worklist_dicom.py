"""A list of series from Slicer's DICOM database."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.worklist import dicom_cases
from HypothalamusSegSlicer.worklist.review_table import ReviewTable

from Testing.support.panel_use import click
from Testing.support.slicer_results import load_volume
from Testing.support.worklist_panel import wait_for_result


class Database:
    """Slicer's DICOM database, as far as it is asked."""

    def __init__(self, series: dict[str, dict[str, str]]) -> None:
        self.series = series

    def fileValue(self, file: str, tag: str) -> str:  # noqa: N802
        return self.series[Path(file).parent.name].get(tag, Path(file).parent.name)


def test_series_of_two_patients_with_one_name_are_told_apart(panel, monkeypatch):
    """By patient ID, study date and series number; the same ones by the series itself."""
    name = {"0010,0010": "Doe^Jane", "0008,0020": "20260102", "0020,0011": "5"}
    series = {
        "1.2.31": {**name, "0010,0020": "A 7"},
        "1.2.32": {**name, "0010,0020": "B/7"},
        "1.2.33": {**name, "0010,0020": "B/7"},
    }
    monkeypatch.setattr(slicer, "dicomDatabase", Database(series), raising=False)
    found = dicom_cases.cases_of([[f"/db/{uid}/1.dcm"] for uid in series])
    assert [case.name for case in found] == [
        "sub-A7_ses-20260102_run-5",
        "sub-B7_ses-20260102_run-51232",
        "sub-B7_ses-20260102_run-51233",
    ]
    assert len({case.series_uid for case in found}) == 3


def test_nothing_selected_in_the_dicom_module_is_said(panel):
    click(panel.ui.openDicomButton)
    assert "No series is selected" in host.dialogs[-1].text


@pytest.fixture
def dicom(drawn, tmp_path, monkeypatch):
    """Two series in the database; Slicer's DICOM module loads the drawn head for each."""
    series = {}
    for uid in ("1.2.71", "1.2.72"):
        (tmp_path / uid).mkdir()
        (tmp_path / uid / "1.dcm").write_bytes(b"slice")
        series[uid] = {"0010,0020": uid, "0008,0020": "20260102", "0020,0011": "5"}
    database = Database(series)
    database.filesForSeries = lambda uid: (str(tmp_path / uid / "1.dcm"),)
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    loaded = []

    def load(uids: list[str]) -> list[str]:
        loaded.append(uids[0])
        return [load_volume(drawn[0].scan).GetID()]

    library = ModuleType("DICOMLib")
    library.DICOMUtils = SimpleNamespace(loadSeriesByUID=load)
    monkeypatch.setitem(sys.modules, "DICOMLib", library)
    browser = SimpleNamespace(fileLists=[database.filesForSeries(uid) for uid in series])
    instance = SimpleNamespace(browserWidget=browser)
    monkeypatch.setattr(slicer.modules, "DICOMInstance", instance, raising=False)
    return loaded


def open_dicom(panel, folder: Path) -> None:
    folder.mkdir()
    panel.ui.reviewerLineEdit.text = "AB"
    host.answers.append(str(folder))
    click(panel.ui.openDicomButton)


def test_series_are_segmented_from_their_files_and_shown_by_slicer(panel, dicom, engine, tmp_path):
    open_dicom(panel, tmp_path / "reviews")
    wait_for_result(panel)
    assert dicom == ["1.2.71"]  # the second only when it is its turn: loading changes the views
    following = panel.worklist.cases.cases[1]
    assert host.pump_until(lambda: panel.worklist.ahead.get(following).result, seconds=30)
    click(panel.ui.acceptNextButton)
    assert panel.worklist.shown.has_result
    (row,) = ReviewTable(tmp_path / "reviews").rows()
    assert (row.scan, row.mark) == ("sub-1271_ses-20260102_run-5", "accepted")


def test_a_series_that_slicer_places_elsewhere_is_not_shown_with_that_result(
    panel, dicom, engine, tmp_path, monkeypatch
):
    load = sys.modules["DICOMLib"].DICOMUtils.loadSeriesByUID

    def load_elsewhere(uids: list[str]) -> list[str]:
        (loaded,) = load(uids)
        slicer.mrmlScene.GetNodeByID(loaded).SetOrigin(0, 0, 0)
        return [loaded]

    sys.modules["DICOMLib"].DICOMUtils.loadSeriesByUID = load_elsewhere
    open_dicom(panel, tmp_path / "reviews")
    label = panel.ui.worklistLabel
    assert host.pump_until(lambda: "does not match the voxels" in label.text, seconds=30)
    assert not panel.ui.acceptNextButton.enabled
    assert panel.ui.applyButton.enabled  # what Slicer shows can be segmented
