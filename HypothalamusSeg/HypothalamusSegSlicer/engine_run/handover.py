"""Pass a volume to the engine, and load its result into the scene."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import slicer
import vtk
from HypothalamusSegLib.measures.protocol import protocol_name
from vtk.util.numpy_support import numpy_to_vtk

from ..scene.dicom_tags import name_scalars, tag_algorithm
from ..scene.disagreement import style_spread
from ..scene.result_nodes import PROTOCOL_ATTRIBUTE, SPREAD_ROLE, ResultNodes
from ..scene.structures import NODE_PLANS, NodePlan
from ..volumes.segment_voxels import replace_segment, voxel_array

SCAN_NAME = "scan"


class HandoverError(Exception):
    """A file for the engine cannot be written, or its result cannot be loaded."""


def write_scan(volume: slicer.vtkMRMLScalarVolumeNode, folder: Path, name: str = SCAN_NAME) -> Path:
    """Write a volume for the engine, without its parent transform.

    The volume's own storage node is not touched.
    """
    path = folder / f"{name}.nrrd"
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    storage.SetUseCompression(False)
    if not storage.WriteData(volume):
        raise HandoverError(
            f"“{volume.GetName()}” could not be written to {folder}. Check the free disk space."
        )
    return path


def take_results(volume: slicer.vtkMRMLScalarVolumeNode, engine: dict, folder: Path) -> ResultNodes:
    """Create or update the result nodes of a volume from the files of the engine.

    Parameters
    ----------
    volume : vtkMRMLScalarVolumeNode
    engine : dict
        The engine's description of the result.
    folder : Path
        Holds ``scan_*.nii.gz``.
    """
    return take_label_maps(volume, engine, label_maps_in(folder))


def label_maps_in(folder: Path) -> dict[str, Path]:
    """The label maps that the engine wrote for a scan of `write_scan`, by role."""
    paths = {p.role: folder / f"{SCAN_NAME}_{p.file_suffix}.nii.gz" for p in NODE_PLANS}
    paths[SPREAD_ROLE] = folder / f"{SCAN_NAME}_hypothalamus_spread.nii.gz"
    return {role: path for role, path in paths.items() if path.exists()}


def take_label_maps(
    volume: slicer.vtkMRMLScalarVolumeNode, engine: dict, label_maps: Mapping[str, Path]
) -> ResultNodes:
    """Create or update the result nodes of a volume from label maps, by role.

    All files are read before any node is changed, so a missing file loses nothing.

    Raises
    ------
    HandoverError
        If a file cannot be read, or there is none.
    """
    images = {
        plan.role: read_labels(label_maps[plan.role])
        for plan in NODE_PLANS
        if (plan.role in label_maps)
    }
    if not images:
        raise HandoverError("The engine produced no segmentation. Press Apply to try again.")
    nodes = ResultNodes(volume)
    for plan in NODE_PLANS:
        if plan.role not in images:
            nodes.remove(plan.role)
            continue
        provenance = engine["provenance"]
        original = nodes.make_network_output(plan, provenance["input_sha256"])
        for node in (nodes.make_segmentation(plan), original):
            if plan.role != "icv":
                node.SetAttribute(PROTOCOL_ATTRIBUTE, protocol_name(engine))
            _fill(node, plan, images[plan.role], volume)
            for segment in plan.segments:
                there = node.GetSegmentation().GetSegment(segment.identifier)
                tag_algorithm(there, provenance["version"])
        nodes.segmentation(plan.role).CreateDefaultDisplayNodes()
        _style(nodes.segmentation(plan.role), plan)
    _take_spread(nodes, label_maps.get(SPREAD_ROLE))
    description = {**engine, "name": volume.GetName()}
    nodes.make_record().set_engine(description)
    return nodes


def _take_spread(nodes: ResultNodes, path: Path | None) -> None:
    """Add the map of disagreement; without one, that of an earlier run is removed."""
    if path is None:
        if nodes.spread is not None:
            nodes.volume.GetScene().RemoveNode(nodes.spread)
        return
    node = nodes.make_spread()
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        raise HandoverError(f"{path.name} cannot be read. Press Apply to try again.")
    node.SetAndObserveTransformNodeID(nodes.volume.GetTransformNodeID())
    style_spread(node)


def read_labels(path: Path) -> slicer.vtkOrientedImageData:
    """Read a label map in RAS with Slicer's reader, without adding a node to the scene."""
    node = slicer.vtkMRMLLabelMapVolumeNode()
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node) or node.GetImageData() is None:
        raise HandoverError(f"{path.name} cannot be read. Press Apply to try again.")
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    image = logic.CreateOrientedImageDataFromVolumeNode(node)
    image.UnRegister(None)  # created for the caller, and Python holds its own reference
    return image


