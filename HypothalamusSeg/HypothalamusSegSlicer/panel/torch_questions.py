"""Questions about PyTorch; errors are shown, not raised."""

from __future__ import annotations

import slicer

from ..engine_run import torch_setup


def ensure_torch() -> bool:
    """Install PyTorch if it is missing and the user agrees; whether a run can start."""
    try:
        return torch_setup.ensure(slicer.util.confirmOkCancelDisplay)
    except torch_setup.TorchSetupError as error:
        slicer.util.errorDisplay(str(error))
        return False


def repair_torch(reason: str) -> bool:
    """Reinstall PyTorch if the user agrees; whether that was done."""
    try:
        return torch_setup.repair(reason, slicer.util.confirmOkCancelDisplay)
    except torch_setup.TorchSetupError as error:
        slicer.util.errorDisplay(str(error))
        return False
