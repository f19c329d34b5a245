"""A scan's whole way through a running server, and requests byte by byte."""

from __future__ import annotations

import socket

import httpx

from Testing.support.web_server import Server, call, scan, upload, wait_until

COOKIE = "hypothalamus_seg_session"


def finished(client: httpx.Client, name: str, data: bytes, grid: str = "0.5") -> dict:
    """Send a scan and have it segmented; what is said of it in the end."""
    made = upload(client, name, data)
    assert made["state"] == "ready", made
    return segmented(client, made["id"], grid)


def segmented(client: httpx.Client, identifier: str, grid: str) -> dict:
    """Have a visitor's scans segmented; what is said of one of them in the end."""
    call(client, "start", False, grid)
    wait_until(lambda: scan(client, identifier)["state"] != "segmenting", seconds=30)
    return scan(client, identifier)


def connection(server: Server) -> socket.socket:
    """A stream to the server that fails after 20 s of silence."""
    return socket.create_connection(("127.0.0.1", httpx.URL(server.url).port), timeout=20)


def request_bytes(client: httpx.Client, method: str, path: str, **headers: object) -> bytes:
    """The start of a request with the client's cookie, for `connection`."""
    lines = [f"{method} /{path} HTTP/1.1", f"Host: {client.base_url.netloc.decode()}"]
    lines.append(f"Cookie: {COOKIE}={client.cookies[COOKIE]}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()
