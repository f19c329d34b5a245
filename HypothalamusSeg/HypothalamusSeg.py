"""3D Slicer scripted module: hypothalamus and intracranial volume on T1-weighted MRI.

Contains only what Slicer must find in this file. The panel and the scene are in
HypothalamusSegSlicer, the engine is in HypothalamusSegLib.
"""

from __future__ import annotations

import slicer
from HypothalamusSegSlicer import self_test
from HypothalamusSegSlicer.logic import HypothalamusSegLogic
from HypothalamusSegSlicer.panel.main import HypothalamusSegPanel
from HypothalamusSegSlicer.registration import register
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

__all__ = [
    "HypothalamusSeg",
    "HypothalamusSegLogic",
    "HypothalamusSegTest",
    "HypothalamusSegWidget",
]


class HypothalamusSeg(ScriptedLoadableModule):
    """Module information for Slicer."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Hypothalamus Segmentation")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["HypothalamusSeg developers"]
        parent.helpText = _(
            "Segments the hypothalamus (left, right, ten subunits) and the intracranial volume "
            "on T1-weighted head MRI, and measures their volumes, normalized to the ICV. Not a "
            "medical device."
        )
        parent.acknowledgementText = _(
            "Method after Vernikouskaya et al., Int J CARS 2025. Subunit labels: Billot et "
            "al., NeuroImage 2020."
        )
        register(self.resourcePath)


class HypothalamusSegWidget(ScriptedLoadableModuleWidget):
    """Opens and closes the panel."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.panel: HypothalamusSegPanel | None = None

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        root = slicer.util.loadUI(self.resourcePath("UI/HypothalamusSeg.ui"))
        self.layout.addWidget(root)
        ui = slicer.util.childWidgetVariables(root)
        root.setMRMLScene(slicer.mrmlScene)
        self.panel = HypothalamusSegPanel(ui, root, slicer.mrmlScene)
        if self.parent.isEntered:  # reloaded while it is shown: Slicer does not enter it again
            self.panel.enter()

    def enter(self) -> None:
        """Slicer calls this each time the module is shown."""
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """Slicer calls this when another module is shown."""
        if self.panel is not None:
            self.panel.leave()

    def cleanup(self) -> None:
        """Slicer calls this when the module is reloaded and when the application quits."""
        if self.panel is not None:
            self.panel.close()
            self.panel = None


class HypothalamusSegTest(ScriptedLoadableModuleTest):
    """Checks of the installed module, for “Reload and Test” and the module Self Tests."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:  # noqa: N802 – Slicer's spelling
        self.setUp()
        for problem in self_test.problems():
            self.fail(problem)
        self.delayDisplay("HypothalamusSeg: all checks passed")
