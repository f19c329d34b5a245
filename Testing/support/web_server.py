"""The web page's server as a process of its own, for tests and benches.

    python -m Testing.support.web_server '{"port": 7860, …}'

serves with the settings of `Web.server.ServerSettings`.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import httpx

from Testing.support.command_runs import REPOSITORY, environment

STUB = (sys.executable, str(REPOSITORY / "Testing" / "support" / "web_stub_worker.py"))
START_SECONDS = 120.0
STARTS = 3
LOG_LINES = 15
# Those of which a failing test shows the last words.
RUNNING: list[Server] = []


@dataclass
class Server:
    """A running server."""

    url: str
    process: subprocess.Popen
    log: Path
    temporary: Path
    clients: list[httpx.Client] = field(default_factory=list)

    def visitor(self, **options) -> httpx.Client:
        """Someone with cookies of their own, who has opened the page."""
        client = httpx.Client(base_url=self.url, timeout=60, **options)
        self.clients.append(client)
        client.get("")
        return client

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def last_words(self) -> str:
        """What the server has written last."""
        state = "runs" if self.process.poll() is None else f"ended: {self.process.returncode}"
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
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


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
        if server.process.poll() is None:
            server.stop()


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
                    or server.process.poll() is not None
                )
            )
        except BaseException:
            server.process.kill()
            server.process.wait()
            raise
        finally:
            RUNNING.remove(server)
        if server.process.poll() is None:
            return server
        if "address already in use" not in server.text:
            break
    raise AssertionError(f"The server did not start.\n{server.last_words}")


def _begun(folder: Path, settings: dict, stub_seconds: str) -> Server:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    paths = [str(REPOSITORY), str(REPOSITORY / "HypothalamusSeg")]
    surroundings = {
        **environment(),
        "PYTHONPATH": os.pathsep.join(paths),
        "TMPDIR": str(folder / "tmp"),
        "HYPOTHALAMUSSEG_STUB_SECONDS": stub_seconds,
    }
    as_json = json.dumps({**settings, "port": port})
    log = folder / "server.log"
    # A file, not a pipe: nobody has to read it for the server to go on.
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "Testing.support.web_server", as_json],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=surroundings,
            cwd=REPOSITORY,
        )
    return Server(f"http://127.0.0.1:{port}/", process, log, folder / "tmp")


def wait_until(condition, process: subprocess.Popen | None = None, seconds=START_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        has_ended = process is not None and process.poll() is not None
        if has_ended or time.monotonic() > end:
            why = "the server has ended" if has_ended else f"waited {seconds:.0f} s"
            wanted = inspect.getsource(condition).strip()
            raise AssertionError("\n".join([f"{why}, for: {wanted}", *last_words()]))
        time.sleep(0.05)


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
    """Call a named endpoint as Gradio's own client does, without its queue's stream."""
    if values:  # the client, too, sends the defaults of what was left out
        endpoint = client.get("gradio_api/info").json()["named_endpoints"][f"/{name}"]
        others = endpoint["parameters"][len(values) :]
        values += tuple(parameter["parameter_default"] for parameter in others)
    config = client.get("config").json()
    index = next(d["id"] for d in config["dependencies"] if d.get("api_name") == name)
    body = {"data": list(values), "fn_index": index, "session_hash": f"test{id(client)}"}
    client.post("gradio_api/queue/join", json=body).raise_for_status()
    with client.stream("GET", f"gradio_api/queue/data?session_hash=test{id(client)}") as stream:
        for line in stream.iter_lines():
            event = json.loads(line.removeprefix("data:")) if line else {}
            if event.get("msg") == "process_completed":
                if not event["success"]:
                    raise RuntimeError(event["output"].get("error"))
                return event["output"]["data"][0]
    raise RuntimeError("no answer")


def main() -> int:
    from Web.command_line import serve
    from Web.server import ServerSettings

    given = json.loads(sys.argv[1])
    for name in ("password_file", "certificate", "certificate_key"):
        given[name] = Path(given[name]) if given.get(name) else None
    if "worker_command" in given:
        given["worker_command"] = tuple(given["worker_command"])
    return serve(ServerSettings(**given))


if __name__ == "__main__":
    sys.exit(main())
