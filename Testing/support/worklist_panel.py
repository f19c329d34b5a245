"""What tests of the list of cases share: a derivative, clicks, and what the panel shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.worklist.review_table import ReviewRow, ReviewTable

from Testing.support.panel_use import click
from Testing.support.slicer_host import application as host
from Testing.support.slicer_results import HandEditor

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"


def write_derivative(drawn, root: Path) -> Path:
    for number, files in enumerate(drawn, start=1):
        add_case(files, root / "data", root / "out", f"sub-{number:02d}")
    description = {"DatasetType": "derivative", "DatasetLinks": {"raw": "../data"}}
    text = json.dumps(description)
    (root / "out" / "dataset_description.json").write_text(text, encoding="utf-8")
    return root / "out"


def add_case(files, data: Path, out: Path, name: str) -> None:
    """A scan and its results, where the cohort tool has them."""
    anat, derived = data / name / "anat", out / name / "anat"
    for folder in (anat, derived):
        folder.mkdir(parents=True, exist_ok=True)
    scan = anat / f"{name}_T1w.nii.gz"
    shutil.copyfile(files.scan, scan)
    for old, new in (
        ("scan_hypothalamus_dseg", "seg-hypothalamus_res-0p5mm_dseg"),
        ("scan_icv_mask", "label-icv_mask"),
    ):
        shutil.copyfile(files.folder / f"{old}.nii.gz", derived / f"{name}_{new}.nii.gz")
        sidecar = json.dumps({"Sources": [f"bids:raw:{scan.relative_to(data).as_posix()}"]})
        (derived / f"{name}_{new}.json").write_text(sidecar, encoding="utf-8")
    text = json.dumps({**files.description, "name": name})
    (derived / f"{name}_volumes.json").write_text(text, encoding="utf-8")


def open_list(panel, source: Path, reader: str = "AB") -> None:
    """Open a list, and wait for its first result."""
    begin_list(panel, source, reader)
    wait_for_result(panel)


def begin_list(panel, source: Path, reader: str = "AB") -> None:
    panel.ui.reviewerLineEdit.text = reader
    panel.ui.reviewerLineEdit.editingFinished.emit()
    host.answers.append(str(source))
    click(panel.ui.openFolderButton)


def wait_for_result(panel) -> None:
    assert host.pump_until(
        lambda: panel.worklist.shown is None or panel.ui.acceptNextButton.enabled, seconds=30
    ), panel.ui.worklistLabel.text


def shown(panel) -> str:
    return panel.worklist.shown.case.name if panel.worklist.shown else ""


def nodes_of(panel) -> ResultNodes:
    return ResultNodes(panel.parameters.inputVolume)


def edit(panel, identifier: str = LEFT) -> None:
    nodes = nodes_of(panel)
    HandEditor(nodes.segmentation("hypothalamus"), nodes.volume, identifier).erase_half()


def rows(folder: Path) -> dict[str, ReviewRow]:
    return {row.scan: row for row in ReviewTable(folder).rows()}
