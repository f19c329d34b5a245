"""Whose scan a volume is, as DICOM import wrote it into the subject hierarchy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import slicer

LEVELS = {"patient": "Patient", "study": "Study"}


@dataclass(frozen=True)
class ScanIdentity:
    """Patient, study and series of a volume; empty where they are unknown.

    Attributes
    ----------
    volume : str
        Name of the volume node. For DICOM it is the series, the same in every patient.
    patient_name, patient_id, sex : str
        As in DICOM.
    birth_date, study_date : str
        YYYY-MM-DD.
    study_uid, series_uid : str
        Instance UIDs of DICOM.
    source : str
        The file that the volume was read from.
    """

    volume: str
    patient_name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    study_date: str = ""
    study_uid: str = ""
    series_uid: str = ""
    source: str = ""

    @property
    def patient(self) -> str:
        """The patient's name for reading, or the ID where there is no name."""
        surname, _, others = self.patient_name.partition("^")
        name = ", ".join(part for part in (surname, others.replace("^", " ").strip()) if part)
        return name or self.patient_id

    @property
    def is_known(self) -> bool:
        return bool(self.patient)

    @property
    def label(self) -> str:
        """The patient in two lines: name and ID, birth date and study; empty if unknown."""
        if not self.is_known:
            return ""
        has_id = self.patient_id not in ("", self.patient)
        person = f"{self.patient} · ID {self.patient_id}" if has_id else self.patient
        dates = (
            f"born {self.birth_date}" if self.birth_date else "",
            f"study {self.study_date}" if self.study_date else "",
        )
        return "\n".join(line for line in (person, " · ".join(d for d in dates if d)) if line)


def identify(volume: slicer.vtkMRMLScalarVolumeNode) -> ScanIdentity:
    """Look up patient, study and series of a volume."""
    storage = volume.GetStorageNode()
    source = (storage.GetFileName() or "") if storage is not None else ""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) if hierarchy is not None else 0
    if not item:
        return ScanIdentity(volume.GetName(), source=source)
    patient, study = (hierarchy.GetItemAncestorAtLevel(item, LEVELS[k]) for k in LEVELS)

    def tag(of: int, name: str) -> str:
        return (hierarchy.GetItemAttribute(of, f"DICOM.{name}") or "").strip() if of else ""

    return ScanIdentity(
        volume=volume.GetName(),
        patient_name=tag(patient, "PatientName"),
        patient_id=tag(patient, "PatientID"),
        birth_date=_date(tag(patient, "PatientBirthDate")),
        sex=tag(patient, "PatientSex"),
        study_date=_date(tag(study, "StudyDate")),
        study_uid=_uid(hierarchy, study),
        series_uid=_uid(hierarchy, item),
        source=source,
    )


def source_name(identity: ScanIdentity) -> str:
    """The name of the file that the volume was read from, without its folder."""
    return Path(identity.source).name


def _uid(hierarchy: slicer.vtkMRMLSubjectHierarchyNode, item: int) -> str:
    return (hierarchy.GetItemUID(item, "DICOM") or "") if item else ""


def _date(dicom: str) -> str:
    """YYYYMMDD with hyphens; anything else as it is."""
    is_date = len(dicom) == 8 and dicom.isdigit()
    return f"{dicom[:4]}-{dicom[4:6]}-{dicom[6:]}" if is_date else dicom
