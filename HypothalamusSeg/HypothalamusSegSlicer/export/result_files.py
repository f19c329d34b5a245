"""A result written to a folder: segmentations, table, JSON with provenance and review, report."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import slicer
import vtk
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.results.atomic_files import atomic_files, files_below
from vtk.util.numpy_support import numpy_to_vtk

from ..scene.result_nodes import ResultNodes
from ..scene.structures import NodePlan
from ..volumes.mask_digest import mask_digests
from ..volumes.rows import VolumeRow
from ..volumes.segment_voxels import is_same_lattice, read_segment, reference_grid
from ..volumes.table import as_text
from .report import draw_report
from .subject import (
    ExportError,
    MayReplace,
    Subject,
    export_subject,
    refuse_another_scan,
    refuse_to_replace,
)


def export_result(
    nodes: ResultNodes,
    rows: Sequence[VolumeRow],
    folder: str | Path,
    may_replace: MayReplace = refuse_to_replace,
) -> list[Path]:
    """Write all files of a result in its current state, including edits.

    Parameters
    ----------
    may_replace : callable(files) → bool
        Asked before files of the same scan are replaced.

    Returns
    -------
    list of Path
        ``NAME_*.nii.gz``, ``.seg.nrrd``, ``NAME_volumes.csv``, ``NAME_volumes.json``,
        ``NAME_report.png``; NAME is that of the `Subject`. Empty if nothing may be replaced.

    Raises
    ------
    ExportError
        If the folder cannot be written to, or has files of another scan under this name.
    """
    subject = export_subject(nodes)
    name = subject.stem
    checksum = nodes.record.engine["provenance"]["input_sha256"]
    refuse_another_scan(Path(folder) / f"{name}_volumes.json", checksum)

    def write(stage: Path) -> None:
        for plan, node in nodes.segmentations():
            write_label_map(node, plan, stage / f"{name}_{plan.file_suffix}.nii.gz")
            write_segmentation(node, stage / f"{name}_{plan.role}.seg.nrrd")
        (stage / f"{name}_volumes.csv").write_text(as_text(rows, ","), encoding="utf-8")
        text = json.dumps(describe(nodes, rows, subject), indent=2, allow_nan=False)
        (stage / f"{name}_volumes.json").write_text(text + "\n", encoding="utf-8")
        draw_report(nodes, rows, subject, stage / f"{name}_report.png")

    return write_whole(Path(folder), write, may_replace)


def write_whole(folder: Path, write: Callable[[Path], None], may_replace: MayReplace) -> list[Path]:
    """Let ``write`` fill a hidden folder, then move all files into place, or none."""
    try:
        with atomic_files(folder) as stage:
            write(stage)
            targets = [folder / file for file in files_below(stage)]
            there = [target for target in targets if target.exists()]
            if there and not may_replace(there):
                shutil.rmtree(stage)  # Nothing can be moved from a folder that is gone.
                return []
    except HypothalamusSegError as error:
        raise ExportError(str(error)) from error
    return targets


def describe(nodes: ResultNodes, rows: Sequence[VolumeRow], subject: Subject) -> dict:
    """Describe the result: whose it is, engine output, current volumes and review."""
    record = nodes.record
    return {
        **record.engine,
        "name": subject.stem,
        "scan": subject.details,
        "present": [
            {key: _json_number(value) for key, value in asdict(row).items()} for row in rows
        ],
        "review": {
            **record.review.as_dict(),
            "changed_since": record.review.changed_since(mask_digests(nodes)),
        },
        "earlier_reviews": record.earlier_reviews,
    }


def _json_number(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def write_segmentation(node: slicer.vtkMRMLSegmentationNode, path: Path) -> None:
    """Write .seg.nrrd without touching the node's own storage node."""
    _write_node(slicer.vtkMRMLSegmentationStorageNode(), node, path)


def write_label_map(node: slicer.vtkMRMLSegmentationNode, plan: NodePlan, path: Path) -> None:
    """Write the segments with the engine's label numbers, on their own grid, untransformed."""
    found = [
        (segment.label, voxels)
        for segment in plan.segments
        if (voxels := read_segment(node, segment.identifier)) is not None and voxels.inside.size
    ]
    whole = reference_grid(node)
    if not found and whole is None:
        raise ExportError(f"{node.GetName()} is empty and has no grid, so it cannot be exported.")
    # If emptied by hand, write an empty label map: this is a valid review result.
    first = found[0][1] if found else whole
    covered = [voxels for _, voxels in found]
    if whole is not None and is_same_lattice(first, whole):
        covered.append(whole)  # the engine's whole grid, not only the filled part
    low = np.min([voxels.start for voxels in covered], axis=0)
    high = np.max([np.add(v.start, v.inside.shape[::-1]) for v in covered], axis=0)
    dtype, vtk_type = (
        (np.uint8, vtk.VTK_UNSIGNED_CHAR)
        if plan.segments[-1].label < 256
        else (np.uint16, vtk.VTK_UNSIGNED_SHORT)
    )
    labels = np.zeros(tuple((high - low)[::-1]), dtype)
    for label, voxels in found:
        i, j, k = (
            slice(s, s + n)
            for s, n in zip(voxels.start - low, voxels.inside.shape[::-1], strict=True)
        )
        labels[k, j, i][voxels.inside] = label
    image = vtk.vtkImageData()
    image.SetDimensions(*labels.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(labels.ravel(), deep=True, array_type=vtk_type))
    node_for_file = slicer.vtkMRMLLabelMapVolumeNode()
    node_for_file.SetAndObserveImageData(image)
    matrix = first.image_to_world.copy()
    matrix[:3, 3] = (matrix @ [*low, 1.0])[:3]
    node_for_file.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    write_volume(node_for_file, path)


def write_volume(node: slicer.vtkMRMLVolumeNode, path: Path) -> None:
    """Write a volume as NIfTI without touching its own storage node."""
    _write_node(slicer.vtkMRMLVolumeArchetypeStorageNode(), node, path)


def _write_node(
    storage: slicer.vtkMRMLStorageNode, node: slicer.vtkMRMLStorableNode, path: Path
) -> None:
    storage.SetFileName(str(path))
    if not storage.WriteData(node):
        raise ExportError(
            f"{path.name} could not be written to {path.parent}. Check the free disk space."
        )
