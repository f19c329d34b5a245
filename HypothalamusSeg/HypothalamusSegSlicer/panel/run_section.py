"""Apply and Cancel: one run at a time, from the click to the result in the scene."""

from __future__ import annotations

import time

import qt
import slicer
from slicer.i18n import tr as _

from ..engine_run.handover import HandoverError
from ..engine_run.job import JobResult, SegmentationJob
from ..scene.result_nodes import ResultNodes
from .keyboard import is_typing
from .parameter_node import engine_options
from .review_text import what_a_run_replaces
from .states import State, apply_button, is_editable, remaining_text
from .torch_questions import TorchInstaller

CLOCK_MS = 500
INPUTS = (
    "inputSelector",
    "hypothalamusCheckBox",
    "subunitsCheckBox",
    "icvCheckBox",
    "gridComboBox",
    "advancedCollapsible",
)


class RunSection:
    """The button, the progress bar and the log, and what state the panel is in.

    Parameters
    ----------
    ui : namespace of widgets
    panel : HypothalamusSegPanel
        Has the input and is told the result.
    """

    def __init__(self, ui, panel) -> None:
        self.ui, self._panel = ui, panel
        self.job: SegmentationJob | None = None
        self.state = State.NOT_READY
        self._started = 0.0
        self._fraction, self._step = 0.0, ""
        self._clock = qt.QTimer()
        self._clock.setInterval(CLOCK_MS)
        self._clock.connect("timeout()", self._show_time)
        self.torch = TorchInstaller(self._installing, self._say, ui.logText.appendPlainText)
        ui.applyButton.connect("clicked(bool)", self._clicked)

    def close(self) -> None:
        """End what is running, because the module is reloaded or Slicer quits."""
        self.torch.close()
        if self.job is not None:
            self.job.abandon()
        self._clock.stop()

    # The state

    def input_changed(self) -> None:
        """The input or an option was changed."""
        if is_editable(self.state):
            self._enter(self._idle_state)

    @property
    def _idle_state(self) -> State:
        return State.NOT_READY if self._panel.missing() else State.READY

    def _enter(self, state: State) -> None:
        self.state = state
        button = apply_button(state, self._panel.missing())
        self.ui.applyButton.text = button.text
        self.ui.applyButton.toolTip = button.tooltip
        self.ui.applyButton.enabled = button.enabled
        for name in INPUTS:
            getattr(self.ui, name).enabled = is_editable(state)
        self._panel.protocol.set_enabled(is_editable(state))
        parameters = self._panel.parameters
        if parameters is not None and not parameters.segmentHypothalamus:
            self.ui.subunitsCheckBox.enabled = False
        self.ui.progressBar.visible = state in (State.RUNNING, State.CANCELLING, State.AHEAD)

    def wait_for_result(self, is_waiting: bool) -> None:
        """The result of the input comes from the background, or no longer."""
        if is_waiting and is_editable(self.state):
            self._enter(State.AHEAD)
        elif not is_waiting and self.state == State.AHEAD:
            self._enter(self._idle_state)
            self.ui.stepLabel.text = ""

    def show_progress(self, fraction: float, step: str) -> None:
        """How far the background is with the input."""
        if self.state == State.AHEAD:
            self.ui.progressBar.value = round(100 * fraction)
            self.ui.stepLabel.text = step

    # Apply and Cancel

    def apply_by_key(self) -> None:
        if self.state == State.READY and not is_typing():
            self.apply()

    def _clicked(self, checked: bool = False) -> None:
        if self.state == State.RUNNING:
            self.cancel()
        elif self.state == State.INSTALLING:
            self.torch.cancel()
        elif self.state == State.READY:
            self.apply()

    def apply(self) -> None:
        """Start a run; asks before it replaces edits or a review, and before installing torch."""
        seen = self._panel.protocol.chosen
        protocol = self._panel.protocol.check()
        if protocol.problem:
            self._say("")  # why is said beside the protocol
            return
        if protocol != seen:  # written anew, or taken off the list by another Slicer
            self._say(
                _("The protocol is now “{name}”. Press Apply if you want it.").format(
                    name=protocol.name
                )
            )
            return
        nodes = ResultNodes(self._panel.parameters.inputVolume)
        lost = what_a_run_replaces(nodes, self._panel.watch.has_edits)
        if lost and not slicer.util.confirmYesNoDisplay(
            lost
            + "\n\n"
            + _("Segment again? Edits are lost; the review is kept as an earlier one.")
        ):
            return
        if self._ensure_torch():
            self._run()

    def cancel(self) -> None:
        self._enter(State.CANCELLING)
        self.job.cancel()

    def _run(self) -> None:
        parameters = self._panel.parameters
        if parameters is None or self.state != State.READY:
            return  # the scene was closed while PyTorch was installed
        self.ui.logText.plainText = ""
        self._started, self._fraction, self._step = time.monotonic(), 0.0, _("Starting")
        try:
            job = self._panel.logic.process(
                parameters.inputVolume,
                engine_options(parameters, self._panel.protocol.chosen.weights),
                waitForCompletion=False,
                on_progress=self._progressed,
                on_log=self.ui.logText.appendPlainText,
                on_finished=self._finished,
            )
        except HandoverError as error:
            slicer.util.errorDisplay(str(error))
            return
        if job.result is not None:
            return  # the process could not be started, and that was shown already
        self.job = job
        self._enter(State.RUNNING)
        self._clock.start()
        self._show_time()

    def _ensure_torch(self) -> bool:
        return self.torch.ensure(then=self._run)

    def _installing(self, is_busy: bool) -> None:
        self._enter(State.INSTALLING if is_busy else self._idle_state)

    def _progressed(self, fraction: float, step: str) -> None:
        self._fraction, self._step = fraction, step
        self._show_time()

    def _show_time(self) -> None:
        elapsed_s = time.monotonic() - self._started
        self.ui.progressBar.value = round(100 * self._fraction)
        self.ui.stepLabel.text = f"{self._step} – {remaining_text(self._fraction, elapsed_s)}"

    def _finished(self, result: JobResult) -> None:
        self._clock.stop()
        self.job = None
        self._enter(self._idle_state)
        outcome = result.outcome
        if result.nodes is not None:
            elapsed_s = time.monotonic() - self._started
            self._say(_("Done in {seconds:.0f} s").format(seconds=elapsed_s))
            self._panel.take_result(result.nodes)
        elif outcome.cancelled:
            self._say(_("Canceled; nothing was changed"))
        else:
            self._show_failure(outcome.error_code, outcome.message)

    def _show_failure(self, code: str, message: str) -> None:
        self._say(message)
        self.ui.logCollapsible.collapsed = False
        if code != "torch_unusable":
            slicer.util.errorDisplay(message)
        else:
            self.torch.repair(
                message, lambda: self._say(_("PyTorch was reinstalled. Press Apply."))
            )

    def _say(self, text: str) -> None:
        self.ui.stepLabel.text = text
