"""The networks' output that edits are compared with, checked against the record.

Slicer saves hidden nodes beside a .mrml scene under names of their own, so they can be lost, or be
those of another scene in the same folder. A baseline that does not have the volume that the engine
reported is not used.
"""

from __future__ import annotations

from ..scene.result_nodes import ResultNodes
from .rows import structure_entries
from .segment_voxels import SegmentVoxels, read_segment

TOLERANCE_MM3, RELATIVE_TOLERANCE = 0.01, 1e-4


def read_baseline(nodes: ResultNodes, role: str, identifier: str) -> SegmentVoxels | None:
    """The networks' voxels of a segment; None if they are lost or not those of this result."""
    node = nodes.network_output(role)
    voxels = read_segment(node, identifier) if node is not None else None
    expected_mm3 = expected_volume_mm3(nodes, identifier)
    if voxels is None or expected_mm3 is None:
        return voxels
    tolerance_mm3 = TOLERANCE_MM3 + RELATIVE_TOLERANCE * expected_mm3
    return voxels if abs(voxels.volume_mm3 - expected_mm3) <= tolerance_mm3 else None


def expected_volume_mm3(nodes: ResultNodes, identifier: str) -> float | None:
    """What the engine reported for the mask of a segment, in mm³; None in old records."""
    return structure_entries(nodes.record.engine).get(identifier, {}).get("mask_volume_mm3")
