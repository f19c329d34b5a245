"""Mistakes that only Slicer would show, seeded into copies of the module: the host must see each.

Each mutated module is opened, given a volume and a result, and used, in a process of its own.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

from Testing.support.drawn_head import draw_head

MODULE_FOLDER = REPOSITORY / "HypothalamusSeg"
# File, what stands there, what a mistaken hand would write.
MUTATIONS = {
    "a property called as a method": (
        "panel/review_section.py",
        "self.ui.reviewerLineEdit.text\n",
        "self.ui.reviewerLineEdit.text()\n",
    ),
    "a misspelt attribute": (
        "panel/run_section.py",
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
        "panel/run_section.py",
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
def files_path(tmp_path_factory) -> Path:
    """A result drawn from numbers: small, and no mistake hides in it."""
    folder = tmp_path_factory.mktemp("engine")
    path = folder / "files.pickle"
    path.write_bytes(pickle.dumps(draw_head(folder, subunits=True)))
    return path


@pytest.fixture(scope="module")
def use(files_path, tmp_path_factory) -> Iterator[Callable[[Path], tuple[int, str]]]:
    """Uses a module's folder; returns the exit code and what was written."""
    if not hasattr(os, "fork"):
        pytest.skip("the mistakes are planted where processes can fork")
    log = tmp_path_factory.mktemp("uses") / "log.txt"
    program = subprocess.Popen(
        [sys.executable, "-m", "Testing.support.module_use", str(files_path)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def use_module(folder: Path) -> tuple[int, str]:
        log.unlink(missing_ok=True)
        program.stdin.write(json.dumps([str(folder), str(log)]) + "\n")
        program.stdin.flush()
        code = int(program.stdout.readline())
        return code, log.read_text(encoding="utf-8")

    yield use_module
    program.stdin.close()
    assert program.wait(timeout=60) == 0


def test_the_module_itself_is_used_without_a_problem(use):
    code, written = use(MODULE_FOLDER)
    assert code == 0, written[-2000:]


@pytest.mark.parametrize("mistake", MUTATIONS)
def test_a_seeded_mistake_is_seen(mistake, use, tmp_path):
    name, right, wrong = MUTATIONS[mistake]
    folder = tmp_path / "HypothalamusSeg"
    shutil.copytree(MODULE_FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "HypothalamusSegSlicer" / name
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    code, _ = use(folder)
    assert code != 0
