"""Section “Adapt” of the worklist: networks learn the outlines that a reader has corrected."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import ctk
import qt
import slicer
from HypothalamusSegLib.measures.protocol import checked_name
from HypothalamusSegLib.networks.weight_files import MANIFEST_NAME
from slicer.i18n import tr as _

from ..engine_run.adaptation import AdaptationJob, AdaptationMissingError, adapt_request
from ..engine_run.outcome import EngineOutcome
from ..worklist.dicom_cases import stage_series
from ..worklist.training_cases import LearningCase, LearningCases, learning_cases
from ..worklist.worklist import Worklist
from .adapt_text import result_text, what_there_is

DEFAULT_MINUTES, FEWEST_MINUTES, MOST_MINUTES = 60, 10, 1440
MOST_OTHERS = 30


class AdaptSection:
    """Asks for name and minutes, has a process adapt the networks, and offers what it has made.

    Parameters
    ----------
    ui : namespace of widgets
        The section is added at the end of the worklist's.
    panel : HypothalamusSegPanel
        Knows the chosen protocol, which is adapted, and offers the new one.
    """

    def __init__(self, ui, panel) -> None:
        self._panel = panel
        self._cases: Worklist | None = None
        self._found: LearningCases | None = None
        self._output: Path | None = None
        self._staged: Path | None = None
        self.job: AdaptationJob | None = None
        # A process takes a moment to end after its last word, and must not be dropped before.
        self._last_job: AdaptationJob | None = None
        self.section = ctk.ctkCollapsibleButton()
        self.section.text = _("Adapt the networks to my outlines")
        self.section.collapsed = True
        self.name, self.minutes = qt.QLineEdit(), qt.QSpinBox()
        self.name.toolTip = _("Name of your protocol; every result states it")
        self.minutes.setRange(FEWEST_MINUTES, MOST_MINUTES)
        self.minutes.value = DEFAULT_MINUTES
        self.minutes.toolTip = _("Target time; fewer minutes mean less training")
        self.button, self.bar, self.answer = qt.QPushButton(), qt.QProgressBar(), qt.QLabel()
        self.bar.visible = False
        self.answer.wordWrap = True
        self.answer.textFormat = qt.Qt.PlainText
        # A long path must not widen the panel.
        self.answer.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Preferred)
        form, rows = qt.QFormLayout(), qt.QVBoxLayout(self.section)
        form.addRow(_("Name:"), self.name)
        form.addRow(_("Minutes:"), self.minutes)
        rows.addLayout(form)
        for widget in (self.button, self.bar, self.answer):
            rows.addWidget(widget)
        ui.worklistCollapsible.layout().addWidget(self.section)
        self.button.connect("clicked(bool)", self._clicked)
        self.name.connect("textChanged(QString)", self._refresh)
        self.section.connect("contentsCollapsed(bool)", self._opened)
        self._refresh()

    def show(self, cases: Worklist | None) -> None:
        """Look at the reviews of a list; None: no list is open."""
        self._cases = cases
        # Looking for the files of many cases takes a moment on a network drive.
        if self.job is None and not self.section.collapsed:
            self._look()

    def _opened(self, is_collapsed: bool) -> None:
        self.show(self._cases)

    def close(self) -> None:
        """Stop because the module or the application ends; it can go on later."""
        for job in (self.job, self._last_job):
            if job is not None:
                job.abandon()

    def _look(self) -> None:
        protocol = self._panel.protocol.chosen.name
        self._found = learning_cases(self._cases, protocol) if self._cases is not None else None
        self.answer.text = what_there_is(self._found, protocol)
        self._refresh()

    def _refresh(self, *_arguments: object) -> None:
        is_running = self.job is not None
        self.button.text = _("Stop") if is_running else _("Adapt…")
        self.name.enabled = self.minutes.enabled = not is_running
        self.bar.visible = is_running
        problem = "" if is_running else self._what_is_missing()
        self.button.enabled = not problem
        self.button.toolTip = problem or _("Training starts from the chosen protocol")

    def _what_is_missing(self) -> str:
        if self._found is None:
            return _("Open a list of cases")
        if not self._found.are_enough:
            return _("Correct more cases")
        try:
            checked_name(self.name.text)
        except ValueError as error:
            return str(error)
        return ""

    def _clicked(self, checked: bool = False) -> None:
        if self.job is not None:
            self.button.enabled = False
            self.job.cancel()
            return
        self._look()  # a case may have been corrected since
        if self._what_is_missing() or self._panel.protocol.check().problem:
            return
        if self._panel.run.torch.ensure(then=self._ask_folder):
            self._ask_folder()

    def _ask_folder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            self.button, _("Folder for the new protocol: an empty one, or that of a stopped run")
        )
        if not folder:
            return
        if (Path(folder) / MANIFEST_NAME).exists():
            slicer.util.errorDisplay(
                _("{folder} already contains a protocol. Choose an empty folder.").format(
                    folder=folder
                )
            )
            return
        self._begin(Path(folder))

    def _begin(self, output: Path) -> None:
        self._output = output
        self._staged = Path(
            tempfile.mkdtemp(prefix="hypothalamus-seg-", dir=slicer.app.temporaryPath)
        )
        parameters = self._panel.parameters
        try:
            wanted = [*self._found.corrected, *self._found.others[:MOST_OTHERS]]
            request = adapt_request(
                [self._as_asked(each, number) for number, each in enumerate(wanted)],
                output,
                checked_name(self.name.text),
                self.minutes.value,
                self._panel.protocol.chosen.weights,
                parameters.threads if parameters is not None else None,
            )
            self.job = AdaptationJob(request, self._progressed, self._log, self._finished)
            self.job.start()
        except (AdaptationMissingError, OSError) as error:
            self._forget()
            slicer.util.errorDisplay(str(error))
            return
        self._refresh()

    def _as_asked(self, each: LearningCase, number: int) -> dict:
        scan = each.case.scan
        if each.case.series_uid:
            folder = self._staged / str(number)
            folder.mkdir()
            scan = stage_series(each.case, folder)
        asked = {"name": each.case.name, "scan": str(scan)}
        return {**asked, "label": str(each.label)} if each.label is not None else asked

    def _progressed(self, fraction: float, step: str) -> None:
        self.bar.value = round(100 * fraction)
        self.answer.text = step

    def _log(self, line: str) -> None:
        self._panel.ui.logText.appendPlainText(line)

    def _finished(self, outcome: EngineOutcome) -> None:
        self._forget()
        self._refresh()
        if outcome.cancelled:
            self.answer.text = _("Stopped. To resume, press Adapt… and choose the same folder.")
            return
        if outcome.result is None:
            self.answer.text = outcome.message
            return
        is_added = outcome.result["is_written"] and self._panel.protocol.offer(self._output)
        is_blinded = self._panel.worklist.is_blinded
        self.answer.text = result_text(outcome, is_added, with_cases=not is_blinded)

    def _forget(self) -> None:
        self._last_job, self.job = self.job, None
        if self._staged is not None:
            shutil.rmtree(self._staged, ignore_errors=True)
        self._staged = None
