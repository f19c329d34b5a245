"""How a segment was made, in the tags that Slicer's DICOM SEG export reads."""

from __future__ import annotations

import slicer
import vtk

ALGORITHM_TYPE, ALGORITHM_NAME = "DICOM.SegmentAlgorithmType", "DICOM.SegmentAlgorithmName"
AUTOMATIC, SEMIAUTOMATIC = "AUTOMATIC", "SEMIAUTOMATIC"
# The export treats a segment as empty unless its voxels have this name.
SCALARS_NAME = "ImageScalars"


def tag_algorithm(segment: slicer.vtkSegment, version: str) -> None:
    """Name this module as what made a segment."""
    segment.SetTag(ALGORITHM_NAME, f"HypothalamusSeg {version}")
    segment.SetTag(ALGORITHM_TYPE, AUTOMATIC)


def tag_edited(segment: slicer.vtkSegment, is_edited: bool) -> None:
    """Record whether a segment was edited; nothing is written if that is unchanged."""
    wanted, found = SEMIAUTOMATIC if is_edited else AUTOMATIC, vtk.mutable("")
    if not segment.GetTag(ALGORITHM_TYPE, found) or str(found) != wanted:
        segment.SetTag(ALGORITHM_TYPE, wanted)


def name_scalars(image: slicer.vtkOrientedImageData | None) -> None:
    """Give the voxels of a segment the name that the export looks for."""
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is not None and scalars.GetName() != SCALARS_NAME:
        scalars.SetName(SCALARS_NAME)
