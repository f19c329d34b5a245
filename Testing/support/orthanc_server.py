"""An Orthanc of Debian's package, on this machine's loopback alone and in a folder of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECONDS = 60
PLACES = "/usr/sbin:/usr/bin:/usr/local/bin"


class Orthanc:
    """Speaks to its REST interface."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, data: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.url}/{path}", data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def json(self, path: str, data: object = None):
        body = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
        return json.loads(self.ask(path, body))


@contextmanager
def orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start a server; skips where Orthanc is missing."""
    program = shutil.which("Orthanc", path=PLACES)
    if program is None:
        pytest.skip("Orthanc is not here (Debian's package orthanc)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [],
    }
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([program, str(configuration)], stdout=log, stderr=log)
    try:
        server = Orthanc(port)
        _wait_for(server, process, folder / "log.txt")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_for(server: Orthanc, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            server.json("system")
            return
        except (urllib.error.URLError, ConnectionError):
            words = log.read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, words
            assert time.monotonic() < end, words
            time.sleep(0.1)
