"""What the panel shows: table, chart, views and keys; and that its texts can be translated."""

from __future__ import annotations

import ast

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="the Slicer face's tests need slicer-core")
pytest.importorskip("PySide6", reason="the Slicer face's tests need PySide6-Essentials")

from Testing.support.command_runs import REPOSITORY
from Testing.support.slicer_host import application as host

host.start()

import slicer
from HypothalamusSegSlicer import registration, self_test
from HypothalamusSegSlicer.panel.review_text import status_titles
from HypothalamusSegSlicer.scene.review import STATUSES
from PySide6 import QtCore, QtTest

from Testing.support.drawn_head import draw_head
from Testing.support.panel_use import show_result
from Testing.support.slicer_results import HandEditor, load_volume, take

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"
MODULE_FOLDER = REPOSITORY / "HypothalamusSeg"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return draw_head(tmp_path_factory.mktemp("heads"), subunits=True)


@pytest.fixture
def nodes(panel, files):
    return show_result(panel, files)


def table_texts(panel) -> list[list[str]]:
    """Header and cells of the columns that are not hidden, as they are shown."""
    view = panel.ui.tableView
    model, columns = view.model(), range(view.model().columnCount())
    shown = [column for column in columns if not view.isColumnHidden(column)]
    horizontal = QtCore.Qt.Orientation.Horizontal
    header = [model.headerData(c, horizontal, QtCore.Qt.ItemDataRole.DisplayRole) for c in shown]
    rows = range(model.rowCount())
    return [header, *([model.data(model.index(row, c)) for c in shown] for row in rows)]


def test_the_table_says_in_four_columns_what_a_reader_needs(panel, nodes):
    header, left, *_ = table_texts(panel)
    assert header == ["Structure", "Volume (90 % range)", "% of ICV", "Edited by"]
    entry = nodes.record.engine["hypothalamus"]["left"]
    value, low, high = (entry[f"volume_{key}mm3"] for key in ("", "low_", "high_"))
    assert left[:2] == ["left hypothalamus", f"{value:.1f} mm³ ({low:.0f}–{high:.0f})"]
    assert left[3] == "–"
    panel.ui.allColumnsCheckBox.checked = True
    assert {"Fold SD", "Dice", "Edited by (%)"} <= set(table_texts(panel)[0])
    assert not any("[" in title for title in table_texts(panel)[0])


@pytest.mark.parametrize("width_px", [420, 520])
def test_the_columns_fit_the_panel(panel, nodes, width_px):
    view = panel.ui.tableView
    window = view.window()
    window.resize(width_px, 900)
    window.show()
    host.pump(20)
    columns = range(view.model().columnCount())
    widths = [view.columnWidth(c) for c in columns if not view.isColumnHidden(c)]
    assert sum(widths) <= view.viewport().width
    assert min(widths) > 55
    window.hide()
    panel.ui.allColumnsCheckBox.checked = True
    assert sum(view.columnWidth(c) for c in columns) > width_px


def test_a_deleted_segment_is_a_dash(panel, nodes):
    nodes.segmentation("hypothalamus").GetSegmentation().RemoveSegment(RIGHT)
    assert host.pump_until(lambda: table_texts(panel)[2][3] == "deleted", seconds=5)
    assert table_texts(panel)[2][1] == "–"
    assert not any("nan" in text for row in table_texts(panel) for text in row)


def test_the_table_follows_edits_while_another_module_is_open(panel, nodes):
    panel.leave()
    HandEditor(nodes.segmentation("hypothalamus"), nodes.volume, LEFT).erase_half()
    status = nodes.table.GetTable().GetColumnByName("status")
    assert host.pump_until(lambda: status.GetValue(0) == "edited", seconds=5) or (
        nodes.table.GetTable().GetColumnByName("status").GetValue(0) == "edited"
    )


def test_the_chart_names_its_structures(panel, nodes):
    panel.ui.chartButton.click()
    chart = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
    count = chart.GetNumberOfPlotSeriesNodes()
    assert count == 13
    assert chart.GetLegendVisibility()
    names = [chart.GetNthPlotSeriesNode(n).GetName() for n in range(count)]
    assert names[:3] == ["1 left hypothalamus", "2 right hypothalamus", "3 total hypothalamus"]
    assert len(chart.GetTitle()) < 40
    series = chart.GetNthPlotSeriesNode(0)
    column = series.GetTableNode().GetTable().GetColumnByName(series.GetYColumnName())
    value = nodes.record.engine["hypothalamus"]["left"]["volume_mm3"]
    points = [column.GetValue(i) for i in range(3)]
    assert np.allclose(points, [value - 4, value, value + 4])
    nodes_before = slicer.mrmlScene.GetNumberOfNodes()
    panel.ui.chartButton.click()
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes_before


