"""The stand-in for Slicer is strict where Slicer is strict, and shows what Slicer shows."""

from __future__ import annotations

import enum
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

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

import ctk
import qt
from slicer.parameterNodeWrapper import Default, WithinRange, parameterNodeWrapper

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
FORM = """<ui version="4.0"><class>Form</class>
<widget class="qMRMLWidget" name="Form"><layout class="QVBoxLayout" name="rows">
<item><widget class="{widget}" name="selector">
<property name="{name}"><bool>true</bool></property>
<property name="SlicerParameterName" stdset="0"><string>volume</string></property>
</widget></item></layout></widget>
<connections><connection><sender>Form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>selector</receiver><slot>{slot}</slot></connection></connections></ui>"""


class Device(enum.Enum):
    AUTO = "auto"
    CPU = "cpu"


@parameterNodeWrapper
class Parameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    subunits: bool
    threads: Annotated[int, WithinRange(1, 8), Default(2)]
    note: Annotated[str, Default("none")]
    device: Device


@pytest.fixture(autouse=True)
def _fresh_host():
    host.clear_scene()
    for record in (host.problems, host.dialogs, host.answers):
        record.clear()


@pytest.fixture
def parameters():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "Parameters")
    return Parameters(node)


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "Tiny.py"
    path.write_text(MODULE, encoding="utf-8")
    module, code = host.load_module(path)
    yield module, code
    sys.path.remove(str(tmp_path))


def add_volume(name: str = "T1"):
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    ramp = np.indices((20, 20, 20)).sum(0)
    slicer.util.updateVolumeFromArray(volume, ramp.astype(np.float32))
    volume.CreateDefaultDisplayNodes()
    return volume


def load_form(folder: Path, widget="qMRMLNodeComboBox", name="noneEnabled", slot="setMRMLScene"):
    path = folder / "Form.ui"
    path.write_text(FORM.format(widget=widget, name=name, slot=f"{slot}(vtkMRMLScene*)"))
    return slicer.util.loadUI(str(path))


def only_problem() -> str:
    assert len(host.problems) == 1, host.problems
    return host.problems[0]


# --- properties and attributes


def test_a_property_is_no_method():
    button = qt.QPushButton("Apply")
    assert button.text == "Apply"
    with pytest.raises(TypeError, match="not callable"):
        button.text()


@pytest.mark.parametrize("make", [qt.QPushButton, ctk.ctkSliderWidget, slicer.qMRMLNodeComboBox])
def test_a_misspelt_attribute_can_be_neither_set_nor_read(make):
    widget = make()
    with pytest.raises(AttributeError, match="does not exist"):
        widget.enabeld = False
    with pytest.raises(AttributeError, match="enabeld"):
        _ = widget.enabeld


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (qt.QLabel, "text", 3),
        (qt.QLabel, "text", None),
        (qt.QComboBox, "currentIndex", "first"),
        (qt.QComboBox, "count", 2),
        (ctk.ctkCollapsibleButton, "collapsed", "yes"),
        (slicer.qMRMLNodeComboBox, "nodeTypes", "vtkMRMLScalarVolumeNode"),
    ],
)
def test_a_property_refuses_a_value_of_another_type(make, name, value):
    with pytest.raises(AttributeError, match=name):
        setattr(make(), name, value)


def test_a_method_cannot_be_overwritten():
    with pytest.raises(AttributeError, match="can not be overwritten"):
        qt.QPushButton().setEnabled = False


def test_a_modules_own_widget_class_may_have_attributes():
    class Panel(qt.QWidget):
        pass

    panel = Panel()
    panel.state = "idle"
    assert panel.state == "idle"


def test_enumerations_are_numbers():
    assert qt.Qt.Checked == 2
    assert qt.QProcess.NotRunning == 0
    assert int(qt.QMessageBox.Yes) | int(qt.QMessageBox.No) == 0x14000


# --- signals


def test_a_wrong_signature_is_a_problem():
    assert not qt.QPushButton().connect("clicked(int)", print)
    assert "QPushButton has no signal 'clicked(int)'" in only_problem()


def test_a_slot_gets_as_many_arguments_as_it_takes():
    box, got = qt.QComboBox(), []
    box.addItems(["one", "two"])
    box.connect("currentIndexChanged(int)", lambda: got.append(()))
    box.connect("currentIndexChanged(int)", got.append)
    box.connect("currentIndexChanged(int)", lambda index, more="default": got.append((index, more)))
    box.currentIndex = 1
    assert got == [(), 1, (1, "default")]
    assert host.problems == []


def test_a_slot_that_wants_more_is_a_problem():
    button = qt.QPushButton()
    button.connect("clicked(bool)", lambda checked, other: None)
    button.click()
    assert "missing 1 required positional argument: 'other'" in only_problem()


