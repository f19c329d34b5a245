"""Detect out-of-memory errors of numpy, torch and ITK; measure memory use.

Examples
--------
>>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("memory"))
(True, False)
"""

from __future__ import annotations

import ctypes
import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutOfMemoryError

# torch and ITK raise a RuntimeError that only its text identifies; the loader of shared libraries
# raises ImportError or OSError.
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
    """Whether an error means that the computer or its accelerator ran out of memory."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    # torch.OutOfMemoryError is a RuntimeError, too.
    if not isinstance(error, RuntimeError | ImportError | OSError):
        return False
    return any(text in str(error) for text in OUT_OF_MEMORY_TEXTS)


@contextmanager
def name_lack_of_memory(path: Path, activity: str = "segment") -> Iterator[None]:
    """Convert out-of-memory errors to one that names the file.

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
    """Peak resident memory of this process; None if the system does not report it."""
    try:
        # Not `getrusage`, which starts with the size of the parent process.
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
    """Return freed memory to the system (glibc only).

    glibc keeps freed blocks for reuse, but they rarely fit the arrays of the next scan. Without
    this call, the peak grows from scan to scan.
    """
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not available in musl
    if trim is not None:
        trim(0)
