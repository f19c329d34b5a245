"""The current state of a result as DICOM objects, in a folder or in the DICOM database."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.units import MM3_PER_ML

from ..scene.result_nodes import ResultNodes
from ..volumes.mask_digest import mask_digests
from ..volumes.rows import ASYMMETRY, DELETED, EDITED, VolumeRow
from ..volumes.segment_voxels import SegmentVoxels, read_segment
from .dicom_source import source_files
from .result_files import write_whole
from .subject import ExportError, MayReplace, export_subject, refuse_to_replace

if TYPE_CHECKING:
    from HypothalamusSegLib.geometry.voxel_image import Grid
    from HypothalamusSegLib.results.dicom.contents import (
        DicomContents,
        MeasuredStructure,
        PersonReview,
        SegmentMask,
    )
    from HypothalamusSegLib.results.dicom.objects import DicomObjects

# The engine's names of these objects. A report refers to its segments, so it is never exported
# alone.
SEGMENTATION, MEASUREMENTS = "segmentation", "measurements"
SEG, SEG_AND_SR = (SEGMENTATION,), (SEGMENTATION, MEASUREMENTS)


def export_dicom(
    nodes: ResultNodes,
    rows: Sequence[VolumeRow],
    folder: str | Path,
    kinds: tuple[str, ...] = SEG_AND_SR,
    may_replace: MayReplace = refuse_to_replace,
) -> list[Path]:
    """Write `SEG` or `SEG_AND_SR` with the names of the other exports.

    Returns
    -------
    list of Path
        ``NAME_segmentation.dcm`` and maybe ``NAME_measurements.dcm``; empty if nothing may be
        replaced.

    Raises
    ------
    ExportError
        The volume is not from DICOM, or the folder has objects of another study under this name.
    """
    name = export_subject(nodes).stem
    objects = make(nodes, rows)
    for kind in kinds:
        _refuse_another_series(Path(folder) / f"{name}_{kind}.dcm", objects)
    return write_whole(Path(folder), lambda stage: _save(objects, stage, name, kinds), may_replace)


def add_to_database(
    nodes: ResultNodes, rows: Sequence[VolumeRow], kinds: tuple[str, ...] = SEG_AND_SR
) -> int:
    """Put `SEG` or `SEG_AND_SR` into Slicer's DICOM database; returns how many objects.

    Raises
    ------
    ExportError
        As `export_dicom`; or the patient has a pseudonym, under which the database would keep
        objects of the same study as those of another patient.
    """
    if nodes.record.pseudonym:
        raise ExportError(
            "With a pseudonym, objects cannot be added to the DICOM database, which would show "
            "the study under two patients. Export them to a folder, or clear the pseudonym."
        )
    from DICOMLib import DICOMUtils

    objects = make(nodes, rows)
    where = slicer.app.temporaryPath
    with tempfile.TemporaryDirectory(prefix="hypothalamus-seg-", dir=where) as folder:
        files = _save(objects, Path(folder), "object", kinds)
        if not DICOMUtils.importDicom(folder, slicer.dicomDatabase, copyFiles=True):
            raise ExportError("The DICOM database did not take the objects. See Slicer's log.")
    return len(files)


def make(nodes: ResultNodes, rows: Sequence[VolumeRow]) -> DicomObjects:
    """Make the objects of a result with the numbers of its table; raises ExportError."""
    # Imported here, as everything heavy of the engine: Slicer loads the module at its start.
    from HypothalamusSegLib.results.dicom.objects import make_objects
    from HypothalamusSegLib.results.dicom.source_series import read_source_series

    grid = volume_grid(nodes.volume)
    try:
        source = read_source_series(source_files(nodes.volume), grid, nodes.record.pseudonym)
        return make_objects(dicom_contents(nodes, rows, grid), source)
    except HypothalamusSegError as error:
        raise ExportError(str(error)) from error


def dicom_contents(nodes: ResultNodes, rows: Sequence[VolumeRow], grid: Grid) -> DicomContents:
    """Collect the contents of the objects: current segments and numbers, flags, review."""
    from HypothalamusSegLib.results.dicom.engine_result import contents_of

    engine = nodes.record.engine
    codes = [flag["code"] for flag in engine["quality"]["flags"]]
    edited = {row.structure for row in rows if row.status == EDITED}
    by_structure = {row.structure: row for row in rows}
    contents = contents_of(engine, (), (None, None, None))
    asymmetry = by_structure.get(ASYMMETRY)
    is_asymmetry_known = contents.asymmetry_index is not None and asymmetry is not None
    return replace(
        contents,
        masks=tuple(_masks(nodes, edited, grid)),
        measured=tuple(
            _measure_structure(row, codes)
            for row in rows
            if row.structure != ASYMMETRY and row.status != DELETED
        ),
        asymmetry_index=_none_if_missing(asymmetry.value / 100) if is_asymmetry_known else None,
        review=_review(nodes),
    )


def volume_grid(volume: slicer.vtkMRMLScalarVolumeNode) -> Grid:
    """The grid of a volume before any transform, as its DICOM files have it."""
    from HypothalamusSegLib.geometry.voxel_image import Grid

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    shape = volume.GetImageData().GetDimensions()
    return Grid(tuple(shape), slicer.util.arrayFromVTKMatrix(matrix))


def _masks(nodes: ResultNodes, edited: set[str], grid: Grid) -> Iterator[SegmentMask]:
    from HypothalamusSegLib.results.dicom.contents import SegmentMask

    for plan, node in nodes.segmentations():
        for segment in plan.segments:
            voxels = read_segment(node, segment.identifier)
            if voxels is not None and voxels.inside.any():
                inside = _on_grid(voxels, grid)
                yield SegmentMask(segment.identifier, inside, segment.identifier in edited)


def _on_grid(voxels: SegmentVoxels, grid: Grid) -> np.ndarray:
    """Resample a segment to the grid of the scan, at the threshold of one half."""
    from HypothalamusSegLib.geometry.resampling import resample_mask
    from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage

    affine = voxels.image_to_world.copy()
    # With an empty margin, so that the segment ends where it should.
    affine[:3, 3] = (affine @ [*(np.array(voxels.start) - 1), 1.0])[:3]
    padded = np.pad(voxels.inside.T.astype(np.float32), 1)
    low, high = grid.box_around(Grid(padded.shape, affine))
    part = grid.affine.copy()
    part[:3, 3] = grid.points_at(low.astype(float))
    found = np.zeros(grid.shape, bool)
    if (high > low).all():
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        small = Grid(tuple((high - low).tolist()), part)
        found[box] = resample_mask(VoxelImage(padded, affine), small) > 0
    return found


def _measure_structure(row: VolumeRow, codes: Sequence[str]) -> MeasuredStructure:
    from HypothalamusSegLib.results.dicom.engine_result import measured_structure

    mm3 = MM3_PER_ML if row.unit == "mL" else 1.0
    engine_row = {
        "structure": row.structure,
        "volume_mm3": _none_if_missing(row.value * mm3),
        "volume_low_mm3": _none_if_missing(row.low * mm3),
        "volume_high_mm3": _none_if_missing(row.high * mm3),
        "fraction_of_icv": _none_if_missing(row.percent_of_icv / 100),
        "icv_adjusted_mm3": _none_if_missing(row.adjusted_mm3),
    }
    return measured_structure(engine_row, codes, row.status == EDITED)


def _none_if_missing(value: float) -> float | None:
    return None if math.isnan(value) else value


def _review(nodes: ResultNodes) -> PersonReview | None:
    from HypothalamusSegLib.results.dicom.contents import PersonReview

    review = nodes.record.review
    if not review.is_judged:
        return None
    changed = review.changed_since(mask_digests(nodes))
    parts = [review.status, review.time, review.note]
    parts += [f"changed since then: {', '.join(changed)}"] if changed else []
    return PersonReview(review.reviewer, "; ".join(part for part in parts if part))


def _save(objects: DicomObjects, folder: Path, name: str, kinds: tuple[str, ...]) -> list[Path]:
    return objects.save(folder, name, kinds)


def _refuse_another_series(file: Path, objects: DicomObjects) -> None:
    """Raise ExportError if an existing file does not refer to the same series."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    if not file.exists():
        return
    try:
        there = dcmread(file, stop_before_pixels=True)
    except (InvalidDicomError, OSError):
        return  # not ours: the user is asked before it is replaced
    own = objects.by_kind[SEGMENTATION]
    if there.get("StudyInstanceUID") != own.StudyInstanceUID or _series_of(there) not in (
        None,
        _series_of(own),
    ):
        raise ExportError(
            f"{file.name} in {file.parent} belongs to another scan, so nothing was written. "
            "Choose another folder, or enter a pseudonym that is not in use."
        )


def _series_of(dataset) -> str | None:
    series = dataset.get("ReferencedSeriesSequence")
    return series[0].SeriesInstanceUID if series else None
