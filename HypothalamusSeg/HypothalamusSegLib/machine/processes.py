"""The processor of this machine, and whether processes are alive."""

from __future__ import annotations

import os
import platform
from pathlib import Path


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
    if os.name == "nt":  # on Windows, signal 0 would end the process
        return True
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
