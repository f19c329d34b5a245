"""The choice of a protocol in the panel: added, remembered, damaged, gone."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegLib.networks.weight_files import MANIFEST_NAME
from HypothalamusSegSlicer.protocols import choices

from Testing.support.drawn_head import draw_head
from Testing.support.panel_use import choose_input, choose_protocol, texts
from Testing.support.prior_visits import section_for
from Testing.support.protocol_folders import HTML_NAME, damage, protocol_folder


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    return draw_head(tmp_path_factory.mktemp("head"), "head", seed=4)


@pytest.fixture
def volume(panel, head):
    return choose_input(panel, head.scan)


def test_at_first_there_is_the_published_protocol_alone(panel, volume):
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name]
    assert not panel.ui.removeProtocolButton.enabled
    assert panel.options().weights is None
    assert panel.ui.protocolProblemLabel.isHidden()


def test_a_folder_that_is_added_is_chosen_and_remembered(panel, volume, ours):
    choose_protocol(panel, ours)
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name, HTML_NAME]
    assert panel.ui.protocolComboBox.currentText == HTML_NAME
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
        choose_protocol(panel, protocol_folder(tmp_path / place, "Ours"))
    labels = texts(panel.ui.protocolComboBox)
    assert labels[0] == PUBLISHED.name
    assert len(set(labels)) == 4
    assert labels[1] == f"Ours – {tmp_path / 'a' / 'ours'}"
    assert labels[3] == "Ours – theirs"
    assert panel.options().weights == str(tmp_path / "theirs")


def test_the_packages_own_folder_is_the_published_protocol(panel):
    choose_protocol(panel, choices.default_weights_folder())
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name]


@pytest.mark.parametrize(
    "what", ["checksum", "file", "version", "networks", "name", "text", "empty"]
)
def test_a_folder_that_cannot_be_used_is_not_added_and_says_why(panel, tmp_path, what):
    folder = protocol_folder(tmp_path / "broken", "Ours")
    if what == "empty":
        folder = tmp_path
    else:
        damage(folder, what)
    choose_protocol(panel, folder)
    (shown,) = (dialog for dialog in host.dialogs if "cannot be added" in dialog.text)
    assert str(folder) in shown.text
    assert texts(panel.ui.protocolComboBox) == [PUBLISHED.name]
    assert choices.chosen().weights is None


def test_wrong_settings_do_not_bring_the_published_protocol_back(panel, volume, ours):
    """The worklist segments its cases with what `options` says."""
    choose_protocol(panel, ours)
    panel.parameters.folds = "nonsense"
    assert panel.options().weights == str(ours)


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
