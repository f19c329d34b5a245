"""Section “Prior” of the panel: compare with an earlier scan of the same patient."""

from __future__ import annotations

from collections.abc import Callable

import ctk
import qt
import slicer
from HypothalamusSegLib.options import Options
from slicer.i18n import tr as _

from ..engine_run.handover import HandoverError
from ..engine_run.outcome import EngineOutcome
from ..engine_run.prior_job import Comparison, PriorJob
from ..logic import HypothalamusSegLogic
from ..scene.navigation import centre_ras
from ..scene.patient import identify
from ..scene.prior import is_same_patient, other_scans, place, take_back
from ..scene.result_nodes import ResultNodes
from ..scene.side_by_side import SideBySide
from .prior_text import choice_text, comparison_html


class PriorSection:
    """Chooses a prior, has the engine compare it, and shows both side by side.

    Parameters
    ----------
    root : QWidget
        The panel; the section is added at its end, above the space.
    scene : vtkMRMLScene
    logic : HypothalamusSegLogic
    weights : callable
        Gives the folder of the chosen protocol's weights; None: the published one.
    """

    def __init__(
        self,
        root,
        scene: slicer.vtkMRMLScene,
        logic: HypothalamusSegLogic,
        weights: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._scene, self._logic, self._weights = scene, logic, weights
        self._current: slicer.vtkMRMLScalarVolumeNode | None = None
        self._others: list = []
        self._placed: slicer.vtkMRMLScalarVolumeNode | None = None
        self.job: PriorJob | None = None
        self.views = SideBySide(scene)
        self.section = ctk.ctkCollapsibleButton()
        self.section.text = _("Prior")
        self.section.collapsed = True
        rows = qt.QVBoxLayout(self.section)
        self.choice = qt.QComboBox()
        self.choice.toolTip = _("Earlier scan of the same patient")
        self.button = qt.QPushButton(_("Compare"))
        self.button.toolTip = _("Register both scans and measure them in one frame")
        self.beside = qt.QPushButton(_("Side by side"))
        self.beside.checkable = True
        self.answer = qt.QLabel()
        self.answer.wordWrap = True
        for widget in (self.choice, self.button, self.beside, self.answer):
            rows.addWidget(widget)
        layout = root.layout()
        layout.insertWidget(layout.count() - 1, self.section)  # above the space at the end
        self.section.connect("contentsCollapsed(bool)", self._opened)
        self.button.connect("clicked(bool)", self._clicked)
        self.beside.connect("toggled(bool)", self._show_beside)
        self.show(None)

    def show(self, volume: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Offer priors of a volume; a comparison of another volume is taken off the views."""
        if volume is not self._current:
            self._take_off()
        self._current = volume
        self._list_priors()

    def close(self) -> None:
        """Cancel a comparison and give views and transforms back."""
        if self.job is not None:
            self.job.abandon()
        self._take_off()

    def scene_closes(self) -> None:
        """Forget nodes that are about to go."""
        self._placed = None
        self.show(None)

    def _opened(self, is_collapsed: bool) -> None:
        if not is_collapsed:
            self._list_priors()

    def _list_priors(self) -> None:
        if self.job is not None:
            return
        self._others = other_scans(self._current) if self._current is not None else []
        own = identify(self._current) if self._current is not None else None
        self.choice.clear()
        for node in self._others:
            other = identify(node)
            self.choice.addItem(choice_text(other, is_same_patient(own, other)))
        self.button.enabled = bool(self._others)
        self.beside.enabled = self._placed is not None

    def _clicked(self, checked: bool = False) -> None:
        if self.job is not None:
            self.job.cancel()
            return
        prior = self._others[self.choice.currentIndex]
        self._take_off()
        job = self._logic.compare_with_prior(
            self._current,
            prior,
            Options(weights=self._weights()),
            on_progress=self._progressed,
            on_finished=self._finished,
        )
        try:
            job.start()
        except HandoverError as error:
            slicer.util.errorDisplay(str(error))
            return
        if job.is_running:
            self.job = job
            self.button.text = _("Cancel")

    def _progressed(self, fraction: float, step: str) -> None:
        self.answer.text = f"{100 * fraction:.0f} % {step}"

    def _finished(self, comparison: Comparison | None, outcome: EngineOutcome) -> None:
        job, self.job = self.job, None
        self.button.text = _("Compare")
        if comparison is None:
            self.answer.text = outcome.message
            return
        record = ResultNodes(job.current).record
        shown = record.engine if record is not None else {}
        self.answer.text = comparison_html(comparison, shown)
        place(job.prior, job.current, comparison.current_from_prior)
        self._placed = job.prior
        self.beside.enabled = True
        self.beside.checked = True

    def _show_beside(self, is_on: bool) -> None:
        if is_on and self._placed is not None and self._current is not None:
            structure = ResultNodes(self._current).segmentation("hypothalamus")
            centre = centre_ras(structure) if structure is not None else None
            self.views.show(self._placed, self._current, centre)
        elif not is_on:
            self.views.restore()

    def _take_off(self) -> None:
        self.beside.checked = False
        self.views.restore()
        self.answer.text = ""
        if self._placed is not None and self._scene.IsNodePresent(self._placed):
            take_back(self._placed)
        self._placed = None
        self.beside.enabled = False
