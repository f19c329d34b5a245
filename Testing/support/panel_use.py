"""What tests do with the panel: clicks, waiting, an input volume, a result, a protocol."""

from __future__ import annotations

import tempfile
from pathlib import Path

import slicer
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from PySide6 import QtCore, QtTest

from Testing.support.slicer_host import application as host
from Testing.support.slicer_results import EngineFiles, HandEditor, load_volume, take


def click(button) -> None:
    assert button.enabled, button.objectName
    # At its left: a check box is wider than what reacts to a click.
    place = QtCore.QPoint(8, button.height // 2)
    QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, place)


def texts(box) -> list[str]:
    """What a combo box offers."""
    return [box.itemText(index) for index in range(box.count)]


def choose_input(panel, scan: Path) -> slicer.vtkMRMLScalarVolumeNode:
    """Load a scan and choose it as the input volume."""
    volume = load_volume(scan)
    panel.parameters.inputVolume = volume
    host.pump(20)
    return volume


def show_result(panel, files: EngineFiles) -> ResultNodes:
    """A scan with its result, as after Apply."""
    volume = load_volume(files.scan)
    found = take(files, volume)
    panel.parameters.inputVolume = volume
    host.pump(20)
    return found


def erase_half(panel, nodes: ResultNodes, identifier: str = "hypothalamus_left") -> HandEditor:
    """Edit a segment of the shown result, and wait until the panel has seen it."""
    editor = HandEditor(nodes.segmentation("hypothalamus"), nodes.volume, identifier)
    editor.erase_half()
    assert host.pump_until(lambda: panel.watch.has_edits, seconds=5)
    return editor


def choose_protocol(panel, folder: Path | None) -> None:
    """Choose in the list, adding the folder first if it is not there."""
    if folder is None:
        panel.protocol.choose("")
    else:
        host.answers.append(str(folder))
        panel.ui.addProtocolButton.click()


def wait_for_step(panel, text: str) -> int:
    """Wait until a run has reached a step; the engine's process ID."""
    assert host.pump_until(lambda: text in panel.ui.stepLabel.text, seconds=120)
    return panel.job.process_id


def wait_for_end(panel) -> None:
    assert host.pump_until(lambda: panel.job is None, seconds=180)


def run(panel) -> int:
    """Segment; the engine's process ID."""
    panel.apply()
    job = panel.job
    wait_for_end(panel)
    assert "Done" in panel.ui.stepLabel.text
    return job.process_id


def engine_folders() -> set[str]:
    """Folders in which an engine and the panel exchange files; of an ended run none is left."""
    folders = (tempfile.gettempdir(), slicer.app.temporaryPath)
    return {path.name for folder in folders for path in Path(folder).glob("hypothalamus-seg-*")}
