"""The processor of this machine; whether processes are alive, and their end.

Examples
--------
>>> import os
>>> may_be_alive(os.getpid())
True
"""

from __future__ import annotations

import os
import platform
import signal
import time
from pathlib import Path

POLL_S = 0.01
WINDOWS_SYNCHRONIZE, WINDOWS_WAIT_TIMEOUT, WINDOWS_ACCESS_DENIED = 0x00100000, 0x102, 5


def processor_name() -> str:
    """Name of the processor and number of processors."""
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


def may_be_alive(process_id: int) -> bool:
    """Whether a process may be running; True if the system cannot tell."""
    if os.name == "nt":
        return _is_alive_in_windows(process_id)
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(process_id)


def end_process(process_id: int, patience_s: float = 1.0) -> bool:
    """Kill a process of this user and wait until it is gone; whether it is."""
    try:
        # In Windows, any signal but two ends a process at once, and there is no SIGKILL.
        os.kill(process_id, getattr(signal, "SIGKILL", signal.SIGTERM))
    except OSError:
        return not may_be_alive(process_id)
    ends_s = time.monotonic() + patience_s
    while may_be_alive(process_id):
        if time.monotonic() > ends_s:
            return False
        time.sleep(POLL_S)
    return True


def _is_zombie(process_id: int) -> bool:
    """Whether a process has ended, and its parent has not asked how (Linux only)."""
    try:
        status = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] == "Z"


def _is_alive_in_windows(process_id: int) -> bool:
    # There, signal 0 would end the process.
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    kernel.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    handle = kernel.OpenProcess(WINDOWS_SYNCHRONIZE, False, process_id)
    if not handle:
        return ctypes.get_last_error() == WINDOWS_ACCESS_DENIED
    try:
        return kernel.WaitForSingleObject(handle, 0) == WINDOWS_WAIT_TIMEOUT
    finally:
        kernel.CloseHandle(handle)