def test_3d_shows_the_hypothalamus_large_and_without_the_head(panel, nodes):
    camera = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode")
    panel.ui.show3dButton.click()
    surfaces = {
        plan.role: node.GetSegmentation().ContainsRepresentation("Closed surface")
        for plan, node in nodes.segmentations()
    }
    assert surfaces == {"hypothalamus": False, "subunits": True, "icv": False}
    bounds = [0.0] * 6
    nodes.segmentation("subunits").GetRASBounds(bounds)
    low, high = np.array(bounds[::2]), np.array(bounds[1::2])
    assert np.allclose(camera.GetFocalPoint(), (low + high) / 2)
    distance_mm = np.linalg.norm(np.subtract(camera.GetPosition(), camera.GetFocalPoint()))
    seen_mm = 2 * distance_mm * np.tan(np.radians(camera.GetViewAngle() / 2))
    size_mm = np.linalg.norm(high - low)
    assert size_mm < seen_mm < 2 * size_mm


def test_button_and_slider_say_what_other_modules_did(panel, nodes):
    node = nodes.segmentation("subunits")
    panel.leave()
    node.CreateClosedSurfaceRepresentation()
    node.GetDisplayNode().SetOpacity2DFill(0.6)
    panel.enter()
    assert panel.ui.show3dButton.checked
    assert panel.ui.opacitySlider.value == pytest.approx(0.6)
    assert nodes.segmentation("icv").GetDisplayNode().GetOpacity2DFill() != pytest.approx(0.6)


def test_subunits_are_grey_without_the_hypothalamus(panel, nodes):
    assert panel.ui.subunitsCheckBox.enabled
    panel.ui.hypothalamusCheckBox.click()
    assert not panel.ui.subunitsCheckBox.enabled
    panel.ui.hypothalamusCheckBox.click()
    assert panel.ui.subunitsCheckBox.enabled


def slice_view(orientation: str):
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return next(node for node in nodes if node.GetOrientationString() == orientation)


def offset(view, axis: int) -> float:
    return view.GetSliceToRAS().GetElement(axis, 3)


@pytest.mark.parametrize("chosen", [LEFT, RIGHT, "icv"])
def test_the_sagittal_view_goes_through_a_side_not_through_the_ventricle(panel, nodes, chosen):
    panel.ui.segmentComboBox.currentIndex = panel.ui.segmentComboBox.findData(chosen)
    panel.ui.goToButton.click()
    x = offset(slice_view("Sagittal"), 0)
    side = nodes.segmentation("hypothalamus").GetSegmentCenterRAS(
        RIGHT if chosen == RIGHT else LEFT
    )
    assert x == pytest.approx(side[0], abs=0.3)
    assert abs(x) > 1


def test_keys_step_through_the_coronal_view_from_any_module_even_if_oblique(panel, nodes):
    view = slice_view("Coronal")
    view.GetSliceToRAS().SetElement(1, 2, 0.98)
    view.GetSliceToRAS().SetElement(2, 2, 0.199)
    view.UpdateMatrices()
    assert view.GetOrientationString() != "Coronal"
    panel.leave()
    window = slicer.util.mainWindow()
    window.show()
    window.activateWindow()
    QtTest.QTest.qWaitForWindowExposed(window)
    before = offset(view, 1)
    QtTest.QTest.keyClick(window, QtCore.Qt.Key_PageUp, QtCore.Qt.ControlModifier)
    host.pump(20)
    window.hide()
    assert offset(view, 1) == pytest.approx(before + 0.5, abs=0.02)
    view.SetOrientation("Coronal")


