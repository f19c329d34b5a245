"""The panel of the module: input, Apply and Cancel, and its sections."""

from __future__ import annotations

import time

import qt
import slicer
import vtk
from HypothalamusSegLib.options import Options
from slicer.i18n import tr as _

from ..engine_run.command_line import SettingsError
from ..engine_run.handover import HandoverError
from ..engine_run.job import JobResult, SegmentationJob
from ..logic import HypothalamusSegLogic
from ..scene.result_nodes import ROLE_ATTRIBUTE, ResultNodes
from ..scene.shown_volume import is_scan, show_alone, volume_to_start_with
from ..volumes.edits import EditWatch
from .editor_section import EditorSection
from .export_section import ExportSection
from .hanging_section import HangingSection
from .input_text import patient_text, what_is_missing
from .keyboard import is_typing, shortcut
from .parameter_node import HypothalamusSegParameterNode, engine_options
from .prior_section import PriorSection
from .results_section import ResultsSection
from .review_section import ReviewSection
from .review_text import what_a_run_replaces
from .states import State, apply_button, is_editable, remaining_text
from .torch_questions import TorchInstaller
from .worklist_section import WorklistSection

CLOCK_MS = 500
INPUTS = (
    "inputSelector",
    "hypothalamusCheckBox",
    "subunitsCheckBox",
    "icvCheckBox",
    "gridComboBox",
    "advancedCollapsible",
)


