"""Networks that learn from the corrected cases of a list: asked for, stopped, offered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegLib.machine.processes import may_be_alive
from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegSlicer.engine_run import adaptation
from HypothalamusSegSlicer.worklist.review_table import ReviewRow, ReviewTable

from Testing.support.adapt_service import FOREVER
from Testing.support.command_runs import REPOSITORY
from Testing.support.drawn_head import draw_head
from Testing.support.panel_use import click
from Testing.support.protocol_folders import protocol_folder
from Testing.support.worklist_panel import add_case

HTML = "Ülm <b>Söhne</b>"
HELPED = {
    "figures": {},
    "verdict": "Adaptation has helped: Dice changed by +0.020.",
    "is_written": True,
    "findings": [{"case": "sub-02", "message": "the label has holes."}],
}
CASES = 7


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    return draw_head(tmp_path_factory.mktemp("head"), "head")


@pytest.fixture
def derivative(head, tmp_path) -> Path:
    """Seven cases: six corrected by AB, one open."""
    out = tmp_path / "out"
    for number in range(CASES):
        add_case(head, tmp_path / "data", out, f"sub-{number:02d}")
    description = json.dumps({"DatasetLinks": {"raw": "../data"}})
    (out / "dataset_description.json").write_text(description, encoding="utf-8")
    for number in range(CASES - 1):
        correct(out, f"sub-{number:02d}")
    return out


def correct(out: Path, name: str, protocol: str = PUBLISHED.name) -> None:
    label = f"review/{name}_rater-AB_seg-hypothalamus_dseg.nii.gz"
    (out / "review").mkdir(exist_ok=True)
    (out / label).write_bytes(b"a label map")
    row = ReviewRow(name, "AB", "corrected", labels=(label,), protocol=protocol)
    ReviewTable(out).put(row)


@pytest.fixture
def service(monkeypatch, tmp_path):
    """Lets the next adaptation answer something; gives what it was asked."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setattr("HypothalamusSegSlicer.engine_run.torch_setup.is_installed", lambda: True)

    def use(answer):
        file = tmp_path / "answer.json"
        file.write_text(json.dumps(answer), encoding="utf-8")
        command = ["-m", "Testing.support.adapt_service", str(file)]
        monkeypatch.setattr(adaptation, "service_arguments", lambda: command)
        return lambda: json.loads(file.with_suffix(".asked").read_text(encoding="utf-8"))

    return use


def open_list(panel, out: Path):
    panel.ui.reviewerLineEdit.text = "AB"
    panel.ui.reviewerLineEdit.editingFinished.emit()
    host.answers.append(str(out))
    click(panel.ui.openFolderButton)
    panel.worklist.adapt.section.collapsed = False
    return panel.worklist.adapt


def begin(section, output: Path, name: str = HTML) -> None:
    output.mkdir(exist_ok=True)
    section.name.text = name
    host.answers.append(str(output))
    section.button.click()


def wait_for_end(section) -> None:
    assert host.pump_until(lambda: section.job is None, seconds=60)


def test_corrected_cases_are_learnt_from_and_the_new_protocol_is_offered(
    panel, derivative, service, tmp_path
):
    asked = service(HELPED)
    section = open_list(panel, derivative)
    assert "Corrected cases: 6, of 6 subjects. Other scans: 1." in section.answer.text
    section.minutes.value = 90
    begin(section, tmp_path / "ours")
    assert section.button.text == "Stop"
    wait_for_end(section)
    request = asked()
    assert (request["name"], request["minutes"]) == (HTML, 90.0)
    labelled = {case["name"]: case["label"] for case in request["cases"] if "label" in case}
    assert sorted(labelled) == [f"sub-{n:02d}" for n in range(CASES - 1)]
    assert all(Path(label).is_file() for label in labelled.values())
    assert len(request["cases"]) == CASES
    assert "weights" not in request  # the published protocol is the beginning
    assert HELPED["verdict"] in section.answer.text
    assert "sub-02: the label has holes." in section.answer.text
    box = panel.ui.protocolComboBox
    assert [box.itemText(n) for n in range(box.count)] == [PUBLISHED.name, HTML]
    assert box.currentText == PUBLISHED.name  # offered; nobody has chosen it yet
    assert panel.options().weights is None


def test_fewer_than_five_subjects_are_refused_before_anything_runs(panel, derivative):
    for name in ("sub-00", "sub-01"):
        ReviewTable(derivative).put(ReviewRow(name, "AB", "accepted", protocol=PUBLISHED.name))
    section = open_list(panel, derivative)
    section.name.text = "Ours"
    assert "At least 5 subjects are needed" in section.answer.text
    assert not section.button.enabled
    assert "Correct more cases" in section.button.toolTip


