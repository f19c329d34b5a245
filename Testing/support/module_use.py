"""Uses copies of the Slicer module, each in a process of its own that has imported the stand-in.

    python -m Testing.support.module_use FILES.pickle

reads lines of JSON, ``[folder of the module, file for what is written]``, and answers each with an
exit code. Starting the stand-in takes seconds of processor time, so each use is a fork of this.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import traceback
from pathlib import Path

import numpy  # noqa: F401 (for the processes that are forked)
import scipy.ndimage  # noqa: F401
import SimpleITK  # noqa: F401

from Testing.support.slicer_host import application as host

OWN_PACKAGES = ("HypothalamusSegLib", "HypothalamusSegSlicer")


def use(module_folder: str, files_path: str) -> None:
    """Open the module, give it a volume and a result, and use it; raises where it goes wrong."""
    sys.path.insert(0, module_folder)
    widget = host.open_widget(*host.load_module(os.path.join(module_folder, "HypothalamusSeg.py")))
    import slicer

    from Testing.support.slicer_results import HandEditor, load_volume, take

    package = sys.modules["HypothalamusSegSlicer"].__file__
    assert package.startswith(module_folder), package
    panel = widget.panel
    files = pickle.loads(Path(files_path).read_bytes())
    volume = load_volume(files.scan)
    panel.parameters.inputVolume = volume
    host.pump(50)
    assert panel.ui.applyButton.enabled
    nodes = take(files, volume)
    panel.show_results_of(volume)
    ui = panel.ui
    for button in (
        ui.goToButton,
        ui.anteriorButton,
        ui.show3dButton,
        ui.copyButton,
        ui.chartButton,
    ):
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
    panel.run._progressed(0.5, "half")
    host.close_widget(widget)
    assert host.problems == [], host.problems
    assert slicer.app is not None


def main() -> None:
    files_path = sys.argv[1]
    host.start()
    for line in sys.stdin:
        folder, log = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                output = os.open(log, os.O_WRONLY | os.O_CREAT)
                os.dup2(output, 1)
                os.dup2(output, 2)
                use(folder, files_path)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    taken = [name for name in OWN_PACKAGES if name in sys.modules]
    assert not taken, f"{taken} would not come from the copies"
    main()
