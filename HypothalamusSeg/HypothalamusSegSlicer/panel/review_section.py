"""Section “Review” of the panel: view, approve or reject."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ..scene.navigation import go_to, step_coronal
from ..scene.reading_layout import ReadingLayout
from ..scene.result_nodes import ResultNodes
from ..scene.review import STATUSES
from ..scene.shown_volume import show_alone
from ..volumes.mask_digest import mask_digests
from .review_text import review_text, status_titles

CORONAL_STEP_MM = 0.5
REVIEWER_SETTING = "HypothalamusSeg/Reviewer"
WIDGETS = (
    "goToButton",
    "layoutButton",
    "statusComboBox",
    "noteText",
)


def remembered_reviewer() -> str:
    """The name that was given last; empty before the first."""
    return slicer.app.settings().value(REVIEWER_SETTING) or ""


def remember_reviewer(name: str) -> None:
    slicer.app.settings().setValue(REVIEWER_SETTING, name)


class ReviewSection:
    """The review of the volume that is shown."""

    def __init__(self, ui, scene: slicer.vtkMRMLScene) -> None:
        self.ui = ui
        self._scene = scene
        self._nodes: ResultNodes | None = None
        self._showing = False
        self._masks: dict[str, str] = {}  # checksums as last measured
        for status in STATUSES:
            ui.statusComboBox.addItem(status_titles()[status])
        self.layout = ReadingLayout(scene)
        self._was_on = False
        # Between two cases of a list, so that the views do not change to and fro.
        self.keeps_layout = False
        ui.goToButton.connect("clicked(bool)", self._go_to)
        ui.layoutButton.connect("toggled(bool)", self._set_layout)
        ui.anteriorButton.connect("clicked(bool)", self.anterior)
        ui.posteriorButton.connect("clicked(bool)", self.posterior)
        ui.statusComboBox.connect("currentIndexChanged(int)", self._judged)
        # Also emitted when the same verdict is chosen again, now about the edited segments.
        ui.statusComboBox.connect("activated(int)", self._judged)
        ui.reviewerLineEdit.connect("editingFinished()", self._changed)
        ui.noteText.connect("textChanged()", self._changed)

    def show(self, nodes: ResultNodes | None) -> None:
        self._nodes = nodes
        self._showing = True
        for name in WIDGETS:
            getattr(self.ui, name).enabled = nodes is not None
        review = nodes.record.review if nodes is not None else None
        self.ui.statusComboBox.currentIndex = STATUSES.index(review.status) if review else 0
        self.ui.reviewerLineEdit.text = (review.reviewer if review else "") or remembered_reviewer()
        self.ui.noteText.plainText = review.note if review else ""
        self.ui.reviewTimeLabel.text = review_text(review, ()) if review else ""
        self._showing = False
        if nodes is None and not self.keeps_layout:
            self.ui.layoutButton.checked = False
        elif nodes is None:
            return
        elif self.layout.volume_id not in ("", nodes.volume.GetID()):
            self.layout.show(nodes)

    def show_changes(self, masks: dict[str, str]) -> None:
        """Say what changed since the verdict; ``masks`` are the present checksums, by role."""
        self._masks = masks
        if self._nodes is not None and self._nodes.record is not None:
            review = self._nodes.record.review
            self.ui.reviewTimeLabel.text = review_text(review, review.changed_since(masks))

    def arrange(self) -> None:
        """Show the reading layout, after a run."""
        if self.ui.layoutButton.checked:
            self._set_layout(True)
        self.ui.layoutButton.checked = True

    def enter(self) -> None:
        """The module is shown again, with the layout that it was left with."""
        if self._was_on and self._nodes is not None:
            self.arrange()

    def leave(self) -> None:
        """Another module gets the user's own layout."""
        self._was_on = self.layout.is_on
        self.ui.layoutButton.checked = False

    def _set_layout(self, is_on: bool) -> None:
        if is_on and self._nodes is not None:
            self.layout.show(self._nodes)
        elif not is_on:
            self.layout.restore()

    def anterior(self, checked: bool = False) -> None:
        step_coronal(self._scene, CORONAL_STEP_MM)

    def posterior(self, checked: bool = False) -> None:
        step_coronal(self._scene, -CORONAL_STEP_MM)

    def _go_to(self, checked: bool = False) -> None:
        node = self._nodes.segmentation("hypothalamus") or self._nodes.segmentation("icv")
        show_alone(self._nodes.volume)
        if node is None or not go_to(node, self.ui.segmentComboBox.currentData or ""):
            slicer.util.warningDisplay(
                _("The segmentation is empty, so there is nothing to go to.")
            )

    def _judged(self, index: int) -> None:
        if not self._showing and self._nodes is not None:
            self._store(mask_digests(self._nodes))

    def _changed(self, *_arguments: object) -> None:
        if self._showing:
            return
        remember_reviewer(self.ui.reviewerLineEdit.text)
        if self._nodes is not None:
            self._store(None)

    def _store(self, masks: dict[str, str] | None) -> None:
        record = self._nodes.record
        if record is None:
            return
        reviewer = self.ui.reviewerLineEdit.text
        status = STATUSES[self.ui.statusComboBox.currentIndex]
        review = record.review.changed(status, self.ui.noteText.plainText, reviewer, masks)
        record.set_review(review)
        self.show_changes(self._masks if masks is None else masks)