def test_signals_are_disconnected_by_slot():
    button, got = qt.QPushButton(), []
    first, second = (lambda: got.append(1)), (lambda: got.append(2))
    button.connect("clicked()", first)
    button.connect("clicked()", second)
    assert button.disconnect("clicked()", first)
    assert not button.disconnect("clicked()", first)
    button.click()
    assert got == [2]


def raise_in_slot() -> None:
    button = qt.QPushButton()
    button.clicked.connect(lambda: 1 / 0)
    button.click()


def raise_in_observer() -> None:
    node = vtk.vtkObject()
    node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: 1 / 0)
    node.Modified()


def raise_in_single_shot() -> None:
    qt.QTimer.singleShot(0, lambda: 1 / 0)
    host.pump(10)


@pytest.mark.parametrize("trigger", [raise_in_slot, raise_in_observer, raise_in_single_shot])
def test_an_exception_that_slicer_would_print_is_a_problem(trigger):
    trigger()
    assert "ZeroDivisionError" in only_problem()


def test_a_process_is_followed_by_its_signals():
    process, got = qt.QProcess(), []
    process.connect(
        "readyReadStandardOutput()",
        lambda: got.append(process.readAllStandardOutput().data().decode().strip()),
    )
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: got.append(code))
    process.start(sys.executable, ["-c", "print('ready'); raise SystemExit(3)"])
    assert host.pump_until(lambda: 3 in got, seconds=15)
    assert got == ["ready", 3]


def test_a_shortcut_lies_in_qt():
    widget, got = qt.QWidget(), []
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Return"), widget)
    shortcut.connect("activated()", lambda: got.append("activated"))
    shortcut.activated.emit()
    assert got == ["activated"]


# --- forms


def test_a_form_hands_its_scene_to_its_widgets(tmp_path):
    form = load_form(tmp_path)
    form.setMRMLScene(slicer.mrmlScene)
    ui = slicer.util.childWidgetVariables(form)
    assert ui.selector.mrmlScene() is slicer.mrmlScene
    assert ui.selector.noneEnabled
    assert host.problems == []


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"widget": "qMRMLNodeComboBoxx"}, "no class qMRMLNodeComboBoxx"),
        ({"name": "noneEnabeld"}, "has no property 'noneEnabeld'"),
        ({"slot": "setScene"}, "has no slot 'setScene(vtkMRMLScene*)'"),
    ],
)
def test_a_mistake_in_a_form_is_a_problem(tmp_path, mistake, message):
    load_form(tmp_path, **mistake)
    assert any(message in problem for problem in host.problems), host.problems


# --- widgets on the scene


def test_a_node_combo_box_follows_the_scene():
    selector, chosen = slicer.qMRMLNodeComboBox(), []
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.connect("currentNodeChanged(vtkMRMLNode*)", chosen.append)
    assert not selector.enabled
    selector.setMRMLScene(slicer.mrmlScene)
    assert selector.enabled
    first, second = add_volume("first"), add_volume("second")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    assert (selector.nodeCount(), selector.currentNode()) == (2, None)
    selector.setCurrentNode(first)
    slicer.mrmlScene.RemoveNode(first)
    assert selector.currentNode() is second
    host.clear_scene()
    assert selector.currentNode() is None
    assert chosen == [first, second, None]
    assert host.problems == []


def test_a_node_combo_box_offers_what_it_was_asked_for():
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    add_volume().SetHideFromEditors(True)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode")
    assert selector.nodeCount() == 1
    selector.showChildNodeTypes = False
    assert selector.nodeCount() == 0


def test_a_table_view_shows_its_node_with_units_in_brackets():
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    table.AddColumn().SetName("volume")
    table.AddEmptyRow()
    table.SetCellText(0, 0, "412")
    view = slicer.qMRMLTableView()
    view.setMRMLTableNode(table)
    model = view.model()
    assert (model.rowCount(), model.data(model.index(0, 0))) == (2, "volume")
    table.SetUseColumnTitleAsColumnHeader(True)
    table.SetColumnTitle("volume", "Volume")
    table.SetColumnUnitLabel("volume", "mm3")
    assert (model.rowCount(), model.data(model.index(0, 0))) == (1, "412")
    assert model.headerData(0, qt.Qt.Horizontal) == "Volume [mm3]"


def test_the_segment_editor_selects_the_first_segment_of_another_segmentation():
    editor = slicer.qMRMLSegmentEditorWidget()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for name in ("left", "right"):
        node.GetSegmentation().AddEmptySegment(name, name, (1, 0, 0))
    editor.setSegmentationNode(node)
    assert "before setMRMLSegmentEditorNode" in only_problem()
    editor_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    editor_node.SetAndObserveSegmentationNode(node)
    editor_node.SetSelectedSegmentID("right")
    editor.setMRMLSegmentEditorNode(editor_node)
    assert editor.currentSegmentID() == "right"  # nothing happens without a scene
    editor.setMRMLScene(slicer.mrmlScene)
    assert editor.currentSegmentID() == "left"
    editor.setCurrentSegmentID("right")
    editor.setSegmentationNode(node)
    assert editor.currentSegmentID() == "right"


