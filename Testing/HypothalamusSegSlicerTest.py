"""The module inside a real Slicer: CTest runs this there, pytest does not.

By hand, in Slicer's Python console, with this folder on `sys.path`:
`import slicer.testing; slicer.testing.runUnitTest([], "HypothalamusSegSlicerTest")`
"""

from __future__ import annotations

import importlib.util
import unittest

import slicer
import vtk

TERMINOLOGY = "HypothalamusSeg"
SIDES = {"hypothalamus_left", "hypothalamus_right"}


class ModuleTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def test_the_module_opens(self) -> None:
        slicer.util.selectModule("HypothalamusSeg")
        assert slicer.util.selectedModule() == "HypothalamusSeg"
        assert slicer.util.getModuleWidget("HypothalamusSeg") is not None

    def test_its_terminology_is_registered(self) -> None:
        names = vtk.vtkStringArray()
        slicer.modules.terminologies.logic().GetLoadedTerminologyNames(names)
        loaded = [names.GetValue(index) for index in range(names.GetNumberOfValues())]
        assert TERMINOLOGY in loaded

    def test_its_weights_are_found_where_it_is_installed(self) -> None:
        from HypothalamusSegLib.networks import weight_files

        ensembles = weight_files.read_manifest(weight_files.default_weights_folder())
        for ensemble in ensembles.values():
            for fold in ensemble.folds:
                weight_files.verify_checksum(fold)


@unittest.skipUnless(importlib.util.find_spec("torch"), "PyTorch is not installed in this Slicer")
class SegmentationTest(unittest.TestCase):
    """One run on the sample that the module registers, shared by the tests."""

    @classmethod
    def setUpClass(cls) -> None:
        import SampleData
        from HypothalamusSegSlicer.logic import HypothalamusSegLogic

        slicer.mrmlScene.Clear()
        try:
            cls.volume = SampleData.downloadSample("HypothalamusSegMRHead")
        except IndexError as error:  # what SampleData raises when it loaded nothing
            raise unittest.SkipTest("No internet: the sample head was not downloaded.") from error
        cls.result = HypothalamusSegLogic().process(cls.volume, waitForCompletion=True)

    @classmethod
    def tearDownClass(cls) -> None:
        slicer.mrmlScene.Clear()

    def segment_volumes_mm3(self, node) -> dict[str, float]:
        import numpy as np

        volumes = {}
        for identifier in node.GetSegmentation().GetSegmentIDs():
            labelmap = node.GetBinaryLabelmapInternalRepresentation(identifier)
            voxels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, identifier)
            label = node.GetSegmentation().GetSegment(identifier).GetLabelValue()
            voxel_mm3 = float(np.prod(labelmap.GetSpacing()))
            volumes[identifier] = float((voxels == label).sum()) * voxel_mm3
        return volumes

    def test_both_sides_have_a_plausible_volume(self) -> None:
        volumes = self.segment_volumes_mm3(self.result.hypothalamus)
        assert set(volumes) == SIDES
        for side, volume_mm3 in volumes.items():
            assert volume_mm3 > 200, side
            assert volume_mm3 < 1000, side

    def test_left_lies_left_of_right(self) -> None:
        left, right = (
            self.result.hypothalamus.GetSegmentCenterRAS(side)[0] for side in sorted(SIDES)
        )
        assert left < right

    def test_the_intracranial_volume_is_that_of_an_adult(self) -> None:
        (volume_mm3,) = self.segment_volumes_mm3(self.result.icv).values()
        assert volume_mm3 > 1000000.0
        assert volume_mm3 < 1900000.0

    def test_segments_carry_the_codes_of_the_terminology(self) -> None:
        for node in (self.result.hypothalamus, self.result.icv):
            for identifier in node.GetSegmentation().GetSegmentIDs():
                serialised = node.GetSegmentation().GetSegment(identifier).GetTerminology()
                assert serialised.split("~")[0] == TERMINOLOGY, identifier

    def test_the_table_has_a_row_for_each_side_and_the_icv(self) -> None:
        assert self.result.table.GetNumberOfRows() >= 3
        assert self.result.table.GetNumberOfColumns() > 1
