"""Voxels of segments: counted, compared and copied, from the nodes' internal label maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

BINARY_LABELMAP = "Binary labelmap"


@dataclass(frozen=True)
class SegmentVoxels:
    """The current voxels of a segment.

    Attributes
    ----------
    inside : ndarray of bool, shape (K, J, I)
        Over the label map's own extent, which is cropped to what it holds.
    start : tuple of int
        First voxel of that extent along i, j, k.
    image_to_world : ndarray, shape (4, 4)
        From voxel indices to RAS, before the node's parent transform.
    """

    inside: np.ndarray
    start: tuple[int, int, int]
    image_to_world: np.ndarray

    @property
    def voxel_volume_mm3(self) -> float:
        return float(abs(np.linalg.det(self.image_to_world[:3, :3])))

    @property
    def volume_mm3(self) -> float:
        return float(np.count_nonzero(self.inside)) * self.voxel_volume_mm3


def read_segment(node: slicer.vtkMRMLSegmentationNode, identifier: str) -> SegmentVoxels | None:
    """Read a segment's voxels; None if the node has no such segment."""
    segment = node.GetSegmentation().GetSegment(identifier)
    if segment is None:
        return None
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if image is None or image.GetNumberOfPoints() == 0 or not image.GetPointData().GetScalars():
        return SegmentVoxels(np.zeros((0, 0, 0), bool), (0, 0, 0), np.eye(4))
    return _on_grid_of(image, voxel_array(image) == segment.GetLabelValue())


def voxel_array(image: slicer.vtkOrientedImageData) -> np.ndarray:
    """An image's voxels, shape (K, J, I), without a copy."""
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def _on_grid_of(image: slicer.vtkOrientedImageData, inside: np.ndarray) -> SegmentVoxels:
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    start = image.GetExtent()[::2]
    return SegmentVoxels(inside, start, slicer.util.arrayFromVTKMatrix(matrix))


def reference_grid(node: slicer.vtkMRMLSegmentationNode) -> SegmentVoxels | None:
    """The grid that a node's segments are edited on, with nothing in it; None if none is set."""
    converter = slicer.vtkSegmentationConverter
    name = converter.GetReferenceImageGeometryParameterName()
    text = node.GetSegmentation().GetConversionParameter(name)
    image = slicer.vtkOrientedImageData()
    if not text or not converter.DeserializeImageGeometry(text, image, False):
        return None
    # This takes no memory: a view of a single element.
    return _on_grid_of(image, np.broadcast_to(np.False_, image.GetDimensions()[::-1]))


def is_same_lattice(first: SegmentVoxels, second: SegmentVoxels) -> bool:
    """Whether both grids have the same origin and the same steps."""
    shift = whole_voxel_shift(first, second)
    return shift is not None and not shift.any()


def dice(first: SegmentVoxels, second: SegmentVoxels) -> float | None:
    """Overlap of two segments on the same grid; None on different grids, or if both are empty."""
    sizes = [int(np.count_nonzero(v.inside)) for v in (first, second)]
    if sum(sizes) == 0:
        return None
    if 0 in sizes:
        return 0.0
    shift = whole_voxel_shift(first, second)
    if shift is None:
        return None
    common = [
        _common_range(first.start[a], first.inside.shape[2 - a], start, second.inside.shape[2 - a])
        for a, start in enumerate(np.add(second.start, shift).tolist())
    ]
    if any(low >= high for low, high in common):
        return 0.0
    one = _cut(first.inside, common, first.start)
    other = _cut(second.inside, common, tuple(np.add(second.start, shift).tolist()))
    return 2.0 * int(np.count_nonzero(one & other)) / sum(sizes)


def copy_segment(
    source: slicer.vtkMRMLSegmentationNode,
    target: slicer.vtkMRMLSegmentationNode,
    identifier: str,
) -> None:
    """Replace a segment of ``target`` by that of ``source``; name, color and codes are kept."""
    image = slicer.vtkOrientedImageData()
    source.GetBinaryLabelmapRepresentation(identifier, image)
    if target.GetSegmentation().GetSegment(identifier) is None:
        segment = slicer.vtkSegment()
        segment.DeepCopy(source.GetSegmentation().GetSegment(identifier))
        target.GetSegmentation().AddSegment(segment, identifier)
        return
    replace_segment(target, identifier, image)


def replace_segment(
    node: slicer.vtkMRMLSegmentationNode, identifier: str, image: slicer.vtkOrientedImageData
) -> None:
    """Set a segment to the nonzero voxels of an image; an empty image empties it."""
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    logic.SetBinaryLabelmapToSegment(image, node, identifier, logic.MODE_REPLACE)


def whole_voxel_shift(first: SegmentVoxels, second: SegmentVoxels) -> np.ndarray | None:
    """Whole voxels by which the second's indices differ from the first's; None if not whole."""
    if not np.allclose(
        first.image_to_world[:3, :3], second.image_to_world[:3, :3], rtol=0, atol=1e-5
    ):
        return None
    offset = np.linalg.inv(first.image_to_world) @ second.image_to_world[:, 3]
    whole = np.round(offset[:3])
    return whole.astype(int) if np.allclose(offset[:3], whole, atol=1e-2) else None


def _common_range(start: int, count: int, other_start: int, other_count: int) -> tuple[int, int]:
    return max(start, other_start), min(start + count, other_start + other_count)


def _cut(inside: np.ndarray, common: list[tuple[int, int]], start: tuple[int, ...]) -> np.ndarray:
    i, j, k = (
        slice(low - first, high - first) for (low, high), first in zip(common, start, strict=True)
    )
    return inside[k, j, i]
