"""What is known of this installation, this machine and its processes."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from . import __version__, weight_files
from .devices import import_torch
from .errors import HypothalamusSegError, WeightsError


def describe_installation() -> list[str]:
    """Versions, devices, memory and every weight file with its checksum, as lines of text."""
    import numpy
    import SimpleITK

    lines = [
        f"hypothalamus-seg {__version__}",
        f"Python {platform.python_version()}, {platform.platform()}",
        f"numpy {numpy.__version__}, SimpleITK {SimpleITK.__version__}",
        *_torch_lines(),
        f"Processor: {processor_name()}",
        f"Memory: {_memory()}",
    ]
    try:
        folder = weight_files.default_weights_folder()
        lines.append(f"Weights: {folder}")
        for structure, ensemble in weight_files.read_manifest(folder).items():
            lines += [_fold_line(structure, fold) for fold in ensemble.folds]
    except WeightsError as error:
        lines.append(f"Weights: {error}")
    return lines


def _torch_lines() -> list[str]:
    try:
        torch = import_torch()
    except HypothalamusSegError as error:
        return [f"torch: {error}"]
    return [
        f"torch {torch.__version__}, {torch.get_num_threads()} threads used",
        f"Devices: {', '.join(_devices())}",
    ]


def processor_name() -> str:
    """The processor's name as the system gives it, with the number of processors."""
    name = platform.processor() or platform.machine()
    cpu_table = Path("/proc/cpuinfo")
    if cpu_table.exists():
        names = [
            line.split(":", 1)[1]
            for line in cpu_table.open(encoding="utf-8")
            if line.startswith("model name")
        ]
        name = names[0].strip() if names else name
    return f"{name}, {os.cpu_count()} processors"


def _fold_line(structure: str, fold: weight_files.FoldWeights) -> str:
    try:
        weight_files.verify_checksum(fold)
        state = "verified"
    except WeightsError as error:
        state = f"REFUSED: {error}"
    return f"  {structure} fold {fold.fold}: {fold.sha256} {state}"


def _devices() -> list[str]:
    import torch

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices.append(f"cuda ({torch.cuda.get_device_name()})")
    if torch.backends.mps.is_available():
        devices.append("mps (only where --device mps asks for it)")
    return devices


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows and some others do not tell
        return "unknown"
    return f"{total / 1024**3:.1f} GiB"


def may_be_alive(process_id: int) -> bool:
    """Whether a process of this machine may be running; True where the system does not tell."""
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
