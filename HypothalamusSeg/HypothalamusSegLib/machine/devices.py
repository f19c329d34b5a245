"""The installed torch and the devices on which the networks can run.

Examples
--------
>>> choose_device("cpu")
'cpu'
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ..errors import OutOfMemoryError, TorchUnusableError
from .memory import is_out_of_memory
from .waiting_threads import let_waiting_threads_sleep

CPU = "cpu"
# Errors of an accelerator: torch.OutOfMemoryError and NotImplementedError (unsupported operation)
# are RuntimeErrors; a torch built without the accelerator raises AssertionError.
ACCELERATOR_ERRORS = (RuntimeError, AssertionError)
MOST_CHARACTERS = 300


@dataclass(frozen=True)
class DeviceFailure:
    """A failed accelerator; the CPU was used instead.

    Attributes
    ----------
    device : str
        "cuda" or "mps".
    out_of_memory : bool
    error : str
        The error message of torch, in one line.
    """

    device: str
    out_of_memory: bool
    error: str

    @classmethod
    def of(cls, device: str, error: BaseException) -> DeviceFailure:
        """Create the record of an error."""
        words = " ".join(str(error).split())[:MOST_CHARACTERS]
        text = f"{type(error).__name__}: {words}" if words else type(error).__name__
        return cls(device, is_out_of_memory(error), text)

    def as_json(self) -> dict:
        """Convert to JSON for the provenance."""
        return asdict(self)


def import_torch():
    """Import torch and check that it works with the installed numpy.

    Raises
    ------
    TorchUnusableError
        If torch is missing or broken, or was built for another numpy.
    OutOfMemoryError
        If there is not enough memory to load it.
    """
    let_waiting_threads_sleep()
    try:
        import torch
    except (ImportError, OSError) as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError(
                f"Not enough memory to load PyTorch ({error}). Close other programs and try again."
            ) from error
        raise TorchUnusableError(
            f"PyTorch cannot be loaded ({error}). Reinstall it: pip install torch."
        ) from error
    try:
        torch.from_numpy(np.zeros(1, np.float32)).numpy()
    except RuntimeError as error:
        # The last torch for Macs with Intel processors (2.2) does not support numpy 2.
        raise TorchUnusableError(
            f"PyTorch {torch.__version__} and NumPy {np.__version__} are not compatible "
            f"({error}). Install an older NumPy: pip install 'numpy<2'."
        ) from error
    return torch


def choose_device(wanted: str) -> str:
    """Resolve "auto": an NVIDIA GPU if torch finds one, otherwise the CPU.

    Apple GPUs are used on request only: not every torch has 3-D convolutions for them.
    """
    import torch

    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else CPU


def arithmetic_of(device: str) -> str:
    """Number format used for convolutions on a device: "bfloat16" or "float32".

    bfloat16 halves the time on processors with instructions for it. On a template and five scans
    from two scanners, no volume changed by more than 0.03 %; perturbed copies of one scan differ
    by twenty times as much (CV 0.6 %).
    """
    import torch

    # Private, and missing in torch 2.2, but the only check that works on every system.
    has_bfloat16 = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bfloat16" if device == CPU and has_bfloat16() else "float32"


def convolution_arithmetic(device: str):
    """Context in which convolutions use the format given by `arithmetic_of`."""
    import torch

    is_short = arithmetic_of(device) == "bfloat16"
    return torch.autocast(CPU, torch.bfloat16, enabled=is_short, cache_enabled=False)
