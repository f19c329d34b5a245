"""The stand-in for Slicer is strict where Slicer is strict: objects, signals, forms, widgets."""

from __future__ import annotations

import sys

import pytest

REASON = "needs the packages slicer-core and PySide6-Essentials, and the libraries libEGL and libGL"
pytest.importorskip("slicer_core", reason=REASON, exc_type=ImportError)
pytest.importorskip("PySide6.QtWidgets", reason=REASON, exc_type=ImportError)

import slicer
import vtk

from Testing.support.slicer_host import application as host

host.start()

import ctk
import qt

from Testing.support.host_scene import add_volume, empty_application, load_form, only_problem


@pytest.fixture(autouse=True)
def _fresh_host():
    with empty_application():
        yield


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