def test_a_collapsible_section_remembers_what_was_hidden():
    section = ctk.ctkCollapsibleButton("Results")
    layout = qt.QVBoxLayout(section)
    shown, hidden = qt.QLabel("shown"), qt.QLabel("hidden")
    for label in (shown, hidden):
        layout.addWidget(label)
    hidden.visible = False
    host.pump(0)
    section.collapsed = True
    assert (section.checked, shown.isHidden()) == (False, True)
    shown.visible = True
    assert shown.isHidden()
    section.click()
    assert not section.collapsed
    assert (shown.isHidden(), hidden.isHidden()) == (False, True)


# --- parameter node


def test_parameters_have_their_defaults(parameters):
    assert parameters.volume is None
    assert (parameters.subunits, parameters.threads) == (False, 2)
    assert (parameters.note, parameters.device) == ("none", Device.AUTO)


def test_parameters_come_back_with_a_saved_scene(parameters, tmp_path):
    parameters.volume = add_volume()
    parameters.device, parameters.threads, parameters.note = Device.CPU, 7, "Öl"
    path = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(path)
    host.clear_scene()
    assert slicer.mrmlScene.ReadFromMRB(path, True)
    again = Parameters(slicer.mrmlScene.GetFirstNodeByName("Parameters"))
    assert again.volume is slicer.mrmlScene.GetFirstNodeByName("T1")
    assert (again.device, again.threads, again.note) == (Device.CPU, 7, "Öl")


def test_a_removed_node_is_none(parameters):
    parameters.volume = volume = add_volume()
    slicer.mrmlScene.RemoveNode(volume)
    assert parameters.volume is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("threads", 9, ValueError),
        ("threads", 1.5, TypeError),
        ("note", None, ValueError),
        ("device", "cpu", TypeError),
    ],
)
def test_a_parameter_refuses_a_wrong_value(parameters, name, value, error):
    before = getattr(parameters, name)
    with pytest.raises(error):
        setattr(parameters, name, value)
    assert getattr(parameters, name) == before


@pytest.mark.skipif("SLICER_SRC" in os.environ, reason="Slicer takes it silently")
def test_a_misspelt_parameter_cannot_be_set(parameters):
    with pytest.raises(AttributeError, match="no parameter 'thread'"):
        parameters.thread = 3


@pytest.mark.parametrize(
    ("name", "make", "attribute", "from_widget", "from_code"),
    [
        ("subunits", qt.QCheckBox, "checked", (True, True), (False, False)),
        ("threads", qt.QSpinBox, "value", (5, 5), (3, 3)),
        ("device", qt.QComboBox, "currentText", ("CPU", Device.CPU), ("AUTO", Device.AUTO)),
        ("note", qt.QLineEdit, "text", ("typed", "typed"), ("set", "set")),
    ],
)
def test_a_widget_and_its_parameter_follow_each_other(
    parameters, name, make, attribute, from_widget, from_code
):
    widget = make()
    widget.setProperty("SlicerParameterName", name)
    tag = parameters.connectGui(SimpleNamespace(widget=widget))
    setattr(widget, attribute, from_widget[0])
    assert getattr(parameters, name) == from_widget[1]
    setattr(parameters, name, from_code[1])
    assert getattr(widget, attribute) == from_code[0]
    parameters.disconnectGui(tag)
    setattr(widget, attribute, from_widget[0])
    assert getattr(parameters, name) == from_code[1]
    assert host.problems == []


def test_a_node_combo_box_and_its_parameter_follow_each_other(parameters, tmp_path):
    form = load_form(tmp_path)
    form.setMRMLScene(slicer.mrmlScene)
    ui = slicer.util.childWidgetVariables(form)
    parameters.connectGui(ui)
    volume = add_volume()
    ui.selector.setCurrentNode(volume)
    assert parameters.volume is volume
    parameters.volume = None
    assert ui.selector.currentNode() is None
    parameters.volume = volume
    slicer.mrmlScene.RemoveNode(volume)
    assert (parameters.volume, ui.selector.currentNode()) == (None, None)


@pytest.mark.parametrize("make", [qt.QPlainTextEdit, ctk.ctkCollapsibleButton, qt.QSpinBox])
def test_a_widget_without_a_connector_in_slicer_is_refused(parameters, make):
    widget = make()
    widget.setProperty("SlicerParameterName", "note")
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        parameters.connectGui(SimpleNamespace(widget=widget))


def test_a_callback_is_told_of_a_changed_parameter(parameters):
    got = []
    tag = parameters.AddObserver(
        vtk.vtkCommand.ModifiedEvent, lambda caller, event: got.append(parameters.threads)
    )
    with slicer.util.NodeModify(parameters):
        parameters.threads = 3
        parameters.subunits = True
    parameters.RemoveObserver(tag)
    parameters.threads = 4
    assert got == [3]


# --- the application


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
