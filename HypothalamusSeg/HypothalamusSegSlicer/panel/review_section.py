"""Section “Review” of the panel: view, edit, revert, approve or reject."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ..scene.navigation import go_to, step_coronal
from ..scene.result_nodes import ResultNodes
from ..scene.review import STATUSES
from ..scene.segment_editor import open_segment_editor
from ..volumes.segment_voxels import copy_segment

CORONAL_STEP_MM = 0.5
REVIEWER_SETTING = "HypothalamusSeg/Reviewer"
WIDGETS = (
    "goToButton",
    "segmentComboBox",
    "editButton",
    "revertButton",
    "statusComboBox",
    "reviewerLineEdit",
    "noteText",
)


class ReviewSection:
    """The review of the volume that is shown."""

    def __init__(self, ui, scene: slicer.vtkMRMLScene) -> None:
        self.ui = ui
        self._scene = scene
        self._nodes: ResultNodes | None = None
        self._showing = False
        for status in STATUSES:
            ui.statusComboBox.addItem(_(status))
        ui.goToButton.connect("clicked(bool)", self._go_to)
        ui.anteriorButton.connect("clicked(bool)", self.anterior)
        ui.posteriorButton.connect("clicked(bool)", self.posterior)
        ui.editButton.connect("clicked(bool)", self._edit)
        ui.revertButton.connect("clicked(bool)", self._revert)
        ui.statusComboBox.connect("currentIndexChanged(int)", self._changed)
        ui.reviewerLineEdit.connect("editingFinished()", self._changed)
        ui.noteText.connect("textChanged()", self._changed)

    def show(self, nodes: ResultNodes | None) -> None:
        self._nodes = nodes
        self._showing = True
        for name in WIDGETS:
            getattr(self.ui, name).enabled = nodes is not None
        self.ui.segmentComboBox.clear()
        review = nodes.record.review if nodes is not None else None
        if nodes is not None:
            for plan, _node in nodes.segmentations():
                for segment in plan.segments:
                    self.ui.segmentComboBox.addItem(segment.name, segment.identifier)
        remembered = slicer.app.settings().value(REVIEWER_SETTING) or ""
        self.ui.statusComboBox.currentIndex = STATUSES.index(review.status) if review else 0
        self.ui.reviewerLineEdit.text = (review.reviewer if review else "") or remembered
        self.ui.noteText.plainText = review.note if review else ""
        self.ui.reviewTimeLabel.text = _time_text(review)
        self._showing = False

    def anterior(self, checked: bool = False) -> None:
        step_coronal(self._scene, CORONAL_STEP_MM)

    def posterior(self, checked: bool = False) -> None:
        step_coronal(self._scene, -CORONAL_STEP_MM)

    def _chosen(self) -> tuple[str, str] | None:
        """Role and identifier of the segment that is chosen."""
        identifier = self.ui.segmentComboBox.currentData
        for plan, _node in self._nodes.segmentations():
            if any(segment.identifier == identifier for segment in plan.segments):
                return plan.role, identifier
        return None

    def _go_to(self, checked: bool = False) -> None:
        node = self._nodes.segmentation("hypothalamus") or self._nodes.segmentation("icv")
        if node is None or not go_to(node):
            slicer.util.warningDisplay(
                _("The segmentation is empty, so there is nothing to go to.")
            )

    def _edit(self, checked: bool = False) -> None:
        chosen = self._chosen()
        if chosen is not None:
            role, identifier = chosen
            node = self._nodes.segmentation(role)
            open_segment_editor(node, identifier, self._nodes.volume)

    def _revert(self, checked: bool = False) -> None:
        chosen = self._chosen()
        if chosen is not None:
            role, identifier = chosen
            copy_segment(
                self._nodes.network_output(role), self._nodes.segmentation(role), identifier
            )

    def _changed(self, *_arguments: object) -> None:
        if self._showing or self._nodes is None or self._nodes.record is None:
            return
        record = self._nodes.record
        reviewer = self.ui.reviewerLineEdit.text
        slicer.app.settings().setValue(REVIEWER_SETTING, reviewer)
        status = STATUSES[self.ui.statusComboBox.currentIndex]
        review = record.review.changed(status, self.ui.noteText.plainText, reviewer)
        record.set_review(review)
        self.ui.reviewTimeLabel.text = _time_text(review)


def _time_text(review) -> str:
    return _("Last changed {time}").format(time=review.time) if review and review.time else ""
