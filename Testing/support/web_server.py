"""The web page's server as a process of its own, for tests and benches.

Importing Gradio takes 4 s of processor time. One process imports it; every server is a fork of it.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from multiprocessing import forkserver
from pathlib import Path
from unittest.mock import patch
from weakref import WeakKeyDictionary

import httpx
from argon2 import PasswordHasher

from Testing.support.command_runs import REPOSITORY, environment

STUB = (sys.executable, str(REPOSITORY / "Testing" / "support" / "web_stub_worker.py"))
START_SECONDS = 120.0
STARTS = 3
LOG_LINES = 15
POLL_SECONDS = 0.1
# What each client was told of the endpoints: their parameters, and their numbers by name; and the
# name of its page, which no other client may have.
ENDPOINTS: WeakKeyDictionary[httpx.Client, tuple[dict, dict, str]] = WeakKeyDictionary()
PAGES = itertools.count(1)
# A browser's cache then knows what the next server sends.
FREE_PORTS: list[int] = []
# Those of which a failing test shows the last words.
RUNNING: list[Server] = []


@dataclass
class Server:
    """A running server."""

    url: str
    process: multiprocessing.Process
    log: Path
    temporary: Path
    clients: list[httpx.Client] = field(default_factory=list)

    def visitor(self, **options) -> httpx.Client:
        """Someone with cookies of their own, who has opened the page."""
        # Reading the certificates of all authorities takes 60 ms, and the address begins with http.
        client = httpx.Client(base_url=self.url, timeout=60, verify=False, **options)
        self.clients.append(client)
        client.get("")
        return client

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def last_words(self) -> str:
        """What the server has written last."""
        state = "runs" if self.process.is_alive() else f"ended: {self.process.exitcode}"
        lines = self.text.splitlines()[-LOG_LINES:]
        return "\n".join([f"Last lines of the server at {self.url} ({state}):", *lines])

    @property
    def root(self) -> Path:
        """The folder that holds all sessions."""
        (folder,) = self.temporary.glob("hypothalamus-seg-web-*")
        return folder

    def files(self, pattern: str) -> list[Path]:
        """What lies in the sessions' folders; `Path.rglob` trips over what vanishes meanwhile."""
        found = [Path(top, n) for top, *some in os.walk(self.root) for names in some for n in names]
        return [path for path in found if fnmatch(path.name, pattern)]

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.join(timeout=30)
        assert self.process.exitcode is not None, "the server does not end"
        return self.process.exitcode


@contextmanager
def running(folder: Path, stub: bool = True, **settings: object) -> Iterator[Server]:
    """A server on a free port of loopback, stopped at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tmp").mkdir()
    if stub:
        settings["worker_command"] = STUB
    stub_seconds = str(settings.pop("stub_seconds", 0.05))
    server = _started(folder, settings, stub_seconds)
    RUNNING.append(server)
    try:
        yield server
    finally:
        RUNNING.remove(server)
        for client in server.clients:
            client.close()
        if server.process.is_alive():
            server.stop()
        FREE_PORTS.append(httpx.URL(server.url).port)


def failed_start(folder: Path, **settings: object) -> tuple[int | None, str]:
    """Exit code and words of a server that cannot start; the code is None if it does."""
    (folder / "tmp").mkdir(parents=True)
    server = _begun(folder, settings, "0.05")
    server.process.join(timeout=30)
    code = server.process.exitcode
    if code is None:
        server.process.kill()
    return code, server.text


def _started(folder: Path, settings: dict, stub_seconds: str) -> Server:
    """A server that answers; on another port where somebody else was quicker."""
    for _ in range(STARTS):
        server = _begun(folder, settings, stub_seconds)
        RUNNING.append(server)
        try:
            wait_until(
                lambda server=server: (
                    (
                        "Application startup complete" in server.text
                        and "Uvicorn running" in server.text
                    )
                    or not server.process.is_alive()
                )
            )
        except BaseException:
            server.process.kill()
            server.process.join()
            raise
        finally:
            RUNNING.remove(server)
        if server.process.is_alive():
            return server
        if "address already in use" not in server.text:
            break
    raise AssertionError(f"The server did not start.\n{server.last_words}")


def _begun(folder: Path, settings: dict, stub_seconds: str) -> Server:
    port = FREE_PORTS.pop() if FREE_PORTS else _free_port()
    log = folder / "server.log"
    log.touch()
    settings = {**settings, "port": port}
    surroundings = {
        **surroundings_of_processes(),
        "TMPDIR": str(folder / "tmp"),
        "HYPOTHALAMUSSEG_STUB_SECONDS": stub_seconds,
    }
    # No daemon: those may not start the workers.
    process = processes().Process(target=serve, args=(settings, log, surroundings), daemon=False)
    process.start()
    return Server(f"http://127.0.0.1:{port}/", process, log, folder / "tmp")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.cache
def processes() -> multiprocessing.context.BaseContext:
    """Starts processes that have imported Gradio, where the system can fork."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["Testing.support.web_preloaded"])
    with patch.dict(os.environ, surroundings_of_processes()):
        forkserver.ensure_running()
    return context


