"""What the server remembers about open pages, and for how long."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from Testing.support.web_server import Server, call, wait_until
from Web.page_names import MOST_PAGE_NAMES, MOST_UNREAD, PageNames
from Web.refusals import RefusedError
from Web.sessions import SessionStore


class Memory(dict):
    """Stands for Gradio's memory of pages: the number of unread messages by page."""

    def forget(self, name: str) -> None:
        self.pop(name, None)

    def unread(self, name: str) -> int:
        return self[name]


@pytest.fixture
def store(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return SessionStore(1, 1, 2, 1 << 20)


def test_old_names_are_forgotten_and_all_of_them_with_their_session(store):
    pages = PageNames(Memory())
    store.session_ended = pages.end
    mine, other = store.open(None), store.open(None)
    for number in range(100):
        pages.memory[f"page{number}"] = 0
        pages.claim(f"page{number}", mine)
    kept = [f"page{number}" for number in range(100 - MOST_PAGE_NAMES, 100)]
    assert mine.page_names == list(pages.memory) == kept
    with pytest.raises(RefusedError):
        pages.claim("page99", other)
    asyncio.run(store.delete(mine))
    assert not pages.memory
    pages.claim("page99", other)
    pages.memory["page99"] = 0
    store.open(None)
    store.open(None)  # there is no place left: the oldest visitor without files has to go
    assert not pages.memory


def memory_mb(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) >> 10


def test_many_names_take_little_memory(stub_server):
    """Each took 230 kB, and none was forgotten."""
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from Linux's /proc")
    visitor = stub_server.visitor()

    def ask(name: str) -> None:
        body = {"data": [], "fn_index": 0, "session_hash": name}
        visitor.post("gradio_api/run/predict", json=body).raise_for_status()

    for number in range(20):
        ask(f"warm{number}")
    before = memory_mb(stub_server)
    for number in range(100):
        ask(f"page{number}")
    assert memory_mb(stub_server) - before < 12
    assert call(visitor, "list_scans") == []


def test_a_page_that_does_not_read_its_messages_gets_no_more(stub_server):
    visitor = stub_server.visitor()
    config = visitor.get("config").json()
    index = next(d["id"] for d in config["dependencies"] if d["api_name"] == "list_scans")
    body = {"data": [], "fn_index": index, "session_hash": "deaf"}

    def is_refused() -> bool:
        return visitor.post("gradio_api/queue/join", json=body).status_code == 429

    asked = 0
    while not is_refused():
        asked += 1
        assert asked < 2 * MOST_UNREAD
    # Other pages are not affected, and reading makes room again.
    assert call(visitor, "list_scans") == []
    with visitor.stream("GET", "gradio_api/queue/data?session_hash=deaf") as stream:
        lines = stream.iter_lines()
        for _ in range(MOST_UNREAD):
            next(lines)
    wait_until(lambda: not is_refused(), seconds=10)
