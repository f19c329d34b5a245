"""Settings of the panel, stored in the scene."""

import enum
from typing import Annotated

from HypothalamusSegLib.options import FOLDS, Options, parse_folds
from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import Default, WithinRange, parameterNodeWrapper

from ..engine_run.command_line import SettingsError


class Grid(enum.Enum):
    """Grid of the hypothalamus labels."""

    FINE = "0.5"
    NATIVE = "native"
    ULM = "ulm"

    def label(self) -> str:
        return {
            "0.5": "0.5 mm, isotropic",
            "native": "original voxels of the scan",
            "ulm": "Ulm: 0.125 × 0.125 × 0.5 mm, coronal",
        }[self.value]


class Device(enum.Enum):
    """Where the networks run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        return {
            "auto": "automatic",
            "cpu": "CPU",
            "cuda": "NVIDIA graphics card",
            "mps": "Apple graphics",
        }[self.value]


@parameterNodeWrapper
class HypothalamusSegParameterNode:
    """The user's settings."""

    inputVolume: vtkMRMLScalarVolumeNode  # noqa: N815 – Slicer's spelling
    segmentHypothalamus: Annotated[bool, Default(True)]  # noqa: N815
    segmentIcv: Annotated[bool, Default(True)]  # noqa: N815
    subunits: Annotated[bool, Default(False)]
    grid: Annotated[Grid, Default(Grid.FINE)]
    device: Annotated[Device, Default(Device.AUTO)]
    threads: Annotated[int, WithinRange(0, 256), Default(0)]
    folds: Annotated[str, Default("0,1,2,3,4")]


def engine_options(parameters: HypothalamusSegParameterNode, weights: str | None = None) -> Options:
    """Convert the settings to engine options.

    Parameters
    ----------
    parameters : HypothalamusSegParameterNode
    weights : str or None
        Folder of the chosen protocol's weights; None: the published one.

    Raises
    ------
    SettingsError
    """
    structures = []
    if parameters.segmentHypothalamus:
        structures.append("hypothalamus")
    if parameters.segmentIcv:
        structures.append("icv")
    if not structures:
        raise SettingsError("Choose the hypothalamus, the ICV or both.")
    return Options(
        structures=tuple(structures),
        subunits=parameters.subunits and parameters.segmentHypothalamus,
        grid=parameters.grid.value,
        device=parameters.device.value,
        threads=parameters.threads or None,
        folds=_chosen_folds(parameters.folds),
        spread=parameters.segmentHypothalamus,
        weights=weights,
    )


def _chosen_folds(text: str) -> tuple[int, ...]:
    try:
        folds = parse_folds(text)
    except ValueError as error:
        raise SettingsError(f"The folds cannot be read: {error}.") from error
    if not set(folds) <= set(FOLDS):
        raise SettingsError(f"Folds must be different numbers from 0 to 4, not “{text}”.")
    return folds
