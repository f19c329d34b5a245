"""What the panel says about its input."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ..engine_run.command_line import SettingsError
from ..scene.patient import identify
from .parameter_node import HypothalamusSegParameterNode, engine_options


def what_is_missing(parameters: HypothalamusSegParameterNode | None) -> str:
    """The reason why Apply is disabled, or an empty string."""
    if parameters is None or parameters.inputVolume is None:
        return _("Choose an input volume")
    if parameters.inputVolume.GetImageData() is None:
        return _("The input volume is empty")
    try:
        engine_options(parameters)
    except SettingsError as error:
        return str(error)
    return ""


def patient_text(volume: slicer.vtkMRMLScalarVolumeNode | None) -> str:
    """Whose scan a volume is, in one or two lines."""
    if volume is None:
        return ""
    return identify(volume).label or _("not known: the scan was not loaded from DICOM")
