"""The values of the scan inside a structure, within which it is edited."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from ..scene.result_nodes import ResultNodes
from .baseline import read_baseline

# The border of the ICV runs through bright and dark tissue: any range would be in the way.
ROLES_WITH_RANGE = ("hypothalamus", "subunits")
RANGE_MARGIN = 0.02  # of the range's width, for the editor's own rounding


def intensity_range(nodes: ResultNodes, role: str, identifier: str) -> tuple[float, float] | None:
    """Range of the scan's values inside the networks' segment.

    The networks' own voxels are always within the range, so they can be erased. None for the ICV,
    and if the segment is empty.
    """
    from scipy.ndimage import map_coordinates

    if role not in ROLES_WITH_RANGE:
        return None
    voxels = read_baseline(nodes, role, identifier)
    if voxels is None or not voxels.inside.any():
        return None
    k, j, i = np.nonzero(voxels.inside)
    indices = np.stack([i, j, k, np.ones_like(i)]) + np.array([[n] for n in (*voxels.start, 0)])
    ras_to_ijk = vtk.vtkMatrix4x4()
    nodes.volume.GetRASToIJKMatrix(ras_to_ijk)
    places = slicer.util.arrayFromVTKMatrix(ras_to_ijk) @ voxels.image_to_world @ indices
    scan = slicer.util.arrayFromVolume(nodes.volume).astype(np.float32, copy=False)
    values = map_coordinates(scan, places[2::-1], order=1, mode="nearest")
    low, high = float(values.min()), float(values.max())
    margin = RANGE_MARGIN * (high - low)
    return low - margin, high + margin
