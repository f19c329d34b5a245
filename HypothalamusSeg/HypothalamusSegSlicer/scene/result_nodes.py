"""The result nodes of a volume, found by their roles.

Roles and references are stored in the scene, so they survive saving, and a second run updates only
its own nodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import slicer
from HypothalamusSegLib.measures.protocol import protocol_name

from .review import Review
from .structures import NODE_PLANS, NodePlan

ROLE_ATTRIBUTE = "HypothalamusSeg.Role"
PROTOCOL_ATTRIBUTE = "HypothalamusSeg.Protocol"
VOLUME_REFERENCE = "HypothalamusSeg.Volume"
RECORD_ROLE, TABLE_ROLE = "record", "table"
SPREAD_ROLE = "spread"
NETWORK_SUFFIX = "-network-output"
# What a result consists of; the names of its nodes begin with that of the volume.
NAMED_CLASSES = (
    "vtkMRMLSegmentationNode",
    "vtkMRMLScalarVolumeNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
)


class ResultNodes:
    """Finds and makes the result nodes of one volume.

    Parameters
    ----------
    volume : vtkMRMLScalarVolumeNode
        The volume that was segmented; its scene is the one that is used.
    """

    def __init__(self, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
        self.volume = volume
        self._scene = volume.GetScene()

    def segmentation(self, role: str) -> slicer.vtkMRMLSegmentationNode | None:
        """The editable segmentation of a role, or None."""
        return self._find("vtkMRMLSegmentationNode", role)

    def network_output(self, role: str) -> slicer.vtkMRMLSegmentationNode | None:
        """The hidden copy of the network output, or None."""
        return self._find("vtkMRMLSegmentationNode", role + NETWORK_SUFFIX)

    def segmentations(self) -> Iterator[tuple[NodePlan, slicer.vtkMRMLSegmentationNode]]:
        """All editable segmentations."""
        for plan in NODE_PLANS:
            node = self.segmentation(plan.role)
            if node is not None:
                yield plan, node

    def make_segmentation(self, plan: NodePlan) -> slicer.vtkMRMLSegmentationNode:
        name = f"{self.volume.GetName()} {plan.name_suffix}"
        return self.make("vtkMRMLSegmentationNode", plan.role, name)

    def make_network_output(
        self, plan: NodePlan, input_sha256: str
    ) -> slicer.vtkMRMLSegmentationNode:
        """The hidden copy; its name, and so its file, is unique in a folder."""
        name = f"{self.volume.GetName()} {plan.name_suffix} (network output {input_sha256[:8]})"
        role = plan.role + NETWORK_SUFFIX
        return self.make("vtkMRMLSegmentationNode", role, name, is_hidden=True)

    @property
    def spread(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """Where the networks disagree, in per mille; None with one network."""
        return self._find("vtkMRMLScalarVolumeNode", SPREAD_ROLE)

    def make_spread(self) -> slicer.vtkMRMLScalarVolumeNode:
        name = f"{self.volume.GetName()} disagreement"
        return self.make("vtkMRMLScalarVolumeNode", SPREAD_ROLE, name, is_hidden=True)

    @property
    def table(self) -> slicer.vtkMRMLTableNode | None:
        return self._find("vtkMRMLTableNode", TABLE_ROLE)

    def make_table(self) -> slicer.vtkMRMLTableNode:
        name = f"{self.volume.GetName()} hypothalamus volumes"
        return self.make("vtkMRMLTableNode", TABLE_ROLE, name)

    @property
    def record(self) -> Record | None:
        """The engine's result and its review, or None if this volume has no result."""
        node = self._find("vtkMRMLTextNode", RECORD_ROLE)
        return None if node is None else Record(node)

    def make_record(self) -> Record:
        name = f"{self.volume.GetName()} hypothalamus result"
        node = self.make("vtkMRMLTextNode", RECORD_ROLE, name, is_hidden=True)
        # Kept in the scene's own file: no storage node can then point to a missing file.
        node.SetForceCreateStorageNode(node.CreateStorageNodeNever)
        return Record(node)

    def rename(self, old: str, new: str) -> None:
        """Give the volume another name, and all nodes that are named after it."""
        for class_name in NAMED_CLASSES:
            for node in self._all(class_name):
                if self._belongs(node) and node.GetName().startswith(old):
                    node.SetName(new + node.GetName().removeprefix(old))
        self.volume.SetName(new)

    def remove(self, role: str) -> None:
        """Remove a role's segmentation and its copy, if they exist."""
        for node in (self.segmentation(role), self.network_output(role)):
            if node is not None:
                self._scene.RemoveNode(node)

    def _find(self, class_name: str, role: str):
        for node in self._all(class_name):
            if node.GetAttribute(ROLE_ATTRIBUTE) == role and self._belongs(node):
                return node
        return None

    def _all(self, class_name: str) -> list:
        collection = self._scene.GetNodesByClass(class_name)
        collection.UnRegister(None)
        count = collection.GetNumberOfItems()
        return [collection.GetItemAsObject(index) for index in range(count)]

    def _belongs(self, node: slicer.vtkMRMLNode) -> bool:
        return node.GetNodeReferenceID(VOLUME_REFERENCE) == self.volume.GetID()

    def make(self, class_name: str, role: str, name: str, is_hidden: bool = False):
        """The node of a role; created with that name if missing."""
        found = self._find(class_name, role)
        if found is not None:
            return found
        node = self._scene.CreateNodeByClass(class_name)
        node.UnRegister(None)
        node.SetName(self._scene.GenerateUniqueName(name) if self._is_taken(name) else name)
        node.SetAttribute(ROLE_ATTRIBUTE, role)
        # Before the scene has it: lists and trees decide when a node is added.
        node.SetHideFromEditors(is_hidden)
        self._scene.AddNode(node)
        node.SetNodeReferenceID(VOLUME_REFERENCE, self.volume.GetID())
        return node

    def _is_taken(self, name: str) -> bool:
        return self._scene.GetFirstNodeByName(name) is not None


