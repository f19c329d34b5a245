"""highdicom, which writes DICOM objects: bundled with Slicer from 5.12 on, otherwise installed."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable

import slicer

from .subject import ExportError

REQUIREMENT = "highdicom>=0.27"
EXPLANATION = (
    "DICOM objects need the package highdicom, which is not part of this Slicer. Slicer "
    "can download and install it once (a few MB; an old version of pydicom is replaced). Your "
    "images stay on this computer.\n\nInstall highdicom now?"
)


def ensure(confirm: Callable[[str], bool]) -> bool:
    """Install highdicom if it is missing and the user agrees; False if the user declined.

    Raises
    ------
    ExportError
        It could not be installed.
    """
    if importlib.util.find_spec("highdicom") is not None:
        return True
    if not confirm(EXPLANATION):
        return False
    try:
        slicer.util.pip_install([REQUIREMENT])
    except (subprocess.CalledProcessError, OSError) as error:
        raise ExportError(
            f"highdicom could not be installed ({error}). Check the internet connection, or use "
            "Slicer 5.12 or newer, which includes it."
        ) from error
    importlib.invalidate_caches()
    return True
