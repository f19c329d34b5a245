"""The web page as Docs/WEB.md sets it up for several people: behind a proxy, with passwords."""

from __future__ import annotations

import socket
import threading
import time

import pytest

pytest.importorskip("playwright", reason="the tests in a browser need playwright")

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from Testing.support.scan_files import head_volume, write_scan
from Testing.support.web_server import running, write_passwords
from Testing.support.web_visitor import Visitor

PREFIX = "/brain"
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]


def proxy_to(server_url: str) -> Starlette:
    """What nginx does by the documents' configuration: strips the prefix, passes all else on."""

    async def forward(request: Request) -> StreamingResponse:
        client = httpx.AsyncClient(timeout=60, verify=False)  # reads no certificates
        address = server_url + request.path_params["path"]
        headers = {
            **{k: v for k, v in request.headers.items() if k != "content-length"},
            "x-forwarded-host": request.headers["host"],
            "x-forwarded-proto": "http",
        }
        sent = client.build_request(
            request.method,
            address,
            params=request.query_params,
            headers=headers,
            content=await request.body(),
        )
        answer = await client.send(sent, stream=True)

        async def body():
            async for chunk in answer.aiter_raw():
                yield chunk
            await client.aclose()

        passed = StreamingResponse(body(), answer.status_code)
        passed.raw_headers = [
            (k, v) for k, v in answer.headers.raw if k.lower() != b"transfer-encoding"
        ]
        return passed

    return Starlette(routes=[Route(PREFIX + "/{path:path}", forward, methods=METHODS)])


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page's address for visitors."""
    folder = tmp_path_factory.mktemp("proxied")
    passwords = write_passwords(folder / "passwords.txt", ada="Möbius")
    with running(folder / "server", password_file=passwords, root_path=PREFIX) as server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        proxy = uvicorn.Server(uvicorn.Config(proxy_to(server.url), port=port, log_level="warning"))
        thread = threading.Thread(target=proxy.run, daemon=True)
        thread.start()
        while not proxy.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}{PREFIX}/"
        proxy.should_exit = True
        thread.join(10)


def test_the_whole_way_works_behind_a_proxy_with_a_password(address, browser, tmp_path):
    head = write_scan(tmp_path / "anna.nii.gz", head_volume())
    person = {"username": "ada", "password": "Möbius"}
    visitor = Visitor(browser, address, http_credentials=person)
    refused: list[str] = []
    visitor.page.on("response", lambda r: refused.append(r.url) if r.status >= 400 else None)
    visitor.give(head)
    visitor.state("anna.nii.gz", "ready")
    visitor.page.click("#start")
    visitor.state("anna.nii.gz", "done")
    with visitor.page.expect_download() as download:
        visitor.page.click("a.everything")
    assert download.value.suggested_filename.endswith(".zip")
    (cookie,) = visitor.context.cookies()
    assert cookie["path"] == f"{PREFIX}/"
    assert visitor.strangers == []
    visitor.page.reload()
    visitor.state("anna.nii.gz", "done")
    # The stub makes nothing for the viewer to show; all else is found behind the prefix.
    assert {url.rsplit("/", 1)[1] for url in refused} == {"scene"}
    visitor.context.close()


def test_without_the_password_nothing_is_shown_behind_the_proxy(address):
    for path in ("", "config", "gradio_api/info", "results/everything.zip"):
        assert httpx.get(address + path, verify=False).status_code == 401