def _fill(
    node: slicer.vtkMRMLSegmentationNode,
    plan: NodePlan,
    image: slicer.vtkOrientedImageData,
    volume: slicer.vtkMRMLScalarVolumeNode,
) -> None:
    """Copy the labels into the segments of a node, under the same transform as its volume."""
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    segmentation = node.GetSegmentation()
    # The Segment Editor works on this grid: on the scan's coarser one, the first stroke would
    # resample every segment of the node.
    converter = slicer.vtkSegmentationConverter
    segmentation.SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(),
        converter.SerializeImageGeometry(image),
    )
    fill_segments(node, plan, image)
    _beside_volume(node, volume)


def fill_segments(
    node: slicer.vtkMRMLSegmentationNode, plan: NodePlan, image: slicer.vtkOrientedImageData
) -> None:
    """Set the segments of a node from a label map; deleted ones are restored."""
    was_modifying = node.StartModify()
    for segment in plan.segments:
        _fill_segment(node, segment, image)
    if node.GetSegmentation().ContainsRepresentation("Closed surface"):
        node.CreateClosedSurfaceRepresentation()
    node.EndModify(was_modifying)


def _fill_segment(node, segment, image: slicer.vtkOrientedImageData) -> None:
    segmentation = node.GetSegmentation()
    if segmentation.GetSegment(segment.identifier) is None:
        segmentation.AddEmptySegment(segment.identifier, segment.name, segment.colour)
    segmentation.GetSegment(segment.identifier).SetTerminology(segment.terminology)
    replace_segment(node, segment.identifier, _only(image, segment.label))


def _only(image: slicer.vtkOrientedImageData, label: int) -> slicer.vtkOrientedImageData:
    """Extract one label as a cropped binary image (whole heads are large)."""
    extent = image.GetExtent()
    inside = voxel_array(image) == label
    bounds = []
    for axis in range(3):
        hit = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        bounds.append((int(hit[0]), int(hit[-1])) if hit.size else (0, 0))
    (k0, k1), (j0, j1), (i0, i1) = bounds
    part = np.ascontiguousarray(inside[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1]).astype(np.uint8)
    binary = slicer.vtkOrientedImageData()
    first_i, first_j, first_k = extent[0], extent[2], extent[4]
    binary.SetExtent(
        *(first_i + i0, first_i + i1, first_j + j0, first_j + j1, first_k + k0, first_k + k1)
    )
    scalars = numpy_to_vtk(part.ravel(), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR)
    binary.GetPointData().SetScalars(scalars)
    name_scalars(binary)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    binary.SetGeometryFromImageToWorldMatrix(matrix)
    return binary


def _style(node: slicer.vtkMRMLSegmentationNode, plan: NodePlan) -> None:
    """Show outlines so the image stays visible; ICV thin and unfilled."""
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(plan.role != "icv")
    display.SetOpacity2DFill(0.25)
    display.SetVisibility2DOutline(True)
    display.SetSliceIntersectionThickness(2 if plan.role == "hypothalamus" else 1)
    if plan.role == "icv":
        display.SetOpacity3D(0.15)


def _beside_volume(
    node: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode
) -> None:
    """Place a node next to its volume in the subject hierarchy."""
    if node.GetHideFromEditors():
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    if hierarchy is None:
        return
    of_volume, of_node = hierarchy.GetItemByDataNode(volume), hierarchy.GetItemByDataNode(node)
    if of_volume and not of_node:
        of_node = hierarchy.CreateItem(hierarchy.GetItemParent(of_volume), node)
    if of_volume and of_node:
        hierarchy.SetItemParent(of_node, hierarchy.GetItemParent(of_volume))
