"""What the tests of the stand-in share: an empty application, a volume, a form, the problem."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import slicer
from PySide6 import QtWidgets

from .slicer_host import application as host

FORM = """<ui version="4.0"><class>Form</class>
<widget class="qMRMLWidget" name="Form"><layout class="QVBoxLayout" name="rows">
<item><widget class="{widget}" name="selector">
<property name="{name}"><bool>true</bool></property>
<property name="SlicerParameterName" stdset="0"><string>volume</string></property>
</widget></item></layout></widget>
<connections><connection><sender>Form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>selector</receiver><slot>{slot}</slot></connection></connections></ui>"""


@contextmanager
def empty_application() -> Iterator[None]:
    """An empty scene, no problem, no dialog, no answer.

    Widgets that are made meanwhile are deleted in the end: they would follow the scene of all tests
    that come after.
    """
    host.clear_scene()
    for record in (host.problems, host.dialogs, host.answers):
        record.clear()
    before = QtWidgets.QApplication.topLevelWidgets()
    yield
    for widget in QtWidgets.QApplication.topLevelWidgets():
        if widget not in before and widget.parent() is None:
            widget.deleteLater()
    host.pump(0)


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