class Record:
    """The engine result and the review, as JSON in a text node."""

    def __init__(self, node: slicer.vtkMRMLTextNode) -> None:
        self.node = node

    @property
    def engine(self) -> dict:
        """The engine's description of the result: the content of its JSON file."""
        return self._content().get("engine", {})

    @property
    def review(self) -> Review:
        return Review(**self._content().get("review", {}))

    @property
    def pseudonym(self) -> str:
        """The patient's name in exports; empty: the real name."""
        return self._content().get("pseudonym", "")

    def set_pseudonym(self, pseudonym: str) -> None:
        self._write({**self._content(), "pseudonym": pseudonym})

    @property
    def earlier_reviews(self) -> list[dict]:
        """Verdicts that were replaced by others or by a second run, the oldest first."""
        return self._content().get("earlier_reviews", [])

    def set_engine(self, description: dict) -> None:
        """Store a new result; its review is open, and the old one is kept as an earlier one."""
        content = self._content()
        earlier = self._with_old_review(content)
        review = Review().as_dict()
        self._write(
            {**content, "engine": description, "review": review, "earlier_reviews": earlier}
        )

    def set_review(self, review: Review) -> None:
        content, old = self._content(), self.review
        verdict, before = ((r.status, r.reviewer, r.masks) for r in (review, old))
        earlier = self.earlier_reviews if verdict == before else self._with_old_review(content)
        self._write({**content, "review": review.as_dict(), "earlier_reviews": earlier})

    def _with_old_review(self, content: dict) -> list[dict]:
        earlier, old = content.get("earlier_reviews", []), self.review
        if not old.is_judged and not old.note:
            return earlier
        engine = content.get("engine", {})
        version, protocol = engine.get("provenance", {}).get("version"), protocol_name(engine)
        return [*earlier, {**old.as_dict(), "engine_version": version, "protocol": protocol}]

    def _content(self) -> dict:
        return json.loads(self.node.GetText() or "{}")

    def _write(self, content: dict) -> None:
        self.node.SetText(json.dumps(content, allow_nan=False))
