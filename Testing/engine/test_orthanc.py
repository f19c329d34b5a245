"""The recipe of Docs/DICOM.md: a study out of Orthanc, SEG and SR back into it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from Testing.support.dicom_results import made
from Testing.support.dicom_series import PATIENT, write_series
from Testing.support.orthanc_server import Orthanc, orthanc
from Testing.support.scan_files import affine_of, head_volume

pytest.importorskip("highdicom", reason="highdicom is not installed")

PICTURE = np.zeros((20, 30, 3), np.uint8)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orthanc")
    affine = affine_of((1, 2, 0), (-1, -1, 1), (0.1, 0, 0), (4.0, 4.2, 4.4), (-61, -48, -52))
    files = write_series(folder / "scanner", head_volume((40, 42, 44), affine))
    with orthanc(folder / "server") as started:
        for file in files:
            started.json("instances", file.read_bytes())
        yield started


def series_of_study(server: Orthanc) -> dict[str, list[dict]]:
    (study,) = server.json("studies?expand")
    found: dict[str, list[dict]] = {}
    for series in server.json(f"studies/{study['ID']}/series"):
        found.setdefault(series["MainDicomTags"]["Modality"], []).append(series)
    return found


def fetch(server: Orthanc, folder: Path) -> Path:
    """The T1-weighted series as the recipe fetches it."""
    query = {"Level": "Series", "Query": {"Modality": "MR"}}
    (identifier,) = server.json("tools/find", query)
    with zipfile.ZipFile(io.BytesIO(server.ask(f"series/{identifier}/archive"))) as archive:
        for number, name in enumerate(archive.namelist()):
            (folder / f"{number}.dcm").write_bytes(archive.read(name))
    return folder


def test_objects_come_back_into_the_study_they_are_about(server, tmp_path):
    (tmp_path / "series").mkdir()
    objects = made(fetch(server, tmp_path / "series"), picture=PICTURE)
    files = objects.save(tmp_path, "head")
    answers = [server.json("instances", file.read_bytes()) for file in files]
    assert [answer["Status"] for answer in answers] == ["Success"] * 3
    found = series_of_study(server)
    assert {modality: len(series) for modality, series in found.items()} == {
        "MR": 1,
        "SEG": 1,
        "SR": 1,
        "OT": 1,
    }
    (patient,) = server.json("patients?expand")
    assert patient["MainDicomTags"]["PatientName"] == PATIENT["PatientName"]
    (instance,) = found["SEG"][0]["Instances"]
    assert server.ask(f"instances/{instance}/file") == files[0].read_bytes()


def test_a_second_run_adds_series_and_the_same_file_twice_adds_none(server, tmp_path):
    (tmp_path / "series").mkdir()
    fetch(server, tmp_path / "series")
    before = {m: len(s) for m, s in series_of_study(server).items()}
    (file, *_) = made(tmp_path / "series").save(tmp_path, "head")
    first, again = (server.json("instances", file.read_bytes()) for _ in range(2))
    assert (first["Status"], again["Status"]) == ("Success", "AlreadyStored")
    after = {m: len(s) for m, s in series_of_study(server).items()}
    assert after["SEG"] == before.get("SEG", 0) + 1
    assert after["MR"] == before["MR"]