def test_every_text_for_translators_is_a_literal():
    """Slicer's tools collect literals; a variable is never translated."""
    found = []
    for path in [*MODULE_FOLDER.glob("*.py"), *MODULE_FOLDER.glob("HypothalamusSegSlicer/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_call and node.func.id == "_":
                literal = isinstance(node.args[0], ast.Constant)
                found += [] if literal else [f"{path.name}:{node.lineno}"]
    assert found == []
    assert tuple(status_titles()) == STATUSES


def test_the_label_maps_colours_are_there_in_every_scene(panel):
    path = MODULE_FOLDER / "Resources" / "Colors" / "HypothalamusSeg.ctbl"
    assert registration.register_colours(str(path))
    for _again in range(2):
        tag = registration.COLOURS_TAG
        node = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLColorTableNode")
        assert node.GetColorName(801).endswith("anterior-inferior")
        assert not node.GetSaveWithScene()
        host.clear_scene()


def test_reload_and_test_checks_the_installation(panel, loaded, monkeypatch):
    _, code = loaded
    path = MODULE_FOLDER / "Resources"
    registration.register_terminology(str(path / registration.TERMINOLOGY))
    registration.register_colours(str(path / registration.COLOURS))
    assert list(self_test.problems()) == []
    monkeypatch.setattr(self_test, "TERMINOLOGY_NAME", "missing")
    with pytest.raises(AssertionError, match="terminology missing"):
        code.HypothalamusSegTest().runTest()


def test_the_patient_is_shown_in_full(panel, nodes):
    label = panel.ui.patientLabel
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
    hierarchy.SetItemAttribute(patient, "DICOM.PatientName", "Mustermann-Beispiel^Annegret Maria")
    hierarchy.SetItemAttribute(patient, "DICOM.PatientBirthDate", "19610203")
    hierarchy.CreateItem(patient, nodes.volume)
    panel.show_results_of(nodes.volume)
    window = label.window()
    window.resize(440, 2000)  # as tall as its content: Slicer scrolls it
    window.show()
    host.pump(50)
    assert label.text.splitlines() == ["Mustermann-Beispiel, Annegret Maria", "born 1961-02-03"]
    assert label.width >= label.sizeHint().width()
    assert label.height >= label.sizeHint().height()
    window.hide()


def test_the_reading_layout_shows_both_sides_and_gives_the_users_layout_back(panel, nodes):
    layouts = slicer.app.layoutManager()
    display = nodes.volume.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(3000, 1500)
    before = layouts.layout
    panel.ui.layoutButton.checked = True
    assert layouts.layout not in (before, 0)
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    sagittal = [offset(v, 0) for v in views if v.GetOrientationString() == "Sagittal"]
    structure = nodes.segmentation("hypothalamus")
    wanted = [structure.GetSegmentCenterRAS(side)[0] for side in (LEFT, RIGHT)]
    assert np.allclose(sorted(sagittal), sorted(wanted), atol=0.3)
    # The noise of the drawn brain is 600 ± 20; around it lies the dark.
    assert 600 < display.GetWindowLevelMax() < 700
    panel.leave()
    assert layouts.layout == before
    assert (display.GetWindow(), display.GetLevel()) == (3000, 1500)
    panel.enter()
    assert panel.ui.layoutButton.checked
    assert layouts.layout != before
    panel.ui.layoutButton.checked = False
    assert layouts.layout == before


def test_a_layout_that_the_user_chose_meanwhile_is_kept(panel, nodes):
    layouts = slicer.app.layoutManager()
    panel.ui.layoutButton.checked = True
    layouts.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUp3DView)
    panel.ui.layoutButton.checked = False
    assert layouts.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUp3DView
    layouts.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)


def test_the_reading_layout_follows_the_volume_and_ends_without_a_result(panel, nodes, files):
    layouts = slicer.app.layoutManager()
    before = layouts.layout
    panel.ui.layoutButton.checked = True
    width = nodes.volume.GetDisplayNode().GetWindow()
    second = load_volume(files.scan)
    second.GetDisplayNode().SetAutoWindowLevel(False)
    second.GetDisplayNode().SetWindowLevel(5000, 2500)
    other = take(files, second)
    panel.parameters.inputVolume = second
    host.pump(20)
    assert other.volume.GetDisplayNode().GetWindow() == pytest.approx(width)
    panel.parameters.inputVolume = load_volume(files.scan)
    host.pump(20)
    assert (layouts.layout, panel.ui.layoutButton.checked) == (before, False)
    assert second.GetDisplayNode().GetWindow() == 5000
