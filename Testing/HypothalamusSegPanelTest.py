"""The panel inside a real Slicer, on a drawn result; needs neither PyTorch nor internet.

CTest runs this there, pytest does not: opening, embedded Segment Editor, a list of cases, export of
a DICOM segmentation. By hand, in Slicer's Python console, with this folder on `sys.path`:
`import slicer.testing; slicer.testing.runUnitTest([], "HypothalamusSegPanelTest")`
"""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import slicer

LEFT, RIGHT = "hypothalamus_left", "hypothalamus_right"
SHAPE, SPACING_MM = (40, 44, 48), 4.0  # k, j, i
SIDES = {LEFT: (1, slice(26, 30)), RIGHT: (2, slice(18, 22))}  # label, extent along i
SEG_PLUGIN, VOLUME_PLUGIN = "DICOMSegmentationPlugin", "DICOMScalarVolumePlugin"
DESCRIPTION = {
    "icv_mm3": None,
    "reference_icv_mm3": 1_500_000.0,
    "interval_coverage": 0.9,
    "quality": {"fold_dice": None, "confidence": None, "icv_fold_dice": [], "flags": []},
    "provenance": {"version": "0", "input_sha256": "0" * 64, "weights_sha256": {}},
}


def panel():
    slicer.util.selectModule("HypothalamusSeg")
    return slicer.util.getModuleWidget("HypothalamusSeg").panel


def draw(kind: str, name: str, array: np.ndarray):
    """A volume of this array around the origin; i runs to the patient's left."""
    node = slicer.mrmlScene.AddNewNodeByClass(kind, name)
    slicer.util.updateVolumeFromArray(node, array)
    node.SetSpacing(SPACING_MM, SPACING_MM, SPACING_MM)
    node.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    node.SetOrigin(
        *(sign * SPACING_MM * n / 2 for sign, n in zip((1, 1, -1), SHAPE[::-1], strict=True))
    )
    return node


def draw_scan(name: str = "scan"):
    scan = np.random.default_rng(0).integers(300, 320, SHAPE).astype(np.int16)
    node = draw("vtkMRMLScalarVolumeNode", name, scan)
    node.CreateDefaultDisplayNodes()
    return node


def write_label_map(path: Path) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    for label, columns in SIDES.values():
        labels[16:22, 18:26, columns] = label
    node = draw("vtkMRMLLabelMapVolumeNode", "labels", labels)
    slicer.util.saveNode(node, str(path))
    slicer.mrmlScene.RemoveNode(node)


def take_result(volume):
    """A result on a volume, as after Apply."""
    from HypothalamusSegSlicer.engine_run.handover import take_label_maps

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.nii.gz"
        write_label_map(path)
        return take_label_maps(volume, DESCRIPTION, {"hypothalamus": path})


def show_result(volume):
    nodes, shown = take_result(volume), panel()
    shown.parameters.inputVolume = volume
    shown.show_results_of(volume)
    slicer.app.processEvents()
    return nodes, shown


class OpeningTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def test_the_first_opening_says_what_is_missing(self) -> None:
        shown = panel()
        assert not shown.ui.applyButton.enabled
        assert "input volume" in shown.ui.applyButton.toolTip

    def test_a_volume_is_enough_to_apply(self) -> None:
        shown, volume = panel(), draw_scan()
        shown.parameters.inputVolume = volume
        slicer.app.processEvents()
        assert shown.ui.applyButton.enabled

    def test_the_panel_is_left_and_entered_again(self) -> None:
        panel()
        slicer.util.selectModule("Data")
        assert panel().parameters is not None


class EditorTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.nodes, self.shown = show_result(draw_scan())
        self.editor = self.shown.ui.segmentEditor

    def tearDown(self) -> None:
        self.shown.ui.editCollapsible.collapsed = True

    def choose(self, identifier: str) -> None:
        box = self.shown.ui.segmentComboBox
        box.currentIndex = box.findData(identifier)
        self.shown.ui.editCollapsible.collapsed = False
        slicer.app.processEvents()

    def test_it_stands_on_the_chosen_segment(self) -> None:
        for identifier in (RIGHT, LEFT, RIGHT):
            self.choose(identifier)
            assert self.editor.currentSegmentID() == identifier
        node = self.editor.mrmlSegmentEditorNode()
        assert node.GetSegmentationNode() is self.nodes.segmentation("hypothalamus")
        assert node.GetSourceVolumeNode() is self.nodes.volume

    def test_its_brush_is_there_and_the_other_side_protected(self) -> None:
        self.choose(RIGHT)
        self.editor.setActiveEffectByName("Paint")
        assert self.editor.activeEffect().name == "Paint"
        node = self.editor.mrmlSegmentEditorNode()
        assert node.GetAttribute("BrushAbsoluteDiameter") == "1"
        outside = slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments
        assert node.GetMaskMode() == outside
        self.editor.setActiveEffect(None)

    def test_an_edit_is_counted(self) -> None:
        node = self.nodes.segmentation("hypothalamus")
        array = slicer.util.arrayFromSegmentBinaryLabelmap(node, RIGHT, self.nodes.volume)
        array[:, :, :20] = 0
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, RIGHT, self.nodes.volume)
        self.shown.watch.refresh()
        assert self.shown.watch.edited_roles == ["hypothalamus"]


