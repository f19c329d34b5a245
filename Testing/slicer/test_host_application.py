"""The stand-in opens modules, answers questions and takes pictures, as Slicer does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

REASON = "needs the packages slicer-core and PySide6-Essentials, and the libraries libEGL and libGL"
pytest.importorskip("slicer_core", reason=REASON, exc_type=ImportError)
pytest.importorskip("PySide6.QtWidgets", reason=REASON, exc_type=ImportError)

import slicer
import vtk

from Testing.support.slicer_host import application as host
from Testing.support.slicer_host.screenshot import window_picture
from Testing.support.slicer_host.ui_loader import QUiLoader

host.start()

import qt

from Testing.support.host_scene import add_volume, empty_application

MODULE = """
import qt, slicer
from slicer.ScriptedLoadableModule import *

class Tiny(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Tiny module"
        parent.categories = ["Segmentation"]
        self.started = 0
        slicer.app.connect("startupCompleted()", self.onStarted)
    def onStarted(self):
        self.started += 1

class TinyWidget(ScriptedLoadableModuleWidget):
    calls = ()
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.button = qt.QPushButton("Apply")
        self.selector = slicer.qMRMLNodeComboBox()
        self.selector.setMRMLScene(slicer.mrmlScene)
        self.layout.addWidget(self.button)
        self.layout.addWidget(self.selector)
    def enter(self): self.calls += ("enter",)
    def exit(self): self.calls += ("exit",)
    def cleanup(self): self.calls += ("cleanup",)
"""


@pytest.fixture(autouse=True)
def _fresh_host():
    with empty_application():
        yield


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "Tiny.py"
    path.write_text(MODULE, encoding="utf-8")
    module, code = host.load_module(path)
    yield module, code
    sys.path.remove(str(tmp_path))


def test_a_module_is_opened_and_closed(tiny):
    module, code = tiny
    assert slicer.modules.tiny is module
    assert (module.title, slicer.modules.TinyInstance.started) == ("Tiny module", 1)
    widget = host.open_widget(module, code)
    assert slicer.util.getModuleWidget("Tiny") is widget
    assert (widget.parent.mrmlScene(), widget.calls) == (slicer.mrmlScene, ("enter",))
    host.close_widget(widget)
    assert widget.calls == ("enter", "exit", "cleanup")
    with pytest.raises(RuntimeError, match="deleted"):
        widget.button.click()
    add_volume()
    assert host.problems == []


def test_startup_completes_once(tiny):
    slicer.app.startupCompleted.emit()
    assert slicer.modules.TinyInstance.started == 1


def test_questions_are_answered_from_the_queue():
    host.answers[:] = [False, "table.csv"]
    assert not slicer.util.confirmOkCancelDisplay("Replace?", windowTitle="Result")
    assert qt.QFileDialog.getSaveFileName(None, "Save") == "table.csv"
    assert slicer.util.confirmYesNoDisplay("Sure?")
    assert qt.QFileDialog.getExistingDirectory(None, "Folder") == ""
    slicer.util.errorDisplay("No memory")
    assert [(dialog.kind, dialog.text) for dialog in host.dialogs] == [
        ("ok or cancel", "Replace?"),
        ("file", "Save"),
        ("yes or no", "Sure?"),
        ("file", "Folder"),
        ("error", "No memory"),
    ]


def test_the_layout_is_that_of_its_node():
    manager = slicer.app.layoutManager()
    four_up = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert manager.layout == four_up
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    slicer.modules.plots.logic().ShowChartInLayout(chart)
    assert manager.layout != four_up
    manager.setLayout(four_up)
    assert manager.layout == four_up


def test_settings_are_kept_for_the_session():
    qt.QSettings().setValue("Tiny/threads", 3)
    assert slicer.app.settings().value("Tiny/threads") == 3
    assert slicer.util.settingsValue("Tiny/threads", 1, converter=int) == 3
    assert Path(slicer.util.tempDirectory()).is_dir()


# --- pictures


def pixels(path: Path) -> np.ndarray:
    """Rows, columns and colours of a picture."""
    image = qt.QImage(str(path)).convertToFormat(qt.QImage.Format_RGBA8888)
    shape = (image.height(), image.width(), 4)
    return np.frombuffer(image.constBits(), np.uint8).reshape(shape)[..., :3].astype(int)


def add_red_cube(volume) -> None:
    """A segmentation of the volume's middle, with its surface."""
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    cube = np.zeros((20, 20, 20), np.uint8)
    cube[5:15, 5:15, 5:15] = 1
    slicer.util.updateVolumeFromArray(labels, cube)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.CreateDefaultDisplayNodes()
    ids = vtk.vtkStringArray()
    ids.InsertNextValue(node.GetSegmentation().AddEmptySegment("cube", "Cube", (1, 0, 0)))
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node, ids)
    slicer.mrmlScene.RemoveNode(labels)
    node.CreateClosedSurfaceRepresentation()


def test_a_picture_shows_panel_and_views(tiny, tmp_path):
    widget = host.open_widget(*tiny)
    volume = add_volume()
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    add_red_cube(volume)
    outer = qt.QWidget()
    column = qt.QVBoxLayout(outer)
    column.addWidget(widget.parent)
    column.addWidget(qt.QLabel("below"))
    size, width = (700, 500), 300
    for name, dark in (("light.png", False), ("dark.png", True)):
        window_picture(widget, tmp_path / name, size, width, centre_ras=(10, 10, 10), dark=dark)
    light, dark = pixels(tmp_path / "light.png"), pixels(tmp_path / "dark.png")
    assert light.shape == dark.shape == (*size[::-1], 3)
    panel, three_d = np.s_[:, :width], np.s_[:250, 500:]
    views = (np.s_[:250, 300:500], np.s_[250:, 300:500], np.s_[250:, 500:])
    assert light[panel].std() > 2
    assert light[panel].mean() > 200 > 100 > dark[panel].mean()
    for view in (*views, three_d):
        reds = (light[view][..., 0] - light[view][..., 1:].max(-1)) > 60
        assert 0.02 < reds.mean() < 0.8
        np.testing.assert_array_equal(light[view][40:240, 10:190], dark[view][40:240, 10:190])
    for view in views:
        greys = light[view][40:][(light[view][40:].std(-1) == 0) & (light[view][40:, :, 0] > 0)]
        assert greys.std() > 10
    assert column.indexOf(widget.parent) == 0
    assert widget.parent.parentWidget() is outer
    widget.button.click()
    host.close_widget(widget)
    assert host.problems == []


# --- no more than the panel needs


def test_the_stand_in_has_no_widget_that_the_panel_does_not_use():
    module = Path(__file__).parents[2] / "HypothalamusSeg"
    form = (module / "Resources" / "UI" / "HypothalamusSeg.ui").read_text(encoding="utf-8")
    used = set(re.findall(r'<widget class="(ctk\w+|qMRML\w+)"', form))
    assert set(QUiLoader.custom_widgets) == used
