"""DICOM series with complete headers, as a scanner writes them, from a volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from HypothalamusSegLib.geometry.voxel_image import LPS_FROM_RAS, VoxelImage

from Testing.support.scan_files import affine_of, head_volume

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4.1"
STUDY_UID = "1.2.826.0.1.3680043.2.1125.9"
PATIENT = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "PatientBirthDate": "19700102",
    "PatientSex": "F",
    "AccessionNumber": "A-17",
    "StudyID": "S1",
    "StudyDate": "20260102",
    "StudyTime": "101112",
    "StudyDescription": "Head",
    "ReferringPhysicianName": "Roe^Richard",
}
SPACING_MM, OFFSET_MM = (4.0, 4.2, 5.4), (-61.0, -48.0, -52.0)
ORIENTATIONS = {
    "axial": ((0, 1, 2), (-1, -1, 1), (0, 0, 0)),
    "axial, from above": ((0, 1, 2), (-1, -1, -1), (0, 0, 0)),
    "sagittal": ((1, 2, 0), (-1, -1, 1), (0, 0, 0)),
    "sagittal, from the left": ((1, 2, 0), (-1, -1, -1), (0, 0, 0)),
    "coronal": ((0, 2, 1), (-1, -1, 1), (0, 0, 0)),
    "oblique": ((1, 2, 0), (-1, -1, 1), (0.2, -0.35, 0.1)),
}


def small_head(orientation: str = "oblique") -> VoxelImage:
    """A coarse head to write, as one of `ORIENTATIONS` stores it."""
    order, signs, angles = ORIENTATIONS[orientation]
    return head_volume((40, 42, 24), affine_of(order, signs, angles, SPACING_MM, OFFSET_MM))


def write_series(
    folder: Path,
    volume: VoxelImage,
    series_uid: str = "1.2.826.0.1.3680043.2.1125.1",
    without: tuple[str, ...] = (),
    skip: tuple[int, ...] = (),
    is_reversed: bool = False,
    **attributes: object,
) -> list[Path]:
    """Write one file a slice.

    Parameters
    ----------
    folder : Path
    volume : VoxelImage
    series_uid : str
    without : tuple of str
        Keywords that are left out.
    skip : tuple of int
        Slices that are missing.
    is_reversed : bool
        Whether instances are numbered from the last slice.
    **attributes : object
        Replace those of `PATIENT`, or add others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files, count = [], volume.array.shape[2]
    for k in range(count):
        if k in skip:
            continue
        number = count - k if is_reversed else k + 1
        dataset = _header(volume, MR_IMAGE, series_uid, f"{series_uid}.{number}", attributes)
        dataset.ImagePositionPatient = _position(volume, k)
        dataset.ImageOrientationPatient = _orientation(volume)
        dataset.PixelSpacing = _in_plane_mm(volume)
        dataset.SliceThickness = _number(volume.spacing_mm[2])
        dataset.InstanceNumber = number
        dataset.ScanningSequence, dataset.SequenceVariant = "GR", "SP"
        dataset.ScanOptions, dataset.MRAcquisitionType = "", "3D"
        dataset.EchoTime, dataset.EchoTrainLength = "3", "1"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        dataset.PixelData = np.ascontiguousarray(volume.array[:, :, k].T, "<i2").tobytes()
        for keyword in without:
            if keyword in dataset:
                del dataset[keyword]
        files.append(_save(dataset, folder / f"image{k * 7919 % 1000:03d}.dcm"))
    return files


def write_enhanced(
    folder: Path, volume: VoxelImage, is_reversed: bool = False, **attributes: object
) -> Path:
    """Write one multi-frame file; reversed: its frames begin with the last slice."""
    from pydicom import Dataset

    folder.mkdir(parents=True, exist_ok=True)
    uid = "1.2.826.0.1.3680043.2.1125.2"
    dataset = _header(volume, ENHANCED_MR_IMAGE, uid, f"{uid}.1", attributes)
    order = range(volume.array.shape[2])
    order = list(reversed(order)) if is_reversed else list(order)
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = _in_plane_mm(volume)
    measures.SliceThickness = measures.SpacingBetweenSlices = _number(volume.spacing_mm[2])
    orientation.ImageOrientationPatient = _orientation(volume)
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for index, k in enumerate(order, 1):
        position, content, frame = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = _position(volume, k)
        content.StackID, content.InStackPositionNumber = "1", index
        content.DimensionIndexValues = [1, index]
        frame.PlanePositionSequence, frame.FrameContentSequence = [position], [content]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    organization, stack, place = Dataset(), Dataset(), Dataset()
    organization.DimensionOrganizationUID = f"{uid}.3"
    for item, pointer in ((stack, 0x00209056), (place, 0x00209057)):
        item.DimensionOrganizationUID = f"{uid}.3"
        item.DimensionIndexPointer, item.FunctionalGroupPointer = pointer, 0x00209111
    dataset.DimensionOrganizationSequence = [organization]
    dataset.DimensionIndexSequence = [stack, place]
    dataset.NumberOfFrames, dataset.InstanceNumber = len(order), 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    pixels = [volume.array[:, :, k].T for k in order]
    dataset.PixelData = np.ascontiguousarray(np.stack(pixels), "<i2").tobytes()
    return _save(dataset, folder / "enhanced.dcm")


def _header(volume: VoxelImage, sop_class: str, series_uid: str, uid: str, attributes: dict):
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    known = {"SpecificCharacterSet": "ISO_IR 100", **PATIENT, **attributes}
    for keyword, value in known.items():
        setattr(dataset, keyword, value)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY_UID, series_uid
    dataset.FrameOfReferenceUID = f"{STUDY_UID}.7"
    dataset.PositionReferenceIndicator = ""
    dataset.Modality, dataset.SeriesNumber = "MR", dataset.get("SeriesNumber", 5)
    dataset.Manufacturer = "Nobody"
    dataset.Rows, dataset.Columns = volume.array.shape[1], volume.array.shape[0]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    return dataset


def _save(dataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


def _number(value: float) -> str:
    return f"{value:.10g}"


def _position(volume: VoxelImage, k: int) -> list[str]:
    return [_number(x) for x in (LPS_FROM_RAS @ volume.affine @ [0, 0, k, 1])[:3]]


def _orientation(volume: VoxelImage) -> list[str]:
    directions = (LPS_FROM_RAS @ volume.affine)[:3, :2] / volume.spacing_mm[:2]
    return [_number(x) for x in directions.T.ravel()]


def _in_plane_mm(volume: VoxelImage) -> list[str]:
    across_mm, down_mm, _ = volume.spacing_mm
    return [_number(down_mm), _number(across_mm)]
