"""Quick checks of an installed module, without images and without PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

import slicer
import vtk
from HypothalamusSegLib.errors import WeightsError
from HypothalamusSegLib.networks import weight_files

from .registration import COLOURS_TAG
from .scene.structures import TERMINOLOGY_NAME


def problems() -> Iterator[str]:
    """Faults of the installation, one sentence each; none if all is well."""
    yield from _terminology()
    yield from _colours()
    yield from _weights()
    if slicer.util.getModule("HypothalamusSeg").widgetRepresentation() is None:
        yield "The panel could not be opened."


def _terminology() -> Iterator[str]:
    names = vtk.vtkStringArray()
    slicer.modules.terminologies.logic().GetLoadedTerminologyNames(names)
    if TERMINOLOGY_NAME not in {names.GetValue(i) for i in range(names.GetNumberOfValues())}:
        yield f"The terminology {TERMINOLOGY_NAME} is not loaded."


def _colours() -> Iterator[str]:
    if slicer.mrmlScene.GetSingletonNode(COLOURS_TAG, "vtkMRMLColorTableNode") is None:
        yield "The colors of the label maps are not loaded."


def _weights() -> Iterator[str]:
    try:
        ensembles = weight_files.read_manifest(weight_files.default_weights_folder())
        for ensemble in ensembles.values():
            for fold in ensemble.folds:
                weight_files.verify_checksum(fold)
    except WeightsError as error:
        yield str(error)
