"""The stand-in's parameter node keeps types, follows widgets and is saved, as Slicer's does."""

from __future__ import annotations

import enum
import os
from types import SimpleNamespace
from typing import Annotated

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
from slicer.parameterNodeWrapper import Default, WithinRange, parameterNodeWrapper

from Testing.support.host_scene import add_volume, empty_application, load_form


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
    with empty_application():
        yield


@pytest.fixture
def parameters():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "Parameters")
    return Parameters(node)


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
