"""Results by a chosen protocol: they name it, and are never mixed with another's."""

from __future__ import annotations

import json
import shutil

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegSlicer.export import report
from HypothalamusSegSlicer.export.result_files import export_result
from HypothalamusSegSlicer.export.training_case import save_training_case
from HypothalamusSegSlicer.panel.states import State
from HypothalamusSegSlicer.protocols import choices
from HypothalamusSegSlicer.scene.result_nodes import PROTOCOL_ATTRIBUTE, ResultNodes

from Testing.support.drawn_head import draw_head
from Testing.support.panel_use import choose_input, choose_protocol, texts
from Testing.support.prior_visits import answer
from Testing.support.protocol_folders import HTML_NAME, damage, protocol_folder
from Testing.support.slicer_results import load_volume

ACCEPTED = 1


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return [draw_head(tmp_path_factory.mktemp("head"), "head", seed=4)]


@pytest.fixture(scope="module")
def head(drawn):
    return drawn[0]


@pytest.fixture
def volume(panel, head):
    return choose_input(panel, head.scan)


def segment(panel) -> ResultNodes:
    panel.apply()
    assert host.pump_until(lambda: panel.job is None, seconds=60)
    return ResultNodes(panel.parameters.inputVolume)


def test_a_folder_that_goes_before_apply_loses_nothing(panel, volume, engine, ours, tmp_path):
    choose_protocol(panel, ours)
    nodes = segment(panel)
    before = nodes.record.node.GetText()
    ours.rename(tmp_path / "elsewhere")
    assert panel.ui.applyButton.enabled  # nobody has looked yet
    panel.ui.applyButton.click()
    assert panel.job is None
    assert panel.state is State.NOT_READY
    assert panel.ui.stepLabel.text == ""
    assert HTML_NAME in panel.ui.protocolProblemLabel.text
    assert str(ours) in panel.ui.protocolProblemLabel.text
    assert not panel.ui.protocolProblemLabel.isHidden()
    assert texts(panel.ui.protocolComboBox)[1] == f"▲ {HTML_NAME}"  # by the name that it had
    assert nodes.record.node.GetText() == before
    (tmp_path / "elsewhere").rename(ours)
    panel.enter()
    assert panel.state is State.READY
    assert texts(panel.ui.protocolComboBox)[1] == HTML_NAME


def test_a_folder_that_goes_while_the_engine_starts_is_the_engines_error(
    panel, volume, engine, ours
):
    choose_protocol(panel, ours)
    shutil.rmtree(ours)
    panel.run._run()  # what comes after the panel's own look
    assert host.pump_until(lambda: panel.job is None, seconds=60)
    assert str(ours) in host.dialogs[-1].text
    assert ResultNodes(volume).record is None


def test_weights_that_are_damaged_after_they_were_added_are_refused_by_the_engine(
    panel, volume, engine, ours
):
    engine.off()
    choose_protocol(panel, ours)
    damage(ours, "checksum")
    panel.apply()
    assert host.pump_until(lambda: panel.job is None, seconds=120)
    assert "is damaged" in host.dialogs[-1].text
    assert "adapt again" in host.dialogs[-1].text
    assert ResultNodes(volume).record is None


def test_nothing_can_be_chosen_while_a_run_goes_on(panel, volume, engine, ours):
    engine.use("--pause", "coarse")
    choose_protocol(panel, ours)
    panel.apply()
    for name in ("protocolComboBox", "addProtocolButton", "removeProtocolButton"):
        assert not getattr(panel.ui, name).enabled, name
    engine.go_on()
    assert host.pump_until(lambda: panel.job is None, seconds=60)
    assert panel.ui.removeProtocolButton.enabled


