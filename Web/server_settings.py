"""Settings of a server, and the commands of its workers; Gradio is not imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .served_protocols import ServedProtocols
from .work import UNPACKED_SHARE

CHECK_MEMORY_MB = 4096
# Largest file that an engine may write.
RESULT_MB = 512


@dataclass(frozen=True)
class ServerSettings:
    """Settings from the command line.

    Attributes
    ----------
    host, port
        Address to listen on.
    most_upload_mb : int
        Size limit of one file.
    workers : int
        Number of engine processes; each takes about 1 GB.
    worker_memory_mb : int
        Memory limit of one worker.
    queue : int
        Scans that may wait.
    minutes, minutes_after_download : float
        Until files are deleted.
    password_file : Path or None
    root_path : str
        Path at which a proxy serves the page.
    hosts : tuple of str
        Further host names of the server.
    certificate, certificate_key : Path or None
        For TLS without a proxy.
    patience_s : float
        Time limit for the rest of a request.
    device : str
    protocols : ServedProtocols
        Among which visitors choose.
    threads : int or None
        Per worker; None: torch's choice for one worker, an equal share for several.
    worker_command : tuple of str
        Command that starts a worker; its kind is appended.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    most_upload_mb: int = 200
    workers: int = 1
    worker_memory_mb: int = 4096
    queue: int = 50
    minutes: float = 60.0
    minutes_after_download: float = 10.0
    password_file: Path | None = None
    root_path: str = ""
    hosts: tuple[str, ...] = ()
    certificate: Path | None = None
    certificate_key: Path | None = None
    patience_s: float = 60.0
    device: str = "auto"
    protocols: ServedProtocols = field(default_factory=ServedProtocols)
    threads: int | None = None
    worker_command: tuple[str, ...] = (sys.executable, "-m", "Web.engine_worker")

    @property
    def engine_threads(self) -> int | None:
        if self.threads or self.workers == 1:
            return self.threads
        return max(1, (os.cpu_count() or 1) // self.workers)


def engine_command(settings: ServerSettings, confined: Sequence[str]) -> tuple[str, ...]:
    """The command of a worker that segments, with what its sandbox lets it read."""
    limits = _limits(settings.worker_memory_mb, RESULT_MB)
    command = (*settings.worker_command, "segment", *limits, *confined)
    if settings.device != "cpu":
        command = (*command, "--gpu")
    for folder in settings.protocols.paths:
        command = (*command, "--weights", str(folder))
    return command


def checker_command(settings: ServerSettings, confined: Sequence[str]) -> tuple[str, ...]:
    """The command of a worker that checks uploads."""
    limits = _limits(CHECK_MEMORY_MB, UNPACKED_SHARE * settings.most_upload_mb)
    return (*settings.worker_command, "check", *limits, *confined)


def _limits(memory_mb: int, file_mb: int) -> tuple[str, ...]:
    return ("--memory-mb", str(memory_mb), "--file-mb", str(file_mb))
