"""Find, install or repair PyTorch in Slicer, only through the PyTorch extension."""

from __future__ import annotations

import importlib
import importlib.util

from .python_steps import PythonStep

MINIMUM_VERSION = ">=2.2"
# As the extension has it: finds the build of PyTorch for the graphics card.
LIGHT_THE_TORCH = "light-the-torch>=0.5"
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
    # Not at the top: it takes longer to import than the rest of the panel.
    from importlib import metadata

    try:
        metadata.version("torch")
    except metadata.PackageNotFoundError:
        return False  # a folder without its record: an interrupted installation
    return True


def find_extension():
    """The logic of the PyTorch extension; raises `TorchSetupError` where it is missing."""
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise TorchSetupError(NO_EXTENSION) from error
    return PyTorchUtils.PyTorchUtilsLogic()


def installation_steps(extension) -> list[PythonStep] | None:
    """What the extension's ``installTorch`` does, as programs that can run in the background.

    Its own call blocks the window for minutes. None for a version of the extension that works
    differently: then use `install_and_wait`.
    """
    arguments_of = getattr(extension, "_getPipInstallArguments", None)
    if arguments_of is None:
        return None
    arguments = tuple(arguments_of(None, MINIMUM_VERSION))
    return [
        PythonStep("pip", ("install", LIGHT_THE_TORCH)),
        PythonStep("light_the_torch", arguments),
    ]


def uninstall(extension) -> None:
    """Remove PyTorch; raises `TorchSetupError`."""
    try:
        extension.uninstallTorch()
    except Exception as error:  # any pip error: the extension has no exception class of its own
        raise TorchSetupError(
            f"PyTorch could not be removed ({error}). Restart Slicer and press Apply again."
        ) from error


def install_and_wait(extension) -> None:
    """Install PyTorch while the window waits; raises `TorchSetupError`."""
    try:
        installed = extension.installTorch(
            askConfirmation=False, torchVersionRequirement=MINIMUM_VERSION
        )
    except Exception as error:  # as above: network, disk, permissions, pip
        raise TorchSetupError(not_installed_message(str(error))) from error
    if installed is None:
        raise TorchSetupError("PyTorch was not installed. Press Apply to try again.")


def not_installed_message(reason: str) -> str:
    """The message after a failure."""
    return (
        f"PyTorch could not be installed ({reason}). Check the internet connection and the free "
        "disk space, restart Slicer and press Apply again."
    )


def forget_what_was_missing() -> None:
    """Let this Python find what another process has installed."""
    importlib.invalidate_caches()