def test_a_result_names_its_protocol_everywhere(panel, volume, engine, ours, tmp_path, monkeypatch):
    choose_protocol(panel, ours)
    nodes = segment(panel)
    assert f"Protocol: {HTML_NAME} (usual volume 300–900 mm³)" == panel.ui.resultProtocolLabel.text
    assert panel.ui.resultProtocolLabel.textFormat == slicer_plain_text()
    assert nodes.segmentation("hypothalamus").GetAttribute(PROTOCOL_ATTRIBUTE) == HTML_NAME
    assert nodes.segmentation("icv").GetAttribute(PROTOCOL_ATTRIBUTE) is None
    rows = {row.structure: row.protocol for row in panel.export.rows}
    assert rows["hypothalamus_left"] == rows["asymmetry_index"] == HTML_NAME
    assert rows["icv"] == ""

    drawn = []
    monkeypatch.setattr(
        report, "draw_text", lambda painter, x, y, text, *more, **other: drawn.append(text)
    )
    export_result(nodes, panel.export.rows, tmp_path / "export")
    assert f"Protocol of the outlines: {HTML_NAME}" in drawn
    table = (tmp_path / "export" / "head_volumes.csv").read_text(encoding="utf-8")
    assert table.splitlines()[0].endswith(",protocol")
    assert HTML_NAME in table.splitlines()[1]
    described = (tmp_path / "export" / "head_volumes.json").read_text(encoding="utf-8")
    assert json.loads(described)["protocol"]["name"] == HTML_NAME
    save_training_case(nodes, tmp_path / "cases")
    (log,) = (tmp_path / "cases").rglob("*_review.json")
    assert json.loads(log.read_text(encoding="utf-8"))["protocol"] == HTML_NAME


def slicer_plain_text():
    import qt

    return qt.Qt.PlainText


def test_a_result_that_is_not_of_the_chosen_protocol_says_so(panel, volume, engine, ours, tmp_path):
    segment(panel)
    assert "▲" not in panel.ui.resultProtocolLabel.text
    choose_protocol(panel, ours)
    shown = panel.ui.resultProtocolLabel.text
    assert shown.startswith(f"Protocol: {PUBLISHED.name}")
    assert f"▲ Chosen above is the protocol “{HTML_NAME}”" in shown
    choose_protocol(panel, protocol_folder(tmp_path / "again", HTML_NAME, (310.0, 900.0)))
    segment(panel)
    choose_protocol(panel, ours)
    assert "another training of this protocol" in panel.ui.resultProtocolLabel.text


def test_a_verdict_that_is_replaced_keeps_its_protocol(panel, volume, engine, ours):
    choose_protocol(panel, ours)
    nodes = segment(panel)
    panel.ui.reviewerLineEdit.text = "AB"
    panel.ui.statusComboBox.currentIndex = ACCEPTED
    choose_protocol(panel, None)
    assert nodes.record.review.status == "accepted"  # a choice touches no result
    segment(panel)
    (kept,) = nodes.record.earlier_reviews
    assert (kept["status"], kept["protocol"]) == ("accepted", HTML_NAME)
    assert nodes.record.engine["protocol"]["name"] == PUBLISHED.name


def test_a_folder_that_was_written_anew_is_read_anew(panel, volume, engine, ours):
    choose_protocol(panel, ours)
    segment(panel)
    shutil.rmtree(ours)
    protocol_folder(ours, "Theirs")
    panel.apply()
    assert panel.job is None  # nobody has chosen this one
    assert "The protocol is now “Theirs”" in panel.ui.stepLabel.text
    nodes = segment(panel)
    assert nodes.record.engine["protocol"]["name"] == "Theirs"
    assert panel.ui.protocolComboBox.currentText == "Theirs"


def test_a_choice_that_another_slicer_has_removed_is_not_silently_replaced(
    panel, volume, engine, ours
):
    choose_protocol(panel, ours)
    choices.forget(str(ours))
    panel.apply()
    assert panel.job is None
    assert f"The protocol is now “{PUBLISHED.name}”" in panel.ui.stepLabel.text
    assert panel.ui.protocolComboBox.currentText == PUBLISHED.name


def test_a_prior_is_compared_by_the_chosen_protocol_which_is_named(
    panel, volume, engine, head, ours, tmp_path, monkeypatch
):
    segment(panel)
    file = tmp_path / "answer.json"
    protocol = {"name": HTML_NAME, "usual_range_mm3": [300.0, 900.0]}
    file.write_text(json.dumps({**answer(), "protocol": protocol}), encoding="utf-8")
    monkeypatch.setattr(
        "HypothalamusSegSlicer.engine_run.loaded_engine.worker_arguments",
        lambda: ["-m", "Testing.support.follow_engine", str(file)],
    )
    panel.logic.engine.close()
    load_volume(head.scan)
    choose_protocol(panel, ours)
    panel.prior.show(volume)
    panel.prior._clicked()
    panel.prior.job.wait()
    asked = json.loads(file.with_suffix(".asked").read_text(encoding="utf-8"))
    assert asked["fields"]["options"]["weights"] == str(ours)
    text = panel.prior.answer.text
    assert "protocol “Ülm &lt;img src" in text
    assert "<img" not in text
    assert f"The table of volumes shows the protocol “{PUBLISHED.name}”" in text
