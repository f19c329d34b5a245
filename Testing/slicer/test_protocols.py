"""The protocol in the panel: chosen, remembered, gone, and never mixed with another."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegLib.networks.weight_files import MANIFEST_NAME
from HypothalamusSegLib.options import Options
from HypothalamusSegSlicer.export import report
from HypothalamusSegSlicer.export.result_files import export_result
from HypothalamusSegSlicer.export.training_case import save_training_case
from HypothalamusSegSlicer.panel.states import State
from HypothalamusSegSlicer.protocols import choices
from HypothalamusSegSlicer.scene.result_nodes import PROTOCOL_ATTRIBUTE, ResultNodes

from Testing.slicer.conftest import Replay
from Testing.slicer.test_prior import answer, section_for
from Testing.support.drawn_head import draw_head
from Testing.support.protocol_folders import protocol_folder
from Testing.support.replay_engine import GO_ON, recording_of
from Testing.support.slicer_results import load_volume

HTML = "Ülm <img src='x'> & <b>Söhne</b>"
ACCEPTED = 1


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    return draw_head(tmp_path_factory.mktemp("head"), "head", seed=4)


@pytest.fixture(scope="module")
def drawn_recordings(head, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    recording = recording_of(folder, Options())
    shutil.copytree(head.folder, recording)
    events = [
        {"event": "progress", "fraction": 0.1, "stage": "coarse", "step": "ICV fold 1/5"},
        {"event": "result", "result": head.description, "files": []},
    ]
    (recording / "events.json").write_text(json.dumps(events), encoding="utf-8")
    return folder


@pytest.fixture
def engine(drawn_recordings, monkeypatch):
    yield Replay(drawn_recordings, monkeypatch)
    (drawn_recordings / GO_ON).unlink(missing_ok=True)


@pytest.fixture
def volume(panel, head):
    node = load_volume(head.scan)
    panel.parameters.inputVolume = node
    host.pump(20)
    return node


@pytest.fixture
def ours(tmp_path) -> Path:
    return protocol_folder(tmp_path / "ours", HTML)


def choose(panel, folder: Path | None) -> None:
    """Choose in the list, adding the folder first if it is not there."""
    if folder is None:
        panel.protocol.choose("")
    else:
        host.answers.append(str(folder))
        panel.ui.addProtocolButton.click()


def segment(panel) -> ResultNodes:
    panel.apply()
    assert host.pump_until(lambda: panel.job is None, seconds=60)
    return ResultNodes(panel.parameters.inputVolume)


def texts(box) -> list[str]:
    return [box.itemText(index) for index in range(box.count)]


def test_at_first_there_is_the_published_protocol_alone(panel, volume):
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name]
    assert not panel.ui.removeProtocolButton.enabled
    assert panel.options().weights is None
    assert panel.ui.protocolProblemLabel.isHidden()


def test_a_folder_that_is_added_is_chosen_and_remembered(panel, volume, ours):
    choose(panel, ours)
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name, HTML]
    assert panel.ui.protocolComboBox.currentText == HTML
    assert panel.options().weights == str(ours)
    assert choices.chosen().weights == str(ours)  # as a new panel reads it
    host.clear_scene()  # a new scene does not go back to the published protocol
    assert panel.options().weights == str(ours)
    panel.ui.removeProtocolButton.click()
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name]
    assert panel.options().weights is None
    assert (ours / MANIFEST_NAME).is_file()


def test_two_folders_of_one_name_are_told_apart(panel, tmp_path):
    for place in ("a/ours", "b/ours", "theirs"):
        choose(panel, protocol_folder(tmp_path / place, "Ours"))
    labels = texts(panel.ui.protocolComboBox)
    assert labels[0] == PUBLISHED.name
    assert len(set(labels)) == 4
    assert labels[1] == f"Ours – {tmp_path / 'a' / 'ours'}"
    assert labels[3] == "Ours – theirs"
    assert panel.options().weights == str(tmp_path / "theirs")


def test_the_packages_own_folder_is_the_published_protocol(panel):
    choose(panel, choices.default_weights_folder())
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name]


def damage(folder: Path, what: str) -> None:
    manifest = folder / MANIFEST_NAME
    content = json.loads(manifest.read_text(encoding="utf-8"))
    if what == "checksum":
        content["structures"]["hypothalamus"]["folds"][2]["sha256"] = "0" * 64
    elif what == "file":
        (folder / content["structures"]["icv"]["folds"][0]["file"]).unlink()
    elif what == "version":
        content["structures"] = [content["structures"]]
    elif what == "networks":
        del content["structures"]["hypothalamus"]
    elif what == "name":
        content["protocol"]["name"] = PUBLISHED.name.upper()
    text = "{" if what == "text" else json.dumps(content)
    manifest.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "what", ["checksum", "file", "version", "networks", "name", "text", "empty"]
)
def test_a_folder_that_cannot_be_used_is_not_added_and_says_why(panel, tmp_path, what):
    folder = protocol_folder(tmp_path / "broken", "Ours")
    if what == "empty":
        folder = tmp_path
    else:
        damage(folder, what)
    choose(panel, folder)
    (shown,) = (dialog for dialog in host.dialogs if "cannot be added" in dialog.text)
    assert str(folder) in shown.text
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name]
    assert choices.chosen().weights is None


def test_a_folder_that_goes_before_apply_loses_nothing(panel, volume, engine, ours, tmp_path):
    choose(panel, ours)
    nodes = segment(panel)
    before = nodes.record.node.GetText()
    ours.rename(tmp_path / "elsewhere")
    assert panel.ui.applyButton.enabled  # nobody has looked yet
    panel.ui.applyButton.click()
    assert panel.job is None
    assert panel.state is State.NOT_READY
    assert panel.ui.stepLabel.text == ""
    assert HTML in panel.ui.protocolProblemLabel.text
    assert str(ours) in panel.ui.protocolProblemLabel.text
    assert not panel.ui.protocolProblemLabel.isHidden()
    assert texts(panel.ui.protocolComboBox)[1] == f"▲ {HTML}"  # by the name that it had
    assert nodes.record.node.GetText() == before
    (tmp_path / "elsewhere").rename(ours)
    panel.enter()
    assert panel.state is State.READY
    assert texts(panel.ui.protocolComboBox)[1] == HTML


def test_a_folder_that_goes_while_the_engine_starts_is_the_engines_error(
    panel, volume, engine, ours
):
    choose(panel, ours)
    shutil.rmtree(ours)
    panel.run._run()  # what comes after the panel's own look
    assert host.pump_until(lambda: panel.job is None, seconds=60)
    assert str(ours) in host.dialogs[-1].text
    assert ResultNodes(volume).record is None


def test_weights_that_are_damaged_after_they_were_added_are_refused_by_the_engine(
    panel, volume, engine, ours
):
    engine.off()
    choose(panel, ours)
    damage(ours, "checksum")
    panel.apply()
    assert host.pump_until(lambda: panel.job is None, seconds=120)
    assert "is damaged" in host.dialogs[-1].text
    assert "adapt again" in host.dialogs[-1].text
    assert ResultNodes(volume).record is None


def test_wrong_settings_do_not_bring_the_published_protocol_back(panel, volume, ours):
    """The worklist segments its cases with what `options` says."""
    choose(panel, ours)
    panel.parameters.folds = "nonsense"
    assert panel.options().weights == str(ours)


def test_nothing_can_be_chosen_while_a_run_goes_on(panel, volume, engine, ours):
    engine.use("--pause", "coarse")
    choose(panel, ours)
    panel.apply()
    for name in ("protocolComboBox", "addProtocolButton", "removeProtocolButton"):
        assert not getattr(panel.ui, name).enabled, name
    engine.go_on()
    assert host.pump_until(lambda: panel.job is None, seconds=60)
    assert panel.ui.removeProtocolButton.enabled


def test_a_result_names_its_protocol_everywhere(panel, volume, engine, ours, tmp_path, monkeypatch):
    choose(panel, ours)
    nodes = segment(panel)
    assert f"Protocol: {HTML} (usual volume 300–900 mm³)" == panel.ui.resultProtocolLabel.text
    assert panel.ui.resultProtocolLabel.textFormat == slicer_plain_text()
    assert nodes.segmentation("hypothalamus").GetAttribute(PROTOCOL_ATTRIBUTE) == HTML
    assert nodes.segmentation("icv").GetAttribute(PROTOCOL_ATTRIBUTE) is None
    rows = {row.structure: row.protocol for row in panel.export.rows}
    assert rows["hypothalamus_left"] == rows["asymmetry_index"] == HTML
    assert rows["icv"] == ""

    drawn = []
    monkeypatch.setattr(
        report, "draw_text", lambda painter, x, y, text, *more, **other: drawn.append(text)
    )
    export_result(nodes, panel.export.rows, tmp_path / "export")
    assert f"Protocol of the outlines: {HTML}" in drawn
    table = (tmp_path / "export" / "head_volumes.csv").read_text(encoding="utf-8")
    assert table.splitlines()[0].endswith(",protocol")
    assert HTML in table.splitlines()[1]
    described = (tmp_path / "export" / "head_volumes.json").read_text(encoding="utf-8")
    assert json.loads(described)["protocol"]["name"] == HTML
    save_training_case(nodes, tmp_path / "cases")
    (log,) = (tmp_path / "cases").rglob("*_review.json")
    assert json.loads(log.read_text(encoding="utf-8"))["protocol"] == HTML


def slicer_plain_text():
    import qt

    return qt.Qt.PlainText


def test_a_result_that_is_not_of_the_chosen_protocol_says_so(panel, volume, engine, ours, tmp_path):
    segment(panel)
    assert "▲" not in panel.ui.resultProtocolLabel.text
    choose(panel, ours)
    shown = panel.ui.resultProtocolLabel.text
    assert shown.startswith(f"Protocol: {PUBLISHED.name}")
    assert f"▲ Chosen above is the protocol “{HTML}”" in shown
    choose(panel, protocol_folder(tmp_path / "again", HTML, (310.0, 900.0)))
    segment(panel)
    choose(panel, ours)
    assert "another training of this protocol" in panel.ui.resultProtocolLabel.text


def test_a_verdict_that_is_replaced_keeps_its_protocol(panel, volume, engine, ours):
    choose(panel, ours)
    nodes = segment(panel)
    panel.ui.reviewerLineEdit.text = "AB"
    panel.ui.statusComboBox.currentIndex = ACCEPTED
    choose(panel, None)
    assert nodes.record.review.status == "accepted"  # a choice touches no result
    segment(panel)
    (kept,) = nodes.record.earlier_reviews
    assert (kept["status"], kept["protocol"]) == ("accepted", HTML)
    assert nodes.record.engine["protocol"]["name"] == PUBLISHED.name


def test_a_folder_that_was_written_anew_is_read_anew(panel, volume, engine, ours):
    choose(panel, ours)
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
    choose(panel, ours)
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
    protocol = {"name": HTML, "usual_range_mm3": [300.0, 900.0]}
    file.write_text(json.dumps({**answer(), "protocol": protocol}), encoding="utf-8")
    monkeypatch.setattr(
        "HypothalamusSegSlicer.engine_run.loaded_engine.worker_arguments",
        lambda: ["-m", "Testing.support.follow_engine", str(file)],
    )
    panel.logic.engine.close()
    load_volume(head.scan)
    choose(panel, ours)
    panel.prior.show(volume)
    panel.prior._clicked()
    panel.prior.job.wait()
    asked = json.loads(file.with_suffix(".asked").read_text(encoding="utf-8"))
    assert asked["fields"]["options"]["weights"] == str(ours)
    text = panel.prior.answer.text
    assert "protocol “Ülm &lt;img src" in text
    assert "<img" not in text
    assert f"The table of volumes shows the protocol “{PUBLISHED.name}”" in text


def test_a_prior_without_a_choice_is_measured_by_the_published_protocol(panel, volume):
    section, _root = section_for(volume)
    assert section._weights() is None
    section.close()


def test_settings_that_make_no_sense_are_no_protocols(panel):
    for nonsense in ("[1]", "{", "null", '"x"'):
        slicer.app.settings().setValue(choices.FOLDERS_SETTING, nonsense)
        slicer.app.settings().setValue(choices.CHOSEN_SETTING, "/nowhere")
        assert [choice.name for choice in choices.all_choices()] == [PUBLISHED.name]
        assert choices.chosen().weights is None