def surroundings_of_processes() -> dict[str, str]:
    """The environment of the tests, with this repository before an installed copy."""
    paths = [str(REPOSITORY), str(REPOSITORY / "HypothalamusSeg")]
    return {**environment(), "PYTHONPATH": os.pathsep.join(paths)}


def serve(settings: dict, log: Path, surroundings: dict[str, str]) -> None:
    """Serve with the settings of `ServerSettings`; the process ends with its code."""
    # A file, not a pipe: nobody has to read it for the server to go on.
    with log.open("ab") as stream:
        for standard in (sys.stdout, sys.stderr):
            os.dup2(stream.fileno(), standard.fileno())
    os.environ.update(surroundings)
    os.chdir(REPOSITORY)
    tempfile.tempdir = None  # or it stays that of the process that was forked

    from Web import command_line
    from Web.server_settings import ServerSettings

    for name in ("password_file", "certificate", "certificate_key"):
        settings[name] = Path(settings[name]) if settings.get(name) else None
    if "worker_command" in settings:
        settings["worker_command"] = tuple(settings["worker_command"])
    sys.exit(command_line.serve(ServerSettings(**settings)))


def write_passwords(path: Path, **people: str) -> str:
    """A password file whose hashes take no time to check; returns its name."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    lines = [f"{name}:{hasher.hash(password)}" for name, password in people.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def wait_until(condition, seconds=START_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            why = f"waited {seconds:.0f} s"
            wanted = inspect.getsource(condition).strip()
            raise AssertionError("\n".join([f"{why}, for: {wanted}", *last_words()]))
        time.sleep(POLL_SECONDS)


def last_words() -> list[str]:
    """The ends of the logs of the servers that run now."""
    return [server.last_words for server in RUNNING]


def upload(client: httpx.Client, name: str, data: bytes, checked: bool = True) -> dict:
    """Send a file; with ``checked``, wait for what the check says."""
    answer = client.put("uploads", content=data, headers={"X-File-Name": name})
    assert answer.status_code == 200, answer.text
    identifier = answer.json()["id"]
    if not checked:
        return answer.json()
    wait_until(lambda: scan(client, identifier)["state"] != "checking", seconds=60)
    return scan(client, identifier)


def scan(client: httpx.Client, identifier: str) -> dict:
    return next(s for s in call(client, "list_scans") if s["id"] == identifier)


def call(client: httpx.Client, name: str, *values: object):
    """Call a named endpoint as Gradio's own client does, which asks once what there is."""
    if client not in ENDPOINTS:
        named = client.get("gradio_api/info").json()["named_endpoints"]
        indices = {d.get("api_name"): d["id"] for d in client.get("config").json()["dependencies"]}
        ENDPOINTS[client] = named, indices, f"test{next(PAGES)}"
    named, indices, page = ENDPOINTS[client]
    if values:  # the client, too, sends the defaults of what was left out
        others = named[f"/{name}"]["parameters"][len(values) :]
        values += tuple(parameter["parameter_default"] for parameter in others)
    body = {"data": list(values), "fn_index": indices[name], "session_hash": page}
    client.post("gradio_api/queue/join", json=body).raise_for_status()
    with client.stream("GET", f"gradio_api/queue/data?session_hash={page}") as stream:
        for line in stream.iter_lines():
            event = json.loads(line.removeprefix("data:")) if line else {}
            if event.get("msg") == "process_completed":
                if not event["success"]:
                    raise RuntimeError(event["output"].get("error"))
                return event["output"]["data"][0]
    raise RuntimeError("no answer")
