"""Register terminology, colors and sample data after Slicer has started."""

from __future__ import annotations

import logging
from collections.abc import Callable

import slicer

TERMINOLOGY = "Terminologies/HypothalamusSeg.term.json"
COLOURS = "Colors/HypothalamusSeg.ctbl"
COLOURS_TAG = "HypothalamusSegColors"
ICON = "Icons/HypothalamusSeg.png"
SAMPLE_CHECKSUM = "SHA256:cc211f0dfd9a05ca3841ce1141b292898b2dd2d3f08286affadf823a7e58df93"
SAMPLE_URL = (
    "https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/"
    + SAMPLE_CHECKSUM.split(":")[1]
)


def register(resource_path: Callable[[str], str]) -> None:
    """Register once Slicer has started and the required modules are loaded."""

    def registered() -> None:
        register_terminology(resource_path(TERMINOLOGY))
        register_colours(resource_path(COLOURS))
        register_sample(resource_path(ICON))

    slicer.app.connect("startupCompleted()", registered)


def register_terminology(path: str) -> bool:
    """Load the codes of the hypothalamus and its subunits, which Slicer does not include."""
    loaded = slicer.modules.terminologies.logic().LoadTerminologyFromFile(path)
    if not loaded:
        logging.warning(
            "The terminology %s could not be loaded; codes are shown without names.", path
        )
    return bool(loaded)


def register_colours(path: str) -> bool:
    """Offer the colors of the exported label maps, in this scene and in later ones."""
    if slicer.mrmlScene.GetSingletonNode(COLOURS_TAG, "vtkMRMLColorTableNode") is not None:
        return True
    node = slicer.modules.colors.logic().LoadColorFile(path)
    if node is None:
        logging.warning(
            "The colors %s could not be loaded; label maps are shown in other colors.", path
        )
        return False
    # As Slicer's own tables: kept when a scene is closed, and part of none.
    node.SetTypeToFile()
    node.SetSingletonTag(COLOURS_TAG)
    node.SetSaveWithScene(False)
    return True


def register_sample(thumbnail: str) -> None:
    """Offer Slicer's sample head in the category of this module."""
    if not hasattr(slicer.modules, "sampledata"):
        return
    from SampleData import SampleDataLogic

    SampleDataLogic.registerCustomSampleDataSource(
        category="HypothalamusSeg",
        sampleName="HypothalamusSegMRHead",
        thumbnailFileName=thumbnail,
        uris=SAMPLE_URL,
        fileNames="MRHead.nrrd",
        nodeNames="MRHead",
        checksums=SAMPLE_CHECKSUM,
    )
