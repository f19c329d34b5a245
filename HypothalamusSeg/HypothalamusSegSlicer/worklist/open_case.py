"""The case that is being read: in the scene, with its result and the reader's earlier edits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import slicer
from HypothalamusSegLib.measures.protocol import protocol_name

from ..engine_run.handover import HandoverError, take_label_maps
from ..scene.result_nodes import ResultNodes
from ..scene.review import STATUSES, Review
from ..volumes.edits import EditWatch
from ..volumes.mask_digest import mask_digests
from ..volumes.segment_voxels import read_segment
from .case import Case, WorklistError
from .case_nodes import enter_scene, lies_as_segmented, remove_case
from .cases_ahead import PreparedCase
from .review_table import ReviewRow, one_line
from .saved_labels import restore_labels, save_labels
from .worklist import Worklist, file_checksum

ACCEPTED, CORRECTED = "accepted", "corrected"
SIDES = ("hypothalamus_left", "hypothalamus_right")
# Small, and used to compare two readers; the ICV is kept only if it was edited.
ALWAYS_KEPT = ("hypothalamus", "subunits")


class OpenCaseError(Exception):
    """A case or its result cannot be shown; the message says why."""


class OpenCase:
    """A case from its entry into the scene until it is removed.

    Parameters
    ----------
    scene : vtkMRMLScene
    prepared : PreparedCase
    title : str
        What readers see.
    """

    def __init__(self, scene: slicer.vtkMRMLScene, prepared: PreparedCase, title: str) -> None:
        self.prepared = prepared
        self._scene, self._title = scene, title
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None
        self._checksum = ""
        self._masks: dict[str, str] = {}

    @property
    def case(self) -> Case:
        return self.prepared.case

    @property
    def is_open(self) -> bool:
        """Whether its volume is in the scene."""
        return self._volume is not None and self._volume.GetScene() is self._scene

    @property
    def nodes(self) -> ResultNodes | None:
        """Its result in the scene, if there is one."""
        nodes = ResultNodes(self._volume) if self.is_open else None
        return nodes if nodes is not None and nodes.record is not None else None

    @property
    def has_result(self) -> bool:
        return self.nodes is not None

    def enter_scene(self) -> slicer.vtkMRMLScalarVolumeNode:
        """Put the volume into the scene.

        Raises
        ------
        OpenCaseError
        """
        if self.prepared.failure:
            raise OpenCaseError(self.prepared.failure)
        try:
            volume = enter_scene(self._scene, self.case, self.prepared.volume, self._title)
        except WorklistError as error:
            raise OpenCaseError(str(error)) from error
        self._volume, self._checksum = volume, file_checksum(self.case)
        return volume

    def take_result(self, cases: Worklist) -> str:
        """Put the result into the scene, with the reader's edits; returns a remark, or empty.

        Raises
        ------
        OpenCaseError
            If there is no result that fits the volume.
        """
        result = self.prepared.result
        if not self._volume_is_as_segmented():
            raise OpenCaseError("The result does not match the voxels that Slicer shows.")
        try:
            nodes = take_label_maps(self._volume, result.description, result.label_maps)
        except (HandoverError, KeyError) as error:
            raise OpenCaseError(f"The result cannot be shown: {error}") from error
        row = cases.row(self.case)
        if cases.was_another_scan(self.case, self._checksum):
            cases.reopen(self.case)
            self._restore_review(nodes, cases.row(self.case))
            return "This is not the file that you reviewed under this name."
        if _is_about_others(row, nodes):
            self._restore_review(nodes, ReviewRow(row.scan, row.rater))
            return (
                f"You reviewed outlines of the protocol “{row.protocol}”; these are of "
                f"“{protocol_name(result.description)}”. That review stays as it is until you edit "
                "or judge these."
            )
        remark = self._restore_edits(nodes, cases, row)
        self._restore_review(nodes, row)
        return remark

    def _volume_is_as_segmented(self) -> bool:
        """A series and a result from disk were read by the engine itself."""
        icv = self.prepared.result.label_maps.get("icv")
        if self.case.series_uid:
            return lies_as_segmented(self._volume, icv)
        return self.case.result is None or icv is None or lies_as_segmented(self._volume, icv)

    def _restore_edits(self, nodes: ResultNodes, cases: Worklist, row: ReviewRow) -> str:
        if row.mark == ACCEPTED or not row.labels:
            return ""
        try:
            restore_labels(nodes, cases.table.folder, row.labels)
        except WorklistError as error:
            return str(error)
        return ""

    def _restore_review(self, nodes: ResultNodes, row: ReviewRow) -> None:
        status = row.mark if row.mark in STATUSES else STATUSES[0]
        masks = mask_digests(nodes) if row.is_done else {}
        nodes.record.set_review(Review(status, row.note, row.rater, row.time, masks))

    def note_state(self, watch: EditWatch) -> None:
        """Remember the present masks, to tell later whether there is anything to save."""
        self._masks = dict(watch.digests)

    def keep(self, cases: Worklist, watch: EditWatch, mark: str | None) -> None:
        """Write the review, and the label maps it is about.

        Parameters
        ----------
        mark : str or None
            The verdict; None: the reader goes to another case without one, and what was done so
            far is kept.

        Raises
        ------
        WorklistError
            Then nothing is lost, and the case must stay open.
        """
        nodes, known = self.nodes, cases.row(self.case)
        watch.refresh()  # the last stroke may be more recent than the delay
        review = nodes.record.review if nodes is not None else Review()
        chosen = mark or (review.status if review.is_judged else "")
        note = review.note if nodes is not None else known.note or self.prepared.failure
        edited = set(watch.edited_roles) if nodes is not None else set()
        if chosen == ACCEPTED and edited:
            chosen = CORRECTED
        is_same_mask = nodes is None or watch.digests == self._masks
        shown = ReviewRow(known.scan, known.rater) if _is_about_others(known, nodes) else known
        is_same = (chosen, one_line(note)) == (shown.mark, one_line(shown.note)) and is_same_mask
        if mark is None and (is_same or nodes is None):
            return
        roles = edited if chosen not in (ACCEPTED, CORRECTED) else {*edited, *ALWAYS_KEPT}
        labels = ()
        if nodes is not None and roles:
            labels = save_labels(nodes, cases.table.folder, self.case.name, cases.reader, roles)
        left, right = _volumes_mm3(nodes)
        row = replace(
            known,
            rater=cases.reader,
            mark=chosen,
            note=note,
            time=datetime.now().astimezone().isoformat(timespec="seconds"),
            left_mm3=left,
            right_mm3=right,
            labels=labels,
            scan_sha256=self._checksum,
            protocol="" if nodes is None else protocol_name(nodes.record.engine),
        )
        cases.put(row)
        self.note_state(watch)

    def rename(self, title: str) -> None:
        """Show another name, in the views too, and in what is named after the scan."""
        if self.is_open:
            ResultNodes(self._volume).rename(self._title, title)
        self._title = title

    def leave_scene(self) -> None:
        """Remove the volume and all that belongs to it."""
        if self.is_open:
            remove_case(self._volume)
        self._volume = None


def _is_about_others(row: ReviewRow, nodes: ResultNodes | None) -> bool:
    """Whether a review is about outlines of another protocol than those that are shown."""
    if nodes is None or not row.protocol:
        return False
    return row.protocol != protocol_name(nodes.record.engine)


def _volumes_mm3(nodes: ResultNodes | None) -> tuple[float | None, float | None]:
    """Volumes of the masks of both sides, in mm³."""
    node = nodes.segmentation("hypothalamus") if nodes is not None else None
    sides = [read_segment(node, side) if node is not None else None for side in SIDES]
    left, right = (None if voxels is None else voxels.volume_mm3 for voxels in sides)
    return left, right
