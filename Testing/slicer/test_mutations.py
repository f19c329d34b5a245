"""Mistakes that only Slicer would show, seeded into copies of the module: the host must see each.

Each mutated module is opened, given a volume and a result, and used, in a process of its own.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

from Testing.support.slicer_results import run_engine

MODULE_FOLDER = REPOSITORY / "HypothalamusSeg"
USE = """
import pickle, sys
from pathlib import Path
from Testing.support.slicer_host import application as host
host.start()
module = sys.argv[1]
widget = host.open_widget(*host.load_module(module))
import slicer
from Testing.support.slicer_results import HandEditor, load_volume, take
panel = widget.panel
files = pickle.loads(Path(sys.argv[2]).read_bytes())
volume = load_volume(files.scan)
panel.parameters.inputVolume = volume
host.pump(50)
assert panel.ui.applyButton.enabled
nodes = take(files, volume)
panel.show_results_of(volume)
ui = panel.ui
for button in (ui.goToButton, ui.anteriorButton, ui.show3dButton, ui.copyButton, ui.chartButton):
    button.click()
ui.statusComboBox.currentIndex = 1
ui.opacitySlider.value = 0.5
HandEditor(nodes.segmentation("hypothalamus"), volume, "hypothalamus_left").erase_half()
assert host.pump_until(lambda: panel.watch.has_edits, seconds=10)
assert [row.status for row in panel.export.rows[:2]] == ["edited", "as segmented"]
ui.segmentComboBox.currentIndex = 1
ui.editCollapsible.collapsed = False
assert ui.segmentEditor.currentSegmentID() == "hypothalamus_right"
editor = ui.segmentEditor.mrmlSegmentEditorNode()
assert editor.GetSegmentationNode() is nodes.segmentation("hypothalamus")
ui.segmentComboBox.currentIndex = 0
ui.revertButton.click()
assert host.pump_until(lambda: not panel.watch.has_edits, seconds=10)
panel._progressed(0.5, "half")
host.close_widget(widget)
assert host.problems == [], host.problems
"""
# File, what stands there, what a mistaken hand would write.
MUTATIONS = {
    "a property called as a method": (
        "panel/review_section.py",
        "self.ui.reviewerLineEdit.text\n",
        "self.ui.reviewerLineEdit.text()\n",
    ),
    "a misspelt attribute": (
        "panel/main.py",
        "self.ui.applyButton.toolTip =",
        "self.ui.applyButton.tooltip =",
    ),
    "a signal without its arguments": (
        "panel/results_section.py",
        '"toggled(bool)"',
        '"toggled"',
    ),
    "a wrong signal signature": (
        "panel/results_section.py",
        '"valueChanged(double)"',
        '"valueChanged(float)"',
    ),
    "a slot that takes too many arguments": (
        "panel/review_section.py",
        "def anterior(self, checked: bool = False)",
        "def anterior(self, checked, more)",
    ),
    "a method that a node does not have": (
        "volumes/table.py",
        "node.SetColumnTitle(",
        "node.SetColumnHeading(",
    ),
    "a wrong type for a property": (
        "panel/main.py",
        "self.ui.progressBar.value = round(",
        "self.ui.progressBar.value = str(",
    ),
    "a widget that is not in the form": (
        "panel/review_section.py",
        "ui.goToButton.connect",
        "ui.gotoButton.connect",
    ),
    "an event that does not exist": (
        "volumes/edits.py",
        '"SourceRepresentationModified"',
        '"RepresentationChanged"',
    ),
    "observers that are not made": (
        "volumes/edits.py",
        "segmentation.AddObserver(event, changed)",
        "0",
    ),
    "the copy reverted into itself": (
        "panel/editor_section.py",
        "self._nodes.network_output(role), self._nodes.segmentation(role)",
        "self._nodes.segmentation(role), self._nodes.network_output(role)",
    ),
    "the segment chosen before its segmentation": (
        "panel/editor_section.py",
        "self.editor.setSegmentationNode(self._nodes.segmentation(role))",
        "self.editor.setCurrentSegmentID(identifier)",
    ),
    "the scan's grid for editing": (
        "engine_run/handover.py",
        "converter.GetReferenceImageGeometryParameterName()",
        '"Unused"',
    ),
    "a widget class without stand-in": (
        "../Resources/UI/HypothalamusSeg.ui",
        "ctkSliderWidget",
        "ctkSlidingWidget",
    ),
}


@pytest.fixture(scope="module")
def files_path(sample_path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("engine")
    path = folder / "files.pickle"
    path.write_bytes(pickle.dumps(run_engine(sample_path, folder)))
    return path


def use(module_folder: Path, files_path: Path) -> subprocess.CompletedProcess:
    paths = os.pathsep.join([str(module_folder), str(REPOSITORY)])
    return subprocess.run(
        [sys.executable, "-c", USE, str(module_folder / "HypothalamusSeg.py"), str(files_path)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.mark.slow
def test_the_module_itself_is_used_without_a_problem(files_path):
    done = use(MODULE_FOLDER, files_path)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MUTATIONS)
def test_a_seeded_mistake_is_seen(mistake, files_path, tmp_path):
    name, right, wrong = MUTATIONS[mistake]
    folder = tmp_path / "HypothalamusSeg"
    shutil.copytree(MODULE_FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "HypothalamusSegSlicer" / name
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    assert use(folder, files_path).returncode != 0