class HypothalamusSegPanel:
    """Binds the .ui to the scene and the logic; holds no computation.

    Parameters
    ----------
    ui : namespace of widgets
        As `slicer.util.childWidgetVariables` gives it.
    root : qMRMLWidget
    scene : vtkMRMLScene
    """

    def __init__(self, ui, root, scene: slicer.vtkMRMLScene) -> None:
        self.ui = ui
        self.scene = scene
        self.logic = HypothalamusSegLogic()
        self.job: SegmentationJob | None = None
        self.state = State.NOT_READY
        self.parameters: HypothalamusSegParameterNode | None = None
        self._binding = None
        self._parameter_observer: int | None = None
        self._is_shown = False
        self._shown_volume_id: str | None = None
        self._started = 0.0
        self._fraction, self._step = 0.0, ""
        self._clock = qt.QTimer()
        self._clock.setInterval(CLOCK_MS)
        self._clock.connect("timeout()", self._show_time)
        self.results = ResultsSection(ui)
        window = slicer.util.mainWindow() or root
        self.torch = TorchInstaller(self._installing, self._say, ui.logText.appendPlainText)
        self.review = ReviewSection(ui, scene)
        self.hanging = HangingSection(ui, scene, self.review.layout, window)
        self.editor = EditorSection(ui, scene)
        self.export = ExportSection(ui)
        self.prior = PriorSection(root, scene, self.logic)
        self.watch = EditWatch(self._rows_changed)
        ui.applyButton.connect("clicked(bool)", self._apply_clicked)
        self._shortcuts = [
            shortcut(root, "Ctrl+Return", self._apply_by_key),
            # Of the window, not the panel: slices are also stepped through in other modules.
            shortcut(window, "Ctrl+PgUp", self.review.anterior),
            shortcut(window, "Ctrl+PgDown", self.review.posterior),
        ]
        self.worklist = WorklistSection(ui, self, root)
        self._scene_observers = [
            scene.AddObserver(scene.StartCloseEvent, self._scene_closes),
            scene.AddObserver(scene.EndCloseEvent, self._scene_is_new),
            scene.AddObserver(scene.EndImportEvent, self._scene_is_new),
            scene.AddObserver(scene.NodeAddedEvent, self._node_added),
            scene.AddObserver(scene.NodeRemovedEvent, self._node_removed),
        ]

    def bind(self) -> None:
        """Connect the panel to the parameter node of the scene, creating it if needed."""
        self.unbind()
        self.editor.scene_is_new()
        self.parameters = HypothalamusSegParameterNode(self.logic.getParameterNode())
        self._choose_volume()
        self._binding = self.parameters.connectGui(self.ui)
        self._parameter_observer = self.parameters.AddObserver(
            vtk.vtkCommand.ModifiedEvent, self._parameters_changed
        )
        self._shown_volume_id = None
        self._parameters_changed()

    def unbind(self) -> None:
        self.watch.stop()
        if self.parameters is None:
            return
        self.parameters.RemoveObserver(self._parameter_observer)
        self.parameters.disconnectGui(self._binding)
        self.parameters = None

    def enter(self) -> None:
        """The module is shown: take a volume that was loaded meanwhile."""
        self._is_shown = True
        if self.parameters is None:
            self.bind()
        self._choose_volume()
        self.review.enter()
        self.editor.enter()
        self.results.sync()

    def leave(self) -> None:
        """Another module is shown."""
        self._is_shown = False
        self.review.leave()
        self.editor.leave()

    def close(self) -> None:
        """Stop everything when the module is reloaded or Slicer quits."""
        self.worklist.close()
        self.torch.close()
        self.hanging.close()
        if self.job is not None:
            self.job.abandon()
        self.prior.close()
        self.logic.close()
        self._clock.stop()
        self.review.leave()
        self.editor.leave()
        self.unbind()
        for tag in self._scene_observers:
            self.scene.RemoveObserver(tag)
        self._scene_observers = []
        for each in self._shortcuts:
            each.setParent(None)
        self._shortcuts = []

    # Input

    def _choose_volume(self) -> None:
        """Take a volume of the scene where the user has chosen none."""
        if self.parameters is not None and self.parameters.inputVolume is None:
            self.parameters.inputVolume = volume_to_start_with(self.scene)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_added(self, caller, event, node) -> None:
        if self._is_shown and is_scan(node) and not self.scene.IsBatchProcessing():
            qt.QTimer.singleShot(0, self._choose_volume)  # once it has its image

    def missing(self) -> str:
        """The reason why Apply is disabled, or an empty string."""
        return what_is_missing(self.parameters)

    def _parameters_changed(self, caller=None, event=None) -> None:
        if self.parameters is None:
            return
        if is_editable(self.state):
            self._enter(State.NOT_READY if self.missing() else State.READY)
        volume = self.parameters.inputVolume
        volume_id = volume.GetID() if volume is not None else ""
        if volume_id != self._shown_volume_id:
            self._shown_volume_id = volume_id
            self.show_results_of(volume)

    def show_results_of(self, volume: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        self.ui.patientLabel.text = self.ui.patientLabel.toolTip = patient_text(volume)
        if volume is not None:
            show_alone(volume)
        nodes = ResultNodes(volume) if volume is not None else None
        if nodes is not None and nodes.record is None:
            nodes = None
        self.results.show(nodes)
        self.review.show(nodes)
        self.hanging.show(nodes)
        self.editor.show(nodes)
        self.export.show(nodes)
        self.prior.show(volume)
        self.watch.watch(nodes)

    # For the worklist

    def show_volume(self, volume: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Make a volume the input; its result is shown, if it has one."""
        if self.parameters is None:
            self.bind()
        self.parameters.inputVolume = volume

    def show_case(self) -> None:
        """Show a result that was put into the scene, with the views around it."""
        self.show_results_of(self.parameters.inputVolume)
        if self._is_shown:
            self._arrange()

    def _arrange(self) -> None:
        self.review.arrange()
        self.hanging.show_overlay()  # new views have none yet

    def options(self) -> Options:
        """What to segment; the defaults where the settings are wrong."""
        try:
            return engine_options(self.parameters)
        except (SettingsError, AttributeError):
            return Options()

    def wait_for_result(self, is_waiting: bool) -> None:
        """The result of the input comes from the background, or no longer."""
        if is_waiting and is_editable(self.state):
            self._enter(State.AHEAD)
        elif not is_waiting and self.state == State.AHEAD:
            self._enter(State.NOT_READY if self.missing() else State.READY)
            self.ui.stepLabel.text = ""

    def show_progress(self, fraction: float, step: str) -> None:
        """How far the background is with the input."""
        if self.state == State.AHEAD:
            self.ui.progressBar.value = round(100 * fraction)
            self.ui.stepLabel.text = step

    def set_blinded(self, is_blinded: bool) -> None:
        """Hide whose scan it is and what the networks say, or show it again."""
        self.results.set_blinded(is_blinded)
        for widget in (self.ui.patientLabel, self.ui.patientFormLabel, self.ui.exportCollapsible):
            widget.visible = not is_blinded

    def _rows_changed(self, rows) -> None:
        self.results.show_rows(rows)
        self.results.show_lost(self.watch.without_baseline)
        self.export.rows = rows
        self.review.show_changes(self.watch.digests)

    # Apply and Cancel

    def _enter(self, state: State) -> None:
        self.state = state
        button = apply_button(state, self.missing())
        self.ui.applyButton.text = button.text
        self.ui.applyButton.toolTip = button.tooltip
        self.ui.applyButton.enabled = button.enabled
        for name in INPUTS:
            getattr(self.ui, name).enabled = is_editable(state)
        if self.parameters is not None and not self.parameters.segmentHypothalamus:
            self.ui.subunitsCheckBox.enabled = False
        self.ui.progressBar.visible = state in (State.RUNNING, State.CANCELLING, State.AHEAD)

    def _apply_by_key(self) -> None:
        if self.state == State.READY and not is_typing():
            self.apply()

    def _apply_clicked(self, checked: bool = False) -> None:
        if self.state == State.RUNNING:
            self.cancel()
        elif self.state == State.INSTALLING:
            self.torch.cancel()
        elif self.state == State.READY:
            self.apply()

    def apply(self) -> None:
        """Start a run; asks before it replaces edits or a review, and before installing torch."""
        nodes = ResultNodes(self.parameters.inputVolume)
        lost = what_a_run_replaces(nodes, self.watch.has_edits)
        if lost and not slicer.util.confirmYesNoDisplay(
            lost
            + "\n\n"
            + _("Segment again? Edits are lost; the review is kept as an earlier one.")
        ):
            return
        if self._ensure_torch():
            self._run()

    def _run(self) -> None:
        if self.parameters is None or self.state != State.READY:
            return  # the scene was closed while PyTorch was installed
        self.ui.logText.plainText = ""
        self._started, self._fraction, self._step = time.monotonic(), 0.0, _("Starting")
        try:
            job = self.logic.process(
                self.parameters.inputVolume,
                engine_options(self.parameters),
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

    def cancel(self) -> None:
        self._enter(State.CANCELLING)
        self.job.cancel()

    def _ensure_torch(self) -> bool:
        return self.torch.ensure(then=self._run)

    def _installing(self, is_busy: bool) -> None:
        idle = State.NOT_READY if self.missing() else State.READY
        self._enter(State.INSTALLING if is_busy else idle)

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
        self._enter(State.NOT_READY if self.missing() else State.READY)
        outcome = result.outcome
        if result.nodes is not None:
            elapsed_s = time.monotonic() - self._started
            self.ui.stepLabel.text = _("Done in {seconds:.0f} s").format(seconds=elapsed_s)
            if self.parameters is not None:  # shown anew: this result, or another hidden again
                self.show_results_of(self.parameters.inputVolume)
                if self._is_shown and result.nodes.volume is self.parameters.inputVolume:
                    self._arrange()
            self.worklist.segmented_by_hand()
        elif outcome.cancelled:
            self.ui.stepLabel.text = _("Canceled; nothing was changed")
        else:
            self._show_failure(outcome.error_code, outcome.message)

    def _show_failure(self, code: str, message: str) -> None:
        self.ui.stepLabel.text = message
        self.ui.logCollapsible.collapsed = False
        if code != "torch_unusable":
            slicer.util.errorDisplay(message)
        else:
            self.torch.repair(
                message, lambda: self._say(_("PyTorch was reinstalled. Press Apply."))
            )

    def _say(self, text: str) -> None:
        self.ui.stepLabel.text = text

    # The scene

    def _scene_closes(self, caller, event) -> None:
        self.worklist.scene_closes()
        self.results.show(None)
        self.review.show(None)
        self.hanging.show(None)
        self.editor.scene_closes()
        self.export.show(None)
        self.prior.scene_closes()
        self.unbind()

    def _scene_is_new(self, caller, event) -> None:
        """A scene that the module was never shown for gets no node of it."""
        if self._is_shown:
            self.bind()
        else:
            self.unbind()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_removed(self, caller, event, node) -> None:
        """Update the panel after a result node or the input was deleted."""
        if self.parameters is None or self.scene.IsClosing() or not self._shown_volume_id:
            return
        if node.GetAttribute(ROLE_ATTRIBUTE) or node.IsA("vtkMRMLScalarVolumeNode"):
            self._shown_volume_id = None
            self._parameters_changed()
