"""What a worker process gives up before it touches a stranger's file.

Whoever takes over a reading library finds: no files but the visitors' and the programs', no
network, no environment, and limits on memory, file size and open files.
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
# Libraries, fonts, what they ask of the machine, and chance; of processes only the own one, since
# others' environments are files, too.
SYSTEM_FILES = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/sys/devices", "/dev"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems"),
)
GPU_CONTROL = Path("/dev/nvidiactl")


@dataclass(frozen=True)
class Limits:
    """What one worker may take.

    Attributes
    ----------
    memory_mb : int or None
        Of data; not where a GPU is used, whose driver reserves more than it takes.
    file_mb : int or None
        Of one file that it writes.
    folder : Path or None
        The only one that it may read and write, programs aside; None: all.
    gpu : bool
        Whether it may use one.
    """

    memory_mb: int | None = None
    file_mb: int | None = None
    folder: Path | None = None
    gpu: bool = False


def confine(limits: Limits) -> list[str]:
    """Apply what this system has; must come before any thread is started.

    Returns
    -------
    list of str
        What is on, and what is not, in words for the log.
    """
    protections = _limit_resources(limits)
    if limits.folder is None:
        return protections
    scratch = limits.folder / SCRATCH_NAME
    scratch.mkdir(mode=0o700, exist_ok=True)
    os.umask(0o077)
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR"):
        os.environ[name] = str(scratch)
    is_gpu = limits.gpu and GPU_CONTROL.exists()
    writable = [limits.folder, Path(os.devnull), *([Path("/dev")] if is_gpu else [])]
    try:
        version = restrict(_program_files(), writable)
    except LandlockMissingError as error:
        return [*protections, f"NO sandbox (Landlock: {error})"]
    network = "and no network" if version >= NETWORK_SINCE else "but the network"
    return [*protections, f"sandbox (Landlock {version}): no other files, {network}"]


def _limit_resources(limits: Limits) -> list[str]:
    try:
        import resource
    except ImportError:  # Windows
        return ["NO limits (Windows)"]
    protections = []
    if limits.memory_mb and not (limits.gpu and GPU_CONTROL.exists()):
        # Of Linux' data; elsewhere of addresses, which is more than is in use.
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
    """The largest size of this process, told anew for each task.

    Otherwise a small scan's provenance would tell of the large one before it, which was another
    visitor's. Opened before the sandbox shuts.
    """

    def __init__(self) -> None:
        try:
            self._file = open("/proc/self/clear_refs", "w", encoding="ascii")  # noqa: SIM115
        except OSError:  # not Linux: there it stays the worker's largest so far
            self._file = None

    def forget(self) -> None:
        if self._file:
            self._file.write("5\n")
            self._file.flush()
