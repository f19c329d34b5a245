"""Pictures of the panel beside the views, before, during and after a run.

With ``HYPOTHALAMUSSEG_PICTURES=Docs/pictures`` they are written there for the documents.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.export.result_files import export_result
from HypothalamusSegSlicer.scene.navigation import centre_ras
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from PIL import Image

from Testing.support.slicer_host.screenshot import window_picture
from Testing.support.slicer_results import load_volume

DOCUMENTS = os.environ.get("HYPOTHALAMUSSEG_PICTURES")
SIZE = (1500, 1100) if DOCUMENTS else (1000, 740)
PANEL_WIDTH = 520


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = REPOSITORY / DOCUMENTS if DOCUMENTS else tmp_path_factory.mktemp("pictures")
    made.mkdir(exist_ok=True)
    return made


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(np.int16)


def share_near(image: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(image - colour).max(-1) < 40).mean())


def test_pictures_before_during_and_after_a_run(sample_path, folder, tmp_path, replay):
    if DOCUMENTS:
        replay.off()
    else:
        replay.use("--pause", "fine")
    host.clear_scene()
    module, code = host.load_module(str(REPOSITORY / "HypothalamusSeg" / "HypothalamusSeg.py"))
    widget = host.open_widget(module, code)
    panel, shown = widget.panel, module.widgetRepresentation()
    volume = load_volume(sample_path)
    volume.SetName("ICBM152")
    slicer.util.setSliceViewerLayers(background=volume)
    panel.parameters.inputVolume = volume
    panel.parameters.threads = 1

    def picture(name: str, **options) -> np.ndarray:
        path = folder / f"{name}.png"
        window_picture(shown, str(path), size=SIZE, panel_width=PANEL_WIDTH, **options)
        return pixels(path)

    before = picture("panel_before")
    panel.apply()
    assert host.pump_until(lambda: "hypothalamus" in panel.ui.stepLabel.text, seconds=120)
    during = picture("panel_during")
    replay.go_on()
    assert host.pump_until(lambda: panel.job is None, seconds=240)
    nodes = ResultNodes(volume)
    panel.ui.show3dButton.click()
    centre = centre_ras(nodes.segmentation("hypothalamus"))
    close_up = {"centre_ras": centre, "field_of_view_mm": 60.0}
    after = picture("panel_light", **close_up)
    dark = picture("panel_dark", dark=True, **close_up)
    written = export_result(nodes, panel.export.rows, tmp_path)
    report = next(path for path in written if path.name.endswith("report.png"))
    (folder / "report.png").write_bytes(report.read_bytes())
    host.close_widget(widget)
    host.clear_scene()
    assert host.problems == []

    views = np.s_[:, PANEL_WIDTH:]
    left, right = (86, 180, 233), (230, 159, 0)
    for colour in (left, right):
        assert share_near(before[views], colour) < 1e-4
        assert share_near(after[views], colour) > 1e-3
    assert np.abs(before - during).mean() > 0.1
    panel_part = np.s_[:, :PANEL_WIDTH]
    assert dark[panel_part].mean() < 110 < after[panel_part].mean()
    # Left hypothalamus (blue) on the picture's right of the right one (orange): radiological.
    axial = after[: SIZE[1] // 2, PANEL_WIDTH : PANEL_WIDTH + (SIZE[0] - PANEL_WIDTH) // 2]
    columns = [np.nonzero(np.abs(axial - c).max(-1) < 40)[1].mean() for c in (left, right)]
    assert columns[0] > columns[1]
    assert (folder / "report.png").stat().st_size > 50_000


def test_pictures_of_a_list_of_cases(sample_path, folder, tmp_path, replay, loaded):
    """Named and blinded, light and dark; in the documents' pictures of the sample brain."""
    host.clear_scene()
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in ("anna.nii.gz", "berta.nii.gz", "carl.nii.gz", "dora.nii.gz"):
        shutil.copyfile(sample_path, scans / name)
    widget = host.open_widget(*loaded)
    panel, shown = widget.panel, loaded[0].widgetRepresentation()
    panel.parameters.threads = 1
    panel.ui.reviewerLineEdit.text = "AB"
    host.answers.append(str(scans))
    panel.ui.openFolderButton.click()
    for button in (panel.ui.acceptNextButton, panel.ui.rejectNextButton):
        assert host.pump_until(lambda: panel.worklist.shown.has_result, seconds=240)
        button.click()
    assert host.pump_until(lambda: panel.worklist.shown.has_result, seconds=240)
    centre = centre_ras(ResultNodes(panel.parameters.inputVolume).segmentation("hypothalamus"))
    close_up = {"centre_ras": centre, "field_of_view_mm": 60.0}

    def picture(name: str, **options) -> np.ndarray:
        path = folder / f"{name}.png"
        window_picture(shown, str(path), size=SIZE, panel_width=PANEL_WIDTH, **options, **close_up)
        return pixels(path)

    light, dark = picture("worklist_light"), picture("worklist_dark", dark=True)
    panel.ui.blindedCheckBox.checked = True
    blinded = picture("worklist_blinded")
    host.close_widget(widget)
    host.clear_scene()
    assert host.problems == []
    panel_part = np.s_[:, :PANEL_WIDTH]
    assert dark[panel_part].mean() < 110 < light[panel_part].mean()
    assert np.abs(light - blinded)[panel_part].mean() > 0.5
