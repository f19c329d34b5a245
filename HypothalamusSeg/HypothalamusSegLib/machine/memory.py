"""What a lack of memory looks like in numpy, torch and ITK, and how much this process has used."""

from __future__ import annotations

import ctypes
import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutOfMemoryError

# torch and ITK tell of it by a RuntimeError whose text alone says so; the loader of shared
# libraries by an ImportError or OSError.
OUT_OF_MEMORY_TEXTS = (
    "DefaultCPUAllocator:",
    "out of memory",
    "bad allocation",
    "bad_alloc",
    "Failed to allocate memory for image",
    "Cannot allocate memory",
    "failed to map segment from shared object",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory was lacking, of the computer or of its accelerator."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    # torch.OutOfMemoryError is a RuntimeError, too.
    if not isinstance(error, RuntimeError | ImportError | OSError):
        return False
    return any(text in str(error) for text in OUT_OF_MEMORY_TEXTS)


@contextmanager
def name_lack_of_memory(path: Path, activity: str = "segment") -> Iterator[None]:
    """Turn every error that means a lack of memory into one that names the file.

    Raises
    ------
    OutOfMemoryError
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            f"Not enough memory to {activity} {path}. Close other programs and try again."
        ) from error


def peak_memory_mb() -> float | None:
    """Largest resident size of this process so far; None where the system does not tell."""
    try:
        # Not `getrusage`, which begins with the size of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024, 1)
    except (OSError, IndexError):  # not Linux
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024), 1)


def give_memory_back() -> None:
    """Hand freed memory back to the system, where the C library is glibc.

    It keeps what was freed in pieces for later, and pieces of a head's arrays seldom fit the next:
    without this the peak grows from scan to scan.
    """
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