class WorklistTest(unittest.TestCase):
    """A derivative of two cases: read, judged, and nothing left in the scene."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        for name in ("sub-1", "sub-2"):
            self.add_case(name)
        text = json.dumps({"DatasetLinks": {"raw": "../data"}})
        (self.root / "out" / "dataset_description.json").write_text(text, encoding="utf-8")

    def tearDown(self) -> None:
        panel().worklist.close_list()
        self.folder.cleanup()

    def add_case(self, name: str) -> None:
        anat = self.root / "out" / name / "anat"
        anat.mkdir(parents=True)
        (self.root / "data").mkdir(exist_ok=True)
        volume = draw_scan()
        slicer.util.saveNode(volume, str(self.root / "data" / f"{name}.nrrd"))
        slicer.mrmlScene.RemoveNode(volume)
        stem = f"{name}_seg-hypothalamus_dseg"
        write_label_map(anat / f"{stem}.nii.gz")
        sidecar = json.dumps({"Sources": [f"bids:raw:{name}.nrrd"]})
        (anat / f"{stem}.json").write_text(sidecar, encoding="utf-8")
        (anat / f"{name}_volumes.json").write_text(json.dumps(DESCRIPTION), encoding="utf-8")

    def test_cases_are_judged_one_after_another(self) -> None:
        from HypothalamusSegSlicer.worklist.case_lists import find_cases
        from HypothalamusSegSlicer.worklist.review_table import ReviewTable

        shown = panel()
        shown.ui.reviewerLineEdit.text = "CTest"
        shown.worklist._open_list(find_cases(self.root / "out"), "")
        assert shown.parameters.inputVolume.GetName() == "sub-1"
        assert "sub-1" in shown.ui.caseList.item(0).text()
        shown.ui.acceptNextButton.click()
        assert shown.parameters.inputVolume.GetName() == "sub-2"
        shown.ui.rejectNextButton.click()
        marks = {row.scan: row.mark for row in ReviewTable(self.root / "out").rows()}
        assert marks == {"sub-1": "accepted", "sub-2": "rejected"}
        assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 0


class SegmentationObjectTest(unittest.TestCase):
    """DICOM SEG by Slicer's own export, of a scan that comes from the DICOM database."""

    def setUp(self) -> None:
        plugins = getattr(slicer.modules, "dicomPlugins", {})
        if SEG_PLUGIN not in plugins:
            self.skipTest("The extension QuantitativeReporting is not installed.")
        slicer.mrmlScene.Clear()

    def test_both_sides_are_exported_with_their_codes(self) -> None:
        import pydicom
        from DICOMLib import DICOMUtils

        with (
            tempfile.TemporaryDirectory() as folder,
            DICOMUtils.TemporaryDICOMDatabase(str(Path(folder) / "database")),
        ):
            volume = self.scan_from_database(Path(folder) / "scan")
            show_result(volume)
            found = self.export(SEG_PLUGIN, self.segmentation(volume), Path(folder) / "seg")
            files = [path for path in found.rglob("*") if path.is_file()]
            headers = [pydicom.dcmread(path) for path in files]
        (seg,) = [each for each in headers if each.Modality == "SEG"]
        types = [
            item.SegmentedPropertyTypeCodeSequence[0].CodeValue for item in seg.SegmentSequence
        ]
        assert types == ["67923007"] * 2
        assert {item.SegmentAlgorithmType for item in seg.SegmentSequence} == {"AUTOMATIC"}

    def segmentation(self, volume):
        from HypothalamusSegSlicer.scene.result_nodes import ResultNodes

        return ResultNodes(volume).segmentation("hypothalamus")

    def scan_from_database(self, folder: Path):
        """A drawn scan, sent through DICOM: SEG refers to its slices."""
        from DICOMLib import DICOMUtils

        hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
        volume = draw_scan()
        patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Test")
        study = hierarchy.CreateStudyItem(patient, "Study")
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), study)
        self.export(VOLUME_PLUGIN, volume, folder)
        slicer.mrmlScene.Clear()
        DICOMUtils.importDicom(str(folder))
        (patient_uid,) = slicer.dicomDatabase.patients()
        (loaded,) = DICOMUtils.loadPatientByUID(patient_uid)
        return slicer.mrmlScene.GetNodeByID(loaded)

    def export(self, plugin_name: str, node, folder: Path) -> Path:
        folder.mkdir(parents=True)
        hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
        plugin = slicer.modules.dicomPlugins[plugin_name]()
        exportables = plugin.examineForExport(hierarchy.GetItemByDataNode(node))
        for exportable in exportables:
            exportable.directory = str(folder)
            exportable.setTag("PatientName", "Test")
            exportable.setTag("PatientID", "1")
        error = plugin.export(exportables)
        assert not error, error
        return folder
