"""Find, install or repair PyTorch in Slicer, only through the PyTorch extension."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

MINIMUM_VERSION = ">=2.2"
# Rough size of the download: with the libraries for NVIDIA cards, and for the CPU alone.
EXPLANATION = (
    "The networks need PyTorch, which is not yet installed in this Slicer. It will be "
    "downloaded and installed once: about 200 MB, or 2–3 GB on computers with an NVIDIA "
    "graphics card. Your images stay on this computer.\n\nInstall PyTorch now?"
)
REPAIR = (
    "PyTorch is installed but cannot be used: {reason}\n\nRemove it and install it again (a "
    "download of 200 MB to 3 GB)?"
)
NO_EXTENSION = (
    "PyTorch and the extension that installs it are missing. Open the Extensions Manager, "
    "install “PyTorch”, restart Slicer and press Apply again. Without internet access, install "
    "PyTorch on a connected computer and copy that Slicer folder."
)


class TorchSetupError(Exception):
    """PyTorch cannot be used; the message says what to do."""


def is_installed() -> bool:
    """Whether PyTorch is installed, checked without importing it (which takes seconds)."""
    if importlib.util.find_spec("torch") is None:
        return False
    # Not at the top: it takes longer to import than all the rest of the panel.
    from importlib import metadata

    try:
        metadata.version("torch")
    except metadata.PackageNotFoundError:
        return False  # a folder without its record: an installation that was broken off
    return True


def ensure(confirm: Callable[[str], bool]) -> bool:
    """Install PyTorch if it is missing and the user agrees.

    Parameters
    ----------
    confirm : callable(text) → bool

    Returns
    -------
    bool
        False if the user declined.

    Raises
    ------
    TorchSetupError
    """
    if is_installed():
        return True
    logic = _extension_logic()
    if not confirm(EXPLANATION):
        return False
    _install(logic)
    return True


def repair(reason: str, confirm: Callable[[str], bool]) -> bool:
    """Reinstall PyTorch after it failed to load; returns and raises as `ensure`."""
    logic = _extension_logic()
    if not confirm(REPAIR.format(reason=reason)):
        return False
    try:
        logic.uninstallTorch()
    except Exception as error:  # any pip error: the extension has no exception class of its own
        raise TorchSetupError(
            f"PyTorch could not be removed ({error}). Restart Slicer and press Apply again."
        ) from error
    _install(logic)
    return True


def _extension_logic():
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise TorchSetupError(NO_EXTENSION) from error
    return PyTorchUtils.PyTorchUtilsLogic()


def _install(logic) -> None:
    try:
        installed = logic.installTorch(
            askConfirmation=False, torchVersionRequirement=MINIMUM_VERSION
        )
    except Exception as error:  # as above: network, disk, permissions, pip
        raise TorchSetupError(
            f"PyTorch could not be installed ({error}). Check the internet connection and the "
            "free disk space, restart Slicer and press Apply again."
        ) from error
    if installed is None:
        raise TorchSetupError("PyTorch was not installed. Press Apply to try again.")
