"""Section “Edit” of the panel: Slicer's Segment Editor on one segment of the result."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ..scene.result_nodes import ResultNodes
from ..scene.segment_editor import editor_node, protect_others
from ..volumes.baseline import read_baseline
from ..volumes.intensity_range import intensity_range
from ..volumes.segment_voxels import copy_segment

EFFECTS = ["Paint", "Draw", "Erase", "Islands", "Smoothing"]


class EditorSection:
    """Keeps the embedded editor on the segment that is chosen in the panel.

    The editor selects the first segment by itself whenever its segmentation changes. The chosen
    one is therefore set last and read back: strokes meant for the right must not change the left.
    """

    def __init__(self, ui, scene: slicer.vtkMRMLScene) -> None:
        self.ui = ui
        self.editor = ui.segmentEditor
        self._scene = scene
        self._nodes: ResultNodes | None = None
        self._choosing = False
        self.editor.setEffectNameOrder(EFFECTS)
        self.editor.unorderedEffectsVisible = False  # its setter is no slot
        ui.segmentComboBox.connect("currentIndexChanged(int)", self._chosen_in_panel)
        ui.revertButton.connect("clicked(bool)", self._revert)
        ui.editCollapsible.connect("contentsCollapsed(bool)", self._folded)
        self.editor.connect("currentSegmentIDChanged(QString)", self._chosen_in_editor)

    def show(self, nodes: ResultNodes | None) -> None:
        """Offer the segments of a result; none while there is no result."""
        self._nodes, self._choosing = nodes, True
        self.ui.segmentComboBox.clear()
        if nodes is not None:
            for plan, _node in nodes.segmentations():
                for segment in plan.segments:
                    self.ui.segmentComboBox.addItem(segment.name, segment.identifier)
        self._choosing = False
        for name in ("segmentComboBox", "revertButton", "editCollapsible"):
            getattr(self.ui, name).enabled = nodes is not None
        self._follow()

    def enter(self) -> None:
        """The module is shown: effects may use the views and the keyboard."""
        if not self.ui.editCollapsible.collapsed:
            self.editor.setupViewObservations()
            self.editor.installKeyboardShortcuts()

    def leave(self) -> None:
        """The module is left, or the section folded: no stroke can go astray."""
        self.editor.setActiveEffect(None)
        self.editor.uninstallKeyboardShortcuts()
        self.editor.removeViewObservations()

    def scene_closes(self) -> None:
        self.leave()
        self.show(None)

    def scene_is_new(self) -> None:
        # The node first: what the editor selects by itself when it gets the scene is kept there.
        self.editor.setMRMLSegmentEditorNode(editor_node(self._scene))
        self.editor.setMRMLScene(self._scene)

    def _folded(self, collapsed: bool) -> None:
        if collapsed:
            self.leave()
        else:
            self._follow()
            self.enter()

    def _chosen(self) -> tuple[str, str] | None:
        """Role and identifier of the segment that is chosen in the panel."""
        identifier = self.ui.segmentComboBox.currentData
        for plan, _node in self._nodes.segmentations() if self._nodes is not None else ():
            if any(segment.identifier == identifier for segment in plan.segments):
                return plan.role, identifier
        return None

    def _follow(self) -> None:
        """Put the editor on the chosen segment, if the section is open."""
        chosen = self._chosen()
        if chosen is None and self.editor.mrmlSegmentEditorNode() is not None:
            self.editor.setActiveEffect(None)
            self.editor.setSegmentationNode(None)
        elif chosen is not None and not self.ui.editCollapsible.collapsed:
            self.edit(*chosen)

    def edit(self, role: str, identifier: str) -> None:
        """Choose a segment in the editor, with its protection."""
        self._choosing = True
        self.editor.setSegmentationNode(self._nodes.segmentation(role))
        self.editor.setSourceVolumeNode(self._nodes.volume)
        self.editor.setCurrentSegmentID(identifier)
        self._choosing = False
        if self.editor.currentSegmentID() != identifier:
            self.editor.setSegmentationNode(None)
            slicer.util.errorDisplay(
                _("The Segment Editor did not select this segment, so it cannot be edited.")
            )
            return
        self._protect(role, identifier)

    def _chosen_in_panel(self, index: int) -> None:
        if not self._choosing:
            self._follow()

    def _chosen_in_editor(self, identifier: str) -> None:
        """The user chose the other side in the editor's own list."""
        if self._choosing or self._nodes is None or not identifier:
            return
        index = self.ui.segmentComboBox.findData(identifier)
        if index >= 0:
            self._choosing = True
            self.ui.segmentComboBox.currentIndex = index
            self._choosing = False
            self._protect(*self._chosen())

    def _protect(self, role: str, identifier: str) -> None:
        intensities = intensity_range(self._nodes, role, identifier)
        protect_others(self.editor.mrmlSegmentEditorNode(), intensities)

    def _revert(self, checked: bool = False) -> None:
        chosen = self._chosen()
        if chosen is not None and read_baseline(self._nodes, *chosen) is None:
            slicer.util.errorDisplay(
                _(
                    "The networks' output of this segment was lost, or belongs to another scan. "
                    "Press Apply to segment again."
                )
            )
            return
        if chosen is None or not slicer.util.confirmYesNoDisplay(
            _("Discard all edits of “{segment}” and show the networks' output again?").format(
                segment=self.ui.segmentComboBox.currentText
            )
        ):
            return
        role, identifier = chosen
        self.ui.editCollapsible.collapsed = False  # there is the button that undoes it
        self.edit(role, identifier)
        self.editor.saveStateForUndo()
        copy_segment(self._nodes.network_output(role), self._nodes.segmentation(role), identifier)
