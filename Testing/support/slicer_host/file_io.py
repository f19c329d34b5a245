"""``slicer.app.coreIOManager()``: nodes and scenes to and from files."""
# ruff: noqa: N802 (names of Slicer)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtCore

from .problems import report

# Endings of file names; of two that fit, the earlier is meant.
_FILE_TYPES = {
    ".seg.nrrd": "SegmentationFile",
    ".nii.gz": "VolumeFile",
    ".nii": "VolumeFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".mgz": "VolumeFile",
    ".mha": "VolumeFile",
    ".csv": "TableFile",
    ".tsv": "TableFile",
    ".mrb": "SceneFile",
    ".mrml": "SceneFile",
    ".vtk": "ModelFile",
    ".stl": "ModelFile",
}
_NODE_CLASSES = {
    "SegmentationFile": "vtkMRMLSegmentationNode",
    "TableFile": "vtkMRMLTableNode",
    "ModelFile": "vtkMRMLModelNode",
}


class IOManager(QtCore.QObject):
    """Reads and writes the files of a segmentation module, with the nodes' own storage."""

    def fileType(self, path: str) -> str:
        name = str(path).lower()
        return next((kind for ending, kind in _FILE_TYPES.items() if name.endswith(ending)), "")

    def loadNodes(
        self,
        file_type: str,
        properties: Mapping[str, Any],
        loaded: vtk.vtkCollection | None = None,
        messages: object = None,
    ) -> bool:
        """Load a file into the scene; true when that went well."""
        path = str(properties["fileName"])
        if file_type == "SceneFile":
            return _read_scene(path, bool(properties.get("clear", False)))
        if file_type == "VolumeFile":
            node = _read_volume(path, properties)
        elif file_type in _NODE_CLASSES:
            node = _read_node(path, properties, _NODE_CLASSES[file_type])
        else:
            report(f"coreIOManager: no reader for files of type '{file_type}' ({path})")
            node = None
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None

    def saveNodes(self, file_type: str, properties: Mapping[str, Any], *more: object) -> bool:
        """Write a node or the scene; true when that went well."""
        path = str(properties["fileName"])
        if file_type == "SceneFile":
            return _write_scene(path)
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        node.AddDefaultStorageNode(path)
        node.GetStorageNode().SetFileName(path)
        return bool(node.GetStorageNode().WriteData(node))


def _stem(path: str) -> str:
    return Path(path).name.partition(".")[0]


def _read_volume(path: str, properties: Mapping[str, Any]) -> slicer.vtkMRMLVolumeNode | None:
    name = properties.get("name") or _stem(path)
    labels = 1 if properties.get("labelmap") else 0
    return slicer.modules.volumes.logic().AddArchetypeVolume(path, name, labels)


def _read_node(
    path: str, properties: Mapping[str, Any], node_class: str
) -> slicer.vtkMRMLStorableNode | None:
    scene = slicer.mrmlScene
    node = scene.AddNewNodeByClass(node_class, properties.get("name") or _stem(path))
    node.AddDefaultStorageNode(path)
    node.GetStorageNode().SetFileName(path)
    if not node.GetStorageNode().ReadData(node):
        scene.RemoveNode(node)
        return None
    if isinstance(node, slicer.vtkMRMLDisplayableNode):
        node.CreateDefaultDisplayNodes()
    return node


def _read_scene(path: str, clear: bool) -> bool:
    scene = slicer.mrmlScene
    if path.endswith(".mrb"):
        return bool(scene.ReadFromMRB(path, clear))
    scene.SetURL(path)
    return bool(scene.Connect() if clear else scene.Import())


def _write_scene(path: str) -> bool:
    scene = slicer.mrmlScene
    if path.endswith(".mrb"):
        return bool(scene.WriteToMRB(path))
    scene.SetURL(path)
    scene.SetRootDirectory(str(Path(path).parent))
    return bool(scene.Commit(path))
