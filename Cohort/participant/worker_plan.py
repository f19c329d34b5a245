"""How many workers this machine can run, and with how many threads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# Peak of one worker with all ensembles on a 1 mm head is about 0.9 GB (`make bench`); the
# rest is for larger scans.
MEMORY_PER_WORKER_BYTES = 1_200_000_000
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class WorkerPlan:
    """The division of the machine."""

    workers: int
    threads_per_worker: int


def plan_workers(
    workers: int | None,
    threads: int | None,
    cores: int | None = None,
    memory_mb: int | None = None,
) -> WorkerPlan:
    """Divide processors and memory.

    By default each worker has one thread, and there are as many as processors and memory allow:
    measured (`make bench`), two workers with one thread each are faster than one with two. With
    fewer workers than processors, each gets more threads.

    Parameters
    ----------
    workers, threads : int or None
        As the user asked; threads are those of each worker.
    cores, memory_mb : int or None
        Limits for all workers together (10^6 bytes), in addition to those of the machine.
    """
    cores = min(cores or available_cores(), available_cores())
    memory_bytes = available_memory_bytes()
    if memory_mb is not None:
        memory_bytes = min(memory_bytes, memory_mb * 1_000_000)
    if workers is None:
        by_cores = max(1, cores // (threads or 1))
        by_memory = max(1, memory_bytes // MEMORY_PER_WORKER_BYTES)
        workers = min(by_cores, by_memory)
    return WorkerPlan(workers, threads or max(1, cores // workers))


def available_cores() -> int:
    """Processors that this process may use: a cluster's share, not the whole node."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory_bytes() -> int:
    """Free memory of the machine, or of the container or job that this process runs in."""
    free = _free_memory_bytes()
    limit, used = _number(CGROUP / "memory.max"), _number(CGROUP / "memory.current")
    return free if limit is None or used is None else max(0, min(free, limit - used))


def _free_memory_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # Not Linux.
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 * MEMORY_PER_WORKER_BYTES


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
