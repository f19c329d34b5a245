"""Visits of a patient in a scene: as DICOM import leaves them, and compared in the panel."""

from __future__ import annotations

import numpy as np
import qt
import slicer
from HypothalamusSegSlicer.logic import HypothalamusSegLogic
from HypothalamusSegSlicer.panel.prior_section import PriorSection

from Testing.support.slicer_results import load_volume

SERIES = "5: T1 MPRAGE sag"
# The prior lies 5 mm to the left of where the current scan lies in the midspace.
TO_PRIOR = np.eye(4)
TO_PRIOR[0, 3] = -5.0


def answer() -> dict:
    """What the engine says of two visits with a real change."""
    change = {
        "change_mm3": -24.0,
        "change_percent": -3.0,
        "change_percent_a_year": -1.5,
        "smallest_real_change_percent": 1.2,
        "verdict": "real",
    }
    visits = [
        {"scan": "prior", "ras_from_midspace": TO_PRIOR.tolist(), "volume": 800.0, "changes": {}},
        {
            "scan": "current",
            "ras_from_midspace": np.eye(4).tolist(),
            "volume": 776.0,
            "changes": {"hypothalamus_total": change},
        },
    ]
    for visit in visits:
        visit["volumes_mm3"] = {"hypothalamus_total": visit.pop("volume")}
        visit["single_run_volumes_mm3"] = {}
    flag = {"code": "icv_differs", "title": "ICV differs", "message": "By 3 %.", "is_severe": False}
    return {"visits": visits, "flags": [flag]}


def section_for(volume) -> tuple[PriorSection, qt.QWidget]:
    """The panel's section for a current scan, and the widget that holds it."""
    root = qt.QWidget()
    qt.QVBoxLayout(root)
    section = PriorSection(root, slicer.mrmlScene, HypothalamusSegLogic())
    section.show(volume)
    return section, root


def load_dicom(files, name: str, number: int, date: str = "20260102"):
    """A volume as DICOM import leaves it: named by its series, below patient and study."""
    volume = load_volume(files.scan)
    volume.SetName(SERIES)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    scene_item = hierarchy.GetSceneItemID()
    patient = hierarchy.CreateSubjectItem(scene_item, name)
    study = hierarchy.CreateStudyItem(patient, date)
    item = hierarchy.CreateItem(study, volume)
    for of, attributes in (
        (patient, {"PatientName": name, "PatientID": f"P{number}", "PatientBirthDate": "19610203"}),
        (study, {"StudyDate": date}),
    ):
        for key, value in attributes.items():
            hierarchy.SetItemAttribute(of, f"DICOM.{key}", value)
    hierarchy.SetItemUID(study, "DICOM", f"1.2.{number}")
    hierarchy.SetItemUID(item, "DICOM", f"1.2.{number}.3")
    return volume
