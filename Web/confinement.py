"""Restrict a worker process before it opens an untrusted file.

An attacker who exploits a reading library has access only to visitor and program files, no
network, no environment, and limited memory, file size and open files.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from .landlock import NETWORK_SINCE, LandlockMissingError, restrict

OPEN_FILES = 512
SCRATCH_NAME = ".scratch"
# Libraries, fonts, system information and random numbers; only the own process, because the
# environment of other processes can be read as files.
SYSTEM_FILES = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/sys/devices", "/dev"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems"),
)
DEVICES = Path("/dev")
# NVIDIA, Windows Subsystem for Linux, AMD.
GPU_CONTROLS = ("nvidiactl", "dxg", "kfd")
# The driver's device files, and shared memory, which CUDA may use.
GPU_DEVICES = ("nvidia*", "dxg", "kfd", "dri", "shm")
GPU_INFORMATION = (
    *("/proc/driver/nvidia", "/proc/modules", "/proc/devices", "/proc/sys/vm"),
    *("/sys/bus/pci", "/sys/class/kfd", "/sys/module"),
)


@dataclass(frozen=True)
class Limits:
    """Resource limits of one worker.

    Attributes
    ----------
    memory_mb : int or None
        Limit of data memory; not applied with a GPU, whose driver reserves more than it uses.
    file_mb : int or None
        Size limit of a written file.
    folder : Path or None
        The only folder that it may read and write, except programs; None: no restriction.
    gpu : bool
        Whether it may use a GPU.
    weights : tuple of Path
        Folders of weights that it may read, beside that of the package.
    """

    memory_mb: int | None = None
    file_mb: int | None = None
    folder: Path | None = None
    gpu: bool = False
    weights: tuple[Path, ...] = ()


def confine(limits: Limits) -> list[str]:
    """Apply the protections of this system; must run before any thread is started.

    Returns
    -------
    list of str
        Active and missing protections, as text for the log.
    """
    protections = _limit_resources(limits)
    if limits.folder is None:
        return protections
    scratch = limits.folder / SCRATCH_NAME
    scratch.mkdir(mode=0o700, exist_ok=True)
    os.umask(0o077)
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR"):
        os.environ[name] = str(scratch)
    readable, writable = _program_files(), [limits.folder, Path(os.devnull)]
    readable += limits.weights
    if limits.gpu and has_gpu():
        readable += map(Path, GPU_INFORMATION)
        writable += gpu_devices()
    try:
        version = restrict(readable, writable)
    except LandlockMissingError as error:
        return [*protections, f"NO sandbox (Landlock: {error})"]
    network = "and no network" if version >= NETWORK_SINCE else "but the network"
    return [*protections, f"sandbox (Landlock {version}): no other files, {network}"]


def has_gpu(devices: Path = DEVICES) -> bool:
    """Whether the machine has a GPU that torch may use."""
    return any((devices / name).exists() for name in GPU_CONTROLS)


def gpu_devices(devices: Path = DEVICES) -> list[Path]:
    """Files through which a process uses a GPU; it gets no other device."""
    return [path for pattern in GPU_DEVICES for path in sorted(devices.glob(pattern))]


def _limit_resources(limits: Limits) -> list[str]:
    try:
        import resource
    except ImportError:  # Windows
        return ["NO limits (Windows)"]
    protections = []
    if limits.memory_mb and not (limits.gpu and has_gpu()):
        # On Linux, limit data; elsewhere the address space, which is larger than the used memory.
        kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
        _limit(kind, limits.memory_mb << 20)
        protections.append(f"memory {limits.memory_mb} MB")
    if limits.file_mb:
        _limit(resource.RLIMIT_FSIZE, limits.file_mb << 20)
        protections.append(f"files {limits.file_mb} MB")
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    return [*protections, f"{OPEN_FILES} open files", "own environment"]


def _limit(kind: int, most: int) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _program_files() -> list[Path]:
    import HypothalamusSegLib
    from HypothalamusSegLib.networks.weight_files import default_weights_folder

    packages = [Path(HypothalamusSegLib.__file__).parent, Path(__file__).parent]
    installed = [*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix]
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = [*SYSTEM_FILES, *installed, *filter(None, named)]
    return [*packages, default_weights_folder(), *map(Path, folders)]


class PeakMemory:
    """Peak memory of this process, reset for each task.

    Otherwise the provenance of a small scan would reveal the peak of an earlier, larger scan of
    another visitor. Opened before the sandbox is closed.
    """

    def __init__(self) -> None:
        try:
            self._file = open("/proc/self/clear_refs", "w", encoding="ascii")  # noqa: SIM115
        except OSError:  # not Linux: the peak is never reset
            self._file = None

    def forget(self) -> None:
        if self._file:
            self._file.write("5\n")
            self._file.flush()
