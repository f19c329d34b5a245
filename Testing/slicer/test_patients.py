"""Several patients in one scene and one folder: nothing of one is ever taken for another's."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer.export import result_files, training_case
from HypothalamusSegSlicer.export.subject import ExportError
from HypothalamusSegSlicer.scene.patient import identify
from HypothalamusSegSlicer.scene.result_nodes import ResultNodes
from HypothalamusSegSlicer.volumes.edits import measure_edits, update_table

from Testing.support.drawn_head import draw_head
from Testing.support.prior_visits import SERIES, load_dicom
from Testing.support.slicer_results import load_volume, take


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """Files of two patients, examined with the same protocol."""
    folder = tmp_path_factory.mktemp("heads")
    return [draw_head(folder, f"head{seed}", seed) for seed in (1, 2)]


def export(nodes: ResultNodes, folder, **options):
    rows = update_table(nodes, measure_edits(nodes))
    return result_files.export_result(nodes, rows, folder, **options)


def contents(folder) -> dict:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_patient_and_study_are_read_from_the_subject_hierarchy(scene, heads):
    found = identify(load_dicom(heads[0], "Smith^John Paul", 1))
    assert found.label == "Smith, John Paul · ID P1\nborn 1961-02-03 · study 2026-01-02"
    assert (found.study_uid, found.series_uid) == ("1.2.1", "1.2.1.3")
    assert identify(load_volume(heads[0].scan)).label == ""


def test_two_patients_of_one_protocol_are_exported_side_by_side(scene, heads, tmp_path):
    for number, (files, name) in enumerate(zip(heads, ("Smith^John", "Doe^Jane"), strict=True)):
        nodes = take(files, load_dicom(files, name, number))
        export(nodes, tmp_path)
        training_case.save_training_case(nodes, tmp_path / "cases")
    described = [json.loads(p.read_text(encoding="utf-8")) for p in tmp_path.glob("*.json")]
    assert {each["scan"]["patient_name"] for each in described} == {"Smith^John", "Doe^Jane"}
    assert {each["scan"]["study_instance_uid"] for each in described} == {"1.2.0", "1.2.1"}
    assert len(list((tmp_path / "cases").glob("sub-*"))) == 2
    training = "".join(str(path) for path in (tmp_path / "cases").rglob("*"))
    assert "Smith" not in training


def test_files_of_another_scan_are_never_replaced(scene, heads, tmp_path):
    """Even of the same name, the same ID and the same day, and if the user would agree."""
    first, second = (take(files, load_dicom(files, "Doe^Jane", 1)) for files in heads)
    export(first, tmp_path)
    second.volume.SetName(SERIES)
    before = contents(tmp_path)
    with pytest.raises(ExportError, match="another scan"):
        export(second, tmp_path, may_replace=lambda files: True)
    assert contents(tmp_path) == before
    for nodes in (first, second):
        nodes.record.set_pseudonym("case7")
    training_case.save_training_case(first, tmp_path)
    with pytest.raises(ExportError, match="another scan"):
        training_case.save_training_case(second, tmp_path, lambda files: True)


def test_files_of_the_same_scan_are_replaced_only_after_a_question(scene, heads, tmp_path):
    nodes = take(heads[0], load_volume(heads[0].scan))
    export(nodes, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ExportError, match="already exist"):
        export(nodes, tmp_path)
    asked = []
    assert export(nodes, tmp_path, may_replace=lambda files: asked.append(files)) == []
    assert len(asked[0]) == len(before)
    assert contents(tmp_path) == before
    assert export(nodes, tmp_path, may_replace=lambda files: True)


def test_a_pseudonym_leaves_nothing_that_names_the_patient(scene, heads, tmp_path):
    nodes = take(heads[0], load_dicom(heads[0], "Smith^John", 1))
    nodes.volume.SetName("Smith T1")
    take(heads[0], nodes.volume)
    nodes.record.set_pseudonym("case 7")
    export(nodes, tmp_path)
    for name, data in contents(tmp_path).items():
        assert name.startswith("case_7_")
        # The year of birth alone would be found in a color: 230 of 255 is 0.901961.
        for trace in (b"Smith", b"19610203", b"1961-02", b"2026", b"1.2.1"):
            assert trace not in data, name


def test_the_panel_names_the_patient_and_asks_before_it_replaces(panel, heads, tmp_path):
    volume = load_dicom(heads[0], "Smith^John", 1)
    take(heads[0], volume)
    panel.parameters.inputVolume = volume
    host.pump(20)
    assert panel.ui.patientLabel.text.startswith("Smith, John · ID P1")
    assert panel.ui.exportNameLabel.text == "Smith_John_P1_2026-01-02_5_T1_MPRAGE_sag_…"
    out = tmp_path / "out"
    host.answers.append(str(out))
    panel.ui.exportButton.click()
    before = contents(out)
    assert len(before) == 7
    host.answers += [str(out), False]
    panel.ui.exportButton.click()
    assert "Replace them?" in host.dialogs[-1].text
    assert "Nothing" in panel.ui.stepLabel.text
    panel.ui.pseudonymLineEdit.setFocus()
    panel.ui.pseudonymLineEdit.insert("case7")
    panel.ui.pseudonymLineEdit.textEdited.emit("case7")
    assert panel.ui.exportNameLabel.text == "case7_…"
    host.answers.append(str(out))
    panel.ui.exportButton.click()
    assert contents(out).keys() > before.keys()


def visible(nodes: ResultNodes) -> set[bool]:
    return {bool(node.GetDisplayNode().GetVisibility()) for _, node in nodes.segmentations()}


def backgrounds() -> set[str]:
    return {
        v.GetBackgroundVolumeID() for v in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    }


def test_outlines_lie_only_over_their_own_image(panel, heads):
    first, second = (load_volume(files.scan) for files in heads)
    results = [take(files, v) for files, v in zip(heads, (first, second), strict=True)]
    slicer.util.setSliceViewerLayers(background=second, foreground=second)
    for shown, hidden in (results, results[::-1]):
        panel.parameters.inputVolume = shown.volume
        host.pump(20)
        assert (visible(shown), visible(hidden)) == ({True}, {False})
        assert backgrounds() == {shown.volume.GetID()}
    layers = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert not any(view.GetForegroundVolumeID() for view in layers)


def test_what_the_user_hid_stays_hidden(panel, heads):
    first, second = (load_volume(files.scan) for files in heads)
    nodes = take(heads[0], first)
    panel.parameters.inputVolume = first
    host.pump(20)
    nodes.segmentation("icv").GetDisplayNode().SetVisibility(False)
    for volume in (second, first):
        panel.parameters.inputVolume = volume
        host.pump(20)
    assert not nodes.segmentation("icv").GetDisplayNode().GetVisibility()
    assert nodes.segmentation("hypothalamus").GetDisplayNode().GetVisibility()


def test_the_panel_opens_with_the_volume_that_is_shown(scene, loaded, heads):
    vectors = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colors")
    _, second = (load_volume(files.scan) for files in heads)
    for background, chosen in ((second, second.GetName()), (vectors, heads[0].scan.name[:5])):
        slicer.util.setSliceViewerLayers(background=background)
        scene.RemoveNode(scene.GetSingletonNode("HypothalamusSeg", "vtkMRMLScriptedModuleNode"))
        widget = host.open_widget(*loaded)
        assert widget.panel.parameters.inputVolume.GetName() == chosen
        host.close_widget(widget)
