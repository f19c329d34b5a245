"""A checksum of what is segmented, to tell whether it has changed since it was reviewed."""

from __future__ import annotations

import hashlib

import numpy as np
import slicer

from ..scene.result_nodes import ResultNodes
from ..scene.structures import NodePlan
from .segment_voxels import SegmentVoxels, read_segment, reference_grid, whole_voxel_shift


def mask_digests(nodes: ResultNodes, roles: set[str] | None = None) -> dict[str, str]:
    """Checksums of the segmentations of a result, by role; of ``roles`` only, if given."""
    return {
        plan.role: _digest(node, plan)
        for plan, node in nodes.segmentations()
        if roles is None or plan.role in roles
    }


def _digest(node: slicer.vtkMRMLSegmentationNode, plan: NodePlan) -> str:
    digest, grid = hashlib.sha256(), reference_grid(node)
    for segment in plan.segments:
        voxels = read_segment(node, segment.identifier)
        digest.update(f"{segment.identifier}:".encode())
        if voxels is None:
            digest.update(b"deleted")
        elif voxels.inside.any():
            _add(digest, voxels, grid)
    return digest.hexdigest()


def _add(digest, voxels: SegmentVoxels, grid: SegmentVoxels | None) -> None:
    """Add the filled part of a segment, wherever its label map begins: saving crops it."""
    box, first = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(voxels.inside.any(axis=others))
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
        first.append(int(filled[0]))
    start = np.add(voxels.start, first[::-1])
    shift = None if grid is None else whole_voxel_shift(grid, voxels)
    if shift is not None:
        place = str((start + shift - grid.start).tolist())
    else:
        where_mm = (voxels.image_to_world @ [*start, 1.0])[:3]
        place = str(np.round(where_mm, 1).tolist())
    part = voxels.inside[tuple(box)]
    digest.update(f"{place}{part.shape}".encode())
    digest.update(np.packbits(part).tobytes())
