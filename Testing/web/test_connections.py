"""How many connections the web page's server takes, and from whom."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from Testing.support.web_server import running
from Web.connections import MOST_FROM_ADDRESS, bounded_protocol

FILES, CONNECTIONS = 256, 400


def test_idle_connections_keep_nobody_out(tmp_path):
    """They used up the files that a process may open."""
    resource = pytest.importorskip("resource", reason="Windows has no limit of open files")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * CONNECTIONS:
        pytest.skip("the system's limit of open files is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    idle = []
    try:
        with running(tmp_path) as server:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3 * CONNECTIONS, hard))
            address = ("127.0.0.1", httpx.URL(server.url).port)
            idle += [socket.create_connection(address, timeout=5) for _ in range(CONNECTIONS)]
            assert server.visitor().get("config").status_code == 200
            assert "Too many open files" not in server.text
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for stream in idle:
            stream.close()


async def nothing(scope, receive, send):
    """An application that answers nothing."""


class Connection(asyncio.Transport):
    """A connection from an address."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1234), "sockname": ("192.0.2.1", 80)})
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("address", "is_limited"), [("203.0.113.7", True), ("127.0.0.1", False), ("::1", False)]
)
def test_a_strangers_address_has_few_connections(address, is_limited):
    async def run():
        config = uvicorn.Config(nothing, log_config=None)
        config.load()
        make = bounded_protocol(60)

        def connected(address: str):
            protocol = make(config, ServerState(), {}, asyncio.get_running_loop())
            transport = Connection(address)
            protocol.connection_made(transport)
            return protocol, transport

        kept = [connected(address) for _ in range(MOST_FROM_ADDRESS)]
        assert not any(transport.is_aborted for _, transport in kept)
        one_more, transport = connected(address)
        assert transport.is_aborted is is_limited
        assert not connected("203.0.113.8")[1].is_aborted
        one_more.connection_lost(None)
        kept[0][0].connection_lost(None)
        assert not connected(address)[1].is_aborted

    asyncio.run(run())
