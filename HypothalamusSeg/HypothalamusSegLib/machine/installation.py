"""Installed versions and properties of the machine.

Examples
--------
>>> any("torch" in line for line in describe_installation())
True
"""

from __future__ import annotations

import os
import platform

from .. import __version__
from ..errors import HypothalamusSegError
from .devices import import_torch
from .processes import processor_name


def describe_installation() -> list[str]:
    """List versions, devices, processor and memory as lines of text."""
    import numpy
    import SimpleITK

    return [
        f"hypothalamus-seg {__version__}",
        f"Python {platform.python_version()}, {platform.platform()}",
        f"numpy {numpy.__version__}, SimpleITK {SimpleITK.__version__}",
        *_torch_lines(),
        f"Processor: {processor_name()}",
        f"Memory: {_memory()}",
    ]


def _torch_lines() -> list[str]:
    try:
        torch = import_torch()
    except HypothalamusSegError as error:
        return [f"torch: {error}"]
    return [
        f"torch {torch.__version__}, using {torch.get_num_threads()} threads",
        f"Devices: {', '.join(_devices())}",
    ]


def _devices() -> list[str]:
    import torch

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices.append(f"cuda ({torch.cuda.get_device_name()})")
    if torch.backends.mps.is_available():
        devices.append("mps (only with --device mps)")
    return devices


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not available on Windows
        return "unknown"
    return f"{total / 1024**3:.1f} GiB"
