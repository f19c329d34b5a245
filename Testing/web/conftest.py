"""What the page's tests share: without Gradio they are skipped; a real server with a result."""

from __future__ import annotations

import asyncio
import io
import os
from importlib.util import find_spec

import pytest

from Testing.support.command_runs import REPOSITORY


class WithoutGradio(pytest.Module):
    """A file of tests that are skipped, with the reason."""

    def collect(self):
        pytest.skip("the web page's tests need gradio")


def pytest_pycollect_makemodule(module_path, parent):
    # Not by `importorskip`: the import takes 4 s of each of pytest-xdist's processes.
    if find_spec("gradio") is None:
        return WithoutGradio.from_parent(parent, path=module_path)
    return None


@pytest.fixture(scope="session")
def stub_server(tmp_path_factory):
    """A server as it is by default, with a stub engine; for tests that leave it as it was."""
    from Testing.support.web_server import running

    with running(tmp_path_factory.mktemp("stub")) as server:
        yield server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server with a stub engine and a secret, which hostile visitors may try."""
    from Testing.support.web_server import running

    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("DEPLOY_TOKEN", "a secret of the server")
        with running(folder, most_upload_mb=2, minutes_after_download=0.03) as server:
            yield server


@pytest.fixture
def visitor(server):
    return server.visitor()


@pytest.fixture(scope="session")
def head(tmp_path_factory) -> bytes:
    """A small file that passes the check."""
    from Testing.support.scan_files import head_volume, write_scan

    path = write_scan(tmp_path_factory.mktemp("scan") / "head.nii.gz", head_volume())
    return path.read_bytes()


@pytest.fixture(scope="session")
def real_server(tmp_path_factory):
    """A server whose workers have the real networks."""
    from Testing.support.web_server import running

    with running(tmp_path_factory.mktemp("real"), stub=False, device="cpu") as server:
        yield server


@pytest.fixture(scope="package")
def chromium_of_all():
    pytest.importorskip("playwright", reason="the tests in a browser need playwright")
    from Testing.support.web_visitor import chromium

    with chromium() as browser:
        yield browser, asyncio.get_running_loop()


@pytest.fixture(scope="module")
def browser(chromium_of_all):
    """Headless Chromium: its start, and what a first visit loads, take seconds, so all share it."""
    browser, loop = chromium_of_all
    # Playwright's event loop counts as running all the time; in between, others start their own.
    asyncio._set_running_loop(loop)
    yield browser
    asyncio._set_running_loop(None)


@pytest.fixture(scope="package")
def whole_way(chromium_of_all, real_server, sample_path, pictures, tmp_path_factory):
    """The whole way through the page, once for all files: half a minute of processor time."""
    from Testing.support.web_whole_way import go_the_whole_way

    browser, loop = chromium_of_all
    asyncio._set_running_loop(loop)
    folder = tmp_path_factory.mktemp("download")
    return go_the_whole_way(browser, real_server, sample_path, pictures, folder)


@pytest.fixture
def visit(browser):
    """Opens the page for one visitor after another."""
    from Testing.support.web_visitor import Visitor

    visitors = []

    def new(server, **options) -> Visitor:
        visitors.append(Visitor(browser, server.url, **options))
        return visitors[-1]

    yield new
    for visitor in visitors:
        assert visitor.strangers == []
        visitor.leave()


@pytest.fixture(scope="session")
def pictures():
    """Takes a picture; with HYPOTHALAMUSSEG_PICTURES, a folder, it is written there, too."""
    import numpy as np
    from PIL import Image

    from Testing.support.page_pictures import with_palette

    wanted = os.environ.get("HYPOTHALAMUSSEG_PICTURES")

    def take(name: str, shown, **options) -> np.ndarray:
        image = Image.open(io.BytesIO(shown.screenshot(**options))).convert("RGB")
        if wanted:
            folder = REPOSITORY / wanted
            folder.mkdir(exist_ok=True)
            with_palette(image).save(folder / f"{name}.png", optimize=True)
        return np.asarray(image).astype(int)

    return take
