"""Cases that are series in Slicer's DICOM database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import slicer
from HypothalamusSegLib.bids_labels import bids_label

from .case import Case, WorklistError

TAGS = {"patient": "0010,0020", "date": "0008,0020", "number": "0020,0011", "uid": "0020,000E"}
UID_CHARACTERS = 8


def selected_series() -> list[Case]:
    """The series that are selected in Slicer's DICOM module, one case each.

    A case is named after patient ID, study date and series number, never after the patient's name,
    which two patients may share.

    Raises
    ------
    WorklistError
        If none is selected.
    """
    instance = getattr(slicer.modules, "DICOMInstance", None)
    browser = getattr(instance, "browserWidget", None)
    # Of each series, the files; the browser keeps them for what is selected in its lowest table.
    file_lists = [list(files) for files in getattr(browser, "fileLists", None) or () if files]
    if not file_lists:
        raise WorklistError(
            "No series is selected. Select the T1-weighted series in Slicer's DICOM module (Ctrl "
            "or Shift for several), then come back."
        )
    return cases_of(file_lists)


def cases_of(file_lists: Sequence[Sequence[str]]) -> list[Case]:
    """One case for the files of each series."""
    found = [_tags(files[0]) for files in file_lists]
    names = [_name(tags) for tags in found]
    return [
        Case(
            # The same patient, day and number twice: distinguished by the series UID.
            name if names.count(name) == 1 else f"{name}{_end_of(tags['uid'])}",
            Path(files[0]).parent,
            series_uid=tags["uid"],
        )
        for name, tags, files in zip(names, found, file_lists, strict=True)
    ]


def _tags(file: str) -> dict[str, str]:
    return {key: slicer.dicomDatabase.fileValue(file, tag) for key, tag in TAGS.items()}


def _name(tags: dict[str, str]) -> str:
    patient = bids_label(tags["patient"]) or f"u{_end_of(tags['uid'])}"
    session = f"_ses-{bids_label(tags['date'])}" if bids_label(tags["date"]) else ""
    return f"sub-{patient}{session}_run-{bids_label(tags['number']) or '0'}"


def _end_of(uid: str) -> str:
    return bids_label(uid)[-UID_CHARACTERS:]


def load_series(scene: slicer.vtkMRMLScene, case: Case) -> slicer.vtkMRMLScalarVolumeNode:
    """Load a series as Slicer's DICOM module does, with patient and study.

    Raises
    ------
    WorklistError
    """
    from DICOMLib import DICOMUtils

    loaded = [scene.GetNodeByID(node) for node in DICOMUtils.loadSeriesByUID([case.series_uid])]
    volumes = [n for n in loaded if n is not None and n.IsA("vtkMRMLScalarVolumeNode")]
    if len(volumes) != 1:
        for node in loaded:
            scene.RemoveNode(node)
        raise WorklistError(
            f"Slicer loaded {len(volumes)} volumes of the series {case.name}, not one. Load it in "
            "the DICOM module to see why."
        )
    return volumes[0]


def stage_series(case: Case, folder: Path) -> Path:
    """Give the engine a folder with the files of this series only."""
    target = folder / "scan"
    target.mkdir()
    for number, file in enumerate(_files(case)):
        place = target / f"{number:05d}.dcm"
        try:
            os.link(file, place)  # no copy on the same disk
        except OSError:
            shutil.copyfile(file, place)
    return target


def _files(case: Case) -> Iterator[str]:
    yield from slicer.dicomDatabase.filesForSeries(case.series_uid)