def test_corrections_of_another_protocols_outlines_are_left_out_with_a_word(panel, derivative):
    correct(derivative, "sub-03", "Theirs")
    (derivative / "review" / "sub-04_rater-AB_seg-hypothalamus_dseg.nii.gz").unlink()
    section = open_list(panel, derivative)
    assert "Corrected cases: 4, of 4 subjects." in section.answer.text
    assert f"of the chosen protocol “{PUBLISHED.name}”: 1." in section.answer.text
    assert "the label map is missing: 1." in section.answer.text


def test_a_list_of_another_protocol_is_adapted_from_that_one(panel, derivative, service, tmp_path):
    for number in range(CASES - 1):
        correct(derivative, f"sub-{number:02d}", "Ours")
    asked = service(HELPED)
    panel.protocol.add(protocol_folder(tmp_path / "ours", "Ours"))
    section = open_list(panel, derivative)
    assert "Corrected cases: 6" in section.answer.text
    begin(section, tmp_path / "again", "Ours 2")
    wait_for_end(section)
    assert asked()["weights"] == str(tmp_path / "ours")


def test_a_name_that_it_must_not_have_is_refused(panel, derivative):
    section = open_list(panel, derivative)
    for name in ("", " ", PUBLISHED.name.lower(), "n/a", "x" * 61):
        section.name.text = name
        assert not section.button.enabled, name
    section.name.text = HTML
    assert section.button.enabled


def test_where_it_did_not_help_nothing_is_offered_and_that_is_said(
    panel, derivative, service, tmp_path
):
    verdict = "Adaptation has not helped: Dice changed by +0.001. No weights were written."
    service({**HELPED, "is_written": False, "verdict": verdict})
    section = open_list(panel, derivative)
    begin(section, tmp_path / "ours")
    wait_for_end(section)
    assert verdict in section.answer.text
    assert "adaptation.html" in section.answer.text
    assert panel.ui.protocolComboBox.count == 1


def test_a_failure_is_said_and_the_section_works_again(panel, derivative, service, tmp_path):
    service(None)
    section = open_list(panel, derivative)
    begin(section, tmp_path / "ours")
    wait_for_end(section)
    assert section.answer.text == "2 of the labels cannot be used."
    assert section.button.enabled
    assert section.button.text == "Adapt…"


def test_it_is_stopped_and_leaves_no_process_and_no_copy(panel, derivative, service, tmp_path):
    service(FOREVER)
    section = open_list(panel, derivative)
    begin(section, tmp_path / "ours")
    assert host.pump_until(lambda: "41 min left" in section.answer.text, seconds=60)
    assert section.bar.value == 25
    process = section.job._process.process_id
    click(panel.ui.closeListButton)  # the list goes, the work goes on
    assert section.job is not None
    section.button.click()
    wait_for_end(section)
    assert "press Adapt… and choose the same folder" in section.answer.text
    assert host.pump_until(lambda: not may_be_alive(process), seconds=10)
    assert not list(Path(slicer.app.temporaryPath).glob("hypothalamus-seg-*"))


def test_closing_the_module_ends_it(panel, derivative, service, tmp_path):
    service(FOREVER)
    section = open_list(panel, derivative)
    begin(section, tmp_path / "ours")
    assert host.pump_until(lambda: "41 min left" in section.answer.text, seconds=60)
    process = section.job._process.process_id
    panel.worklist.adapt.close()
    assert not may_be_alive(process)


def test_a_folder_with_a_protocol_is_not_written_over(panel, derivative, service, tmp_path):
    service(HELPED)
    there = protocol_folder(tmp_path / "theirs", "Theirs")
    section = open_list(panel, derivative)
    begin(section, there)
    assert section.job is None
    assert "already contains a protocol" in host.dialogs[-1].text


def test_a_blinded_reader_is_told_no_case(panel, derivative, service, tmp_path):
    service(HELPED)
    panel.ui.blindedCheckBox.checked = True
    section = open_list(panel, derivative)
    begin(section, tmp_path / "ours")
    wait_for_end(section)
    assert "sub-02" not in section.answer.text
    assert "Labels to check (see the page): 1." in section.answer.text


def test_the_code_that_adapts_is_found_in_a_checkout_and_missed_where_it_is_not(
    monkeypatch, tmp_path
):
    assert adaptation.service_arguments()[-1] == "Training.adaptation.service"
    module = tmp_path / "root" / "modules"
    monkeypatch.setattr(adaptation, "MODULE_FOLDER", module)
    with pytest.raises(adaptation.AdaptationMissingError, match="Reinstall"):
        adaptation.service_arguments()
    (module / adaptation.PACKAGED).mkdir(parents=True)
    assert adaptation.service_arguments() == ["-m", "HypothalamusSegTraining.adaptation.service"]
