"""Earlier scans of the same patient, and their placement on the current scan."""

from __future__ import annotations

import numpy as np
import slicer

from .patient import ScanIdentity, identify
from .shown_volume import is_scan

PLACED_ATTRIBUTE = "HypothalamusSeg.PriorOf"
BEFORE_ATTRIBUTE = "HypothalamusSeg.TransformBefore"


def other_scans(volume: slicer.vtkMRMLScalarVolumeNode) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """List the other scans of a scene: first those of the same patient, the latest earlier first.

    Scans of another patient are left out where both patients are known.
    """
    own = identify(volume)
    ranked = []
    scene = volume.GetScene()
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLScalarVolumeNode")
        if not is_scan(node) or node.GetID() == volume.GetID():
            continue
        other = identify(node)
        if own.is_known and other.is_known and not is_same_patient(own, other):
            continue
        ranked.append((not is_same_patient(own, other), *_distance(own, other), index, node))
    return [entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:-1])]


def is_same_patient(one: ScanIdentity, other: ScanIdentity) -> bool:
    """Whether two scans are known to show the same patient; false if one is unknown."""
    return bool(one.patient_id) and one.patient_id == other.patient_id


def _distance(own: ScanIdentity, other: ScanIdentity) -> tuple[int, str]:
    """Sorting key: earlier studies first, of these the latest."""
    if not own.study_date or not other.study_date:
        return 2, ""
    if other.study_date < own.study_date:
        return 0, "".join(chr(255 - ord(character)) for character in other.study_date)
    return 1, other.study_date


def place(
    prior: slicer.vtkMRMLScalarVolumeNode,
    current: slicer.vtkMRMLScalarVolumeNode,
    current_from_prior: np.ndarray,
) -> slicer.vtkMRMLLinearTransformNode:
    """Align a prior with the current scan by its own transform, under that of the current scan."""
    scene = prior.GetScene()
    node = _transform_of(prior)
    if node is None:
        node = scene.AddNewNodeByClass(
            "vtkMRMLLinearTransformNode", f"{prior.GetName()} on {current.GetName()}"
        )
        node.SetAttribute(PLACED_ATTRIBUTE, prior.GetID())
        node.SetAttribute(BEFORE_ATTRIBUTE, prior.GetTransformNodeID() or "")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(current_from_prior))
    node.SetAndObserveTransformNodeID(current.GetTransformNodeID())
    prior.SetAndObserveTransformNodeID(node.GetID())
    return node


def take_back(prior: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Undo `place`."""
    node = _transform_of(prior)
    if node is None:
        return
    before = node.GetAttribute(BEFORE_ATTRIBUTE) or ""
    scene = prior.GetScene()
    there = before if scene.GetNodeByID(before) is not None else None
    prior.SetAndObserveTransformNodeID(there)
    scene.RemoveNode(node)


def _transform_of(
    prior: slicer.vtkMRMLScalarVolumeNode,
) -> slicer.vtkMRMLLinearTransformNode | None:
    node = prior.GetParentTransformNode()
    is_ours = node is not None and node.GetAttribute(PLACED_ATTRIBUTE) == prior.GetID()
    return node if is_ours else None
