"""The DICOM files that a volume was loaded from, as Slicer's DICOM database knows them."""

from __future__ import annotations

from pathlib import Path

import slicer

from .subject import ExportError

# Set by Slicer's DICOM plug-ins: identifiers of all files of the volume, separated by spaces.
INSTANCE_UIDS = "DICOM.instanceUIDs"


def source_files(volume: slicer.vtkMRMLScalarVolumeNode) -> list[Path]:
    """Look up the files of a volume.

    Raises
    ------
    ExportError
        The volume was not loaded from the DICOM database, or its files are gone.
    """
    uids = list(dict.fromkeys((volume.GetAttribute(INSTANCE_UIDS) or "").split()))
    if not uids:
        raise ExportError(
            f"{volume.GetName()} was not loaded from the DICOM database, so DICOM objects would "
            "have no images to refer to. Import the series in the DICOM module, load it from "
            "there and "
            "segment it again."
        )
    found = [slicer.dicomDatabase.fileForInstance(uid) for uid in uids]
    files = [Path(file) for file in found if file]
    missing = len(uids) - sum(file.exists() for file in files)
    if missing:
        raise ExportError(
            f"{missing} of the {len(uids)} DICOM files of {volume.GetName()} are no longer in the "
            "DICOM database. Import the series again."
        )
    return files
