"""The panel of the module: its sections, the input, and what they follow in the scene."""

from __future__ import annotations

import qt
import slicer
import vtk
from HypothalamusSegLib.options import Options

from ..engine_run.command_line import SettingsError
from ..engine_run.job import SegmentationJob
from ..logic import HypothalamusSegLogic
from ..scene.result_nodes import ROLE_ATTRIBUTE, ResultNodes
from ..scene.shown_volume import is_scan, show_alone, volume_to_start_with
from ..volumes.edits import EditWatch
from .editor_section import EditorSection
from .export_section import ExportSection
from .hanging_section import HangingSection
from .input_text import patient_text, what_is_missing
from .keyboard import shortcut
from .parameter_node import HypothalamusSegParameterNode, engine_options
from .prior_section import PriorSection
from .protocol_section import ProtocolSection
from .results_section import ResultsSection
from .review_section import ReviewSection
from .run_section import RunSection
from .states import State
from .worklist_section import WorklistSection


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
        self.parameters: HypothalamusSegParameterNode | None = None
        self._binding = None
        self._parameter_observer: int | None = None
        self._is_shown = False
        self._shown_volume_id: str | None = None
        self.results = ResultsSection(ui)
        window = slicer.util.mainWindow() or root
        self.review = ReviewSection(ui, scene)
        self.hanging = HangingSection(ui, scene, self.review.layout, window)
        self.editor = EditorSection(ui, scene)
        self.export = ExportSection(ui)
        self.protocol = ProtocolSection(ui, self._protocol_changed)
        self.prior = PriorSection(root, scene, self.logic, lambda: self.protocol.check().weights)
        self.watch = EditWatch(self._rows_changed)
        self.run = RunSection(ui, self)
        self._shortcuts = [
            shortcut(root, "Ctrl+Return", self.run.apply_by_key),
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
        self.protocol.check()
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
        self.run.close()
        self.hanging.close()
        self.prior.close()
        self.logic.close()
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
        return what_is_missing(self.parameters) or self.protocol.chosen.problem

    def _parameters_changed(self, caller=None, event=None) -> None:
        if self.parameters is None:
            return
        self.run.input_changed()
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
        self.results.show_protocol(self.protocol.chosen.protocol)
        self.review.show(nodes)
        self.hanging.show(nodes)
        self.editor.show(nodes)
        self.export.show(nodes)
        self.prior.show(volume)
        self.watch.watch(nodes)

    def _protocol_changed(self) -> None:
        """Results stay what they are; new ones are drawn by another protocol."""
        self.run.input_changed()
        self.results.show_protocol(self.protocol.chosen.protocol)
        self.worklist.protocol_changed()

    # The run

    @property
    def state(self) -> State:
        return self.run.state

    @property
    def job(self) -> SegmentationJob | None:
        """The run of Apply that has not ended yet."""
        return self.run.job

    def apply(self) -> None:
        self.run.apply()

    def cancel(self) -> None:
        self.run.cancel()

    def take_result(self, nodes: ResultNodes) -> None:
        """Show what a run has put into the scene: this result, or another hidden again."""
        if self.parameters is not None:
            self.show_results_of(self.parameters.inputVolume)
            if self._is_shown and nodes.volume is self.parameters.inputVolume:
                self._arrange()
        self.worklist.segmented_by_hand()

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
        """What to segment, always by the chosen protocol; other wrong settings are defaults."""
        weights = self.protocol.chosen.weights
        try:
            return engine_options(self.parameters, weights)
        except (SettingsError, AttributeError):
            return Options(weights=weights)

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
