"""Update volumes shortly after the last edit."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer
import vtk

from ..scene.dicom_tags import name_scalars, tag_edited
from ..scene.result_nodes import ResultNodes
from ..scene.structures import NODE_PLANS
from .baseline import expected_volume_mm3, read_baseline
from .mask_digest import mask_digests
from .rows import Edit, VolumeRow, volume_rows
from .segment_voxels import BINARY_LABELMAP, SegmentVoxels, dice, read_segment
from .table import write_table

# Long enough to combine the steps of one stroke, short enough to feel immediate.
DEBOUNCE_MS = 120
SEGMENTATION_EVENTS = (
    "SourceRepresentationModified",
    "SegmentModified",
    "SegmentAdded",
    "SegmentRemoved",
)


def measure_edits(nodes: ResultNodes, roles: set[str] | None = None) -> dict[str, Edit | None]:
    """Compare every segment with the networks' output.

    Parameters
    ----------
    nodes : ResultNodes
    roles : set of str or None
        Only these; None: all.

    Returns
    -------
    dict of str to Edit or None
        By structure; None where the segment was deleted.
    """
    edits: dict[str, Edit | None] = {}
    for plan, node in nodes.segmentations():
        if roles is None or plan.role in roles:
            for segment in plan.segments:
                identifier = segment.identifier
                now = read_segment(node, identifier)
                edits[identifier] = (
                    None if now is None else _edit(nodes, plan.role, identifier, now)
                )
    return edits


def _edit(nodes: ResultNodes, role: str, identifier: str, now: SegmentVoxels) -> Edit:
    before = read_baseline(nodes, role, identifier)
    if before is not None:
        return Edit(now.volume_mm3, before.volume_mm3, dice(now, before))
    expected_mm3 = expected_volume_mm3(nodes, identifier)
    network_mm3 = now.volume_mm3 if expected_mm3 is None else expected_mm3
    return Edit(now.volume_mm3, network_mm3, None, has_baseline=False)


def tag_edits(nodes: ResultNodes, edits: dict[str, Edit | None]) -> None:
    """Keep the segments ready for DICOM SEG export."""
    for plan, node in nodes.segmentations():
        for segment in plan.segments:
            there, edit = node.GetSegmentation().GetSegment(segment.identifier), None
            if there is not None:
                edit = edits.get(segment.identifier)
                name_scalars(there.GetRepresentation(BINARY_LABELMAP))
            if edit is not None:
                tag_edited(there, edit.is_change)


def update_table(nodes: ResultNodes, edits: dict[str, Edit | None]) -> list[VolumeRow]:
    """Write the table of a result; returns its rows."""
    engine = nodes.record.engine
    rows = volume_rows(engine, edits)
    codes = [flag["code"] for flag in engine["quality"]["flags"]]
    write_table(nodes.make_table(), rows, engine["reference_icv_mm3"], codes)
    return rows


class EditWatch:
    """Updates the table of one result while its segmentations are edited.

    Parameters
    ----------
    on_change : callable(list of VolumeRow)
        Called after each measurement.
    """

    def __init__(self, on_change: Callable[[list[VolumeRow]], None]) -> None:
        self._on_change = on_change
        self._observed: list[tuple[vtk.vtkObject, int]] = []
        self._nodes: ResultNodes | None = None
        self._edits: dict[str, Edit | None] = {}
        # Checksums of the segmentations as last measured, by role.
        self.digests: dict[str, str] = {}
        self._stale: set[str] = set()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.connect("timeout()", self.refresh)

    def watch(self, nodes: ResultNodes | None) -> None:
        """Follow another result, or none."""
        self.stop()
        self._nodes = nodes if nodes is not None and nodes.record is not None else None
        if self._nodes is None:
            return
        for plan, node in self._nodes.segmentations():
            self._observe(plan.role, node)
        self._stale = {plan.role for plan, _ in self._nodes.segmentations()}
        self.refresh()

    def stop(self) -> None:
        self._timer.stop()
        for observed, tag in self._observed:
            observed.RemoveObserver(tag)
        self._observed, self._nodes = [], None
        self._edits, self.digests = {}, {}

    @property
    def has_edits(self) -> bool:
        """Whether anything differs from the networks' output."""
        return any(edit is None or edit.is_change for edit in self._edits.values())

    @property
    def edited_roles(self) -> list[str]:
        """Roles of the segmentations that differ from the networks' output."""
        edited = {name for name, edit in self._edits.items() if edit is None or edit.is_change}
        return [p.role for p in NODE_PLANS if edited & {s.identifier for s in p.segments}]

    @property
    def without_baseline(self) -> list[str]:
        """Structures whose network output is lost, or is that of another scan."""
        edits = self._edits.items()
        return [name for name, edit in edits if edit is not None and not edit.has_baseline]

    def refresh(self) -> None:
        """Measure what has changed since the last time, and write the table."""
        nodes = self._nodes
        if nodes is None or nodes.record is None:
            return
        self._edits.update(measure_edits(nodes, self._stale))
        there = {plan.role for plan, _ in nodes.segmentations()}
        kept = {role: self.digests[role] for role in there & set(self.digests)}
        self.digests = {**kept, **mask_digests(nodes, self._stale)}
        self._stale = set()
        tag_edits(nodes, self._edits)
        self._on_change(update_table(nodes, self._edits))

    def _observe(self, role: str, node: slicer.vtkMRMLSegmentationNode) -> None:
        segmentation = node.GetSegmentation()

        def changed(caller: object, event: object) -> None:
            self._stale.add(role)
            self._timer.start()

        for name in SEGMENTATION_EVENTS:
            event = getattr(slicer.vtkSegmentation, name)
            self._observed.append((segmentation, segmentation.AddObserver(event, changed)))
