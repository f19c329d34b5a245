"""Build the server from gate, uploads, downloads and the Gradio page."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

# Set before Gradio is imported: no telemetry, version checks, accounts or history. The environment
# cannot turn on what the server turns off.
SILENCED = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_MCP_SERVER": "False",
    "GRADIO_SHARE": "False",
    "GRADIO_ALLOWED_PATHS": "",
}
os.environ.update(SILENCED)

import gradio as gr  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.staticfiles import StaticFiles  # noqa: E402
from starlette.types import ASGIApp  # noqa: E402

from .api import Api  # noqa: E402
from .downloads import Downloads  # noqa: E402
from .engine_pool import EnginePool  # noqa: E402
from .expiry import expiry  # noqa: E402
from .gate import Gate  # noqa: E402
from .hosts import Hosts  # noqa: E402
from .page import PageSettings, build_page, own_theme  # noqa: E402
from .page_names import GradioMemory, PageNames  # noqa: E402
from .page_updates import PageUpdates  # noqa: E402
from .passwords import Passwords  # noqa: E402
from .refusals import RefusedError  # noqa: E402
from .server_settings import ServerSettings, checker_command, engine_command  # noqa: E402
from .sessions import SessionStore  # noqa: E402
from .uploads import Uploads  # noqa: E402
from .work import Work  # noqa: E402

BROWSER_FILES = Path(__file__).with_name("browser")
CHECKERS = 2
MOST_CHECKS_WAITING = 100
CHECK_SECONDS, SEGMENT_SECONDS = 90.0, 1200.0
MOST_SESSIONS = 200
# Disk space of a visitor, with unpacked archives and results, in units of the largest upload.
SESSION_SHARE = 5
# Gradio's queue looks every millisecond whether a program has called an endpoint, which takes 7 %
# of a processor core of a server that nobody uses.
QUEUE_PAUSE_SECONDS = 0.02


def build_server(settings: ServerSettings) -> ASGIApp:
    """The whole server as an ASGI application.

    Raises
    ------
    passwords.PasswordFileError
    """
    passwords = Passwords(settings.password_file) if settings.password_file else None
    most_bytes = settings.most_upload_mb << 20
    times = (settings.minutes, settings.minutes_after_download)
    store = SessionStore(*times, MOST_SESSIONS, SESSION_SHARE * most_bytes)
    confined = ("--folder", str(store.root))
    checker = checker_command(settings, confined)
    engine = engine_command(settings, confined)
    # A file can be made to use the full time limit; one checker stays free for other visitors.
    checkers = EnginePool(checker, CHECKERS, MOST_CHECKS_WAITING, CHECK_SECONDS, CHECKERS - 1)
    engines = EnginePool(engine, settings.workers, settings.queue, SEGMENT_SECONDS)
    work = Work(store, checkers, engines, most_bytes, settings.device, settings.engine_threads)
    work.protocols = settings.protocols
    store.stop_ticket = work.stop
    uploads = Uploads(store, work, most_bytes, settings.patience_s)
    page = build_page(
        PageUpdates(store, work, uploads),
        Api(store, work, uploads),
        PageSettings(settings.most_upload_mb, *times, settings.protocols),
    )
    page._queue.sleep_when_free = QUEUE_PAUSE_SECONDS
    pages = PageNames(GradioMemory(page))
    store.session_ended = pages.end

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await checkers.start()
        await engines.start()
        sweep = asyncio.create_task(store.sweep())
        try:
            yield
        finally:
            sweep.cancel()
            await engines.stop()
            await checkers.stop()
            await store.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    _add_routes(app, uploads, Downloads(store))
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        root_path=settings.root_path or None,
        allowed_paths=[],
        blocked_paths=[os.path.abspath(os.sep)],
        max_file_size="1kb",
        show_error=False,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=own_theme(),
        css_paths=[BROWSER_FILES / "page.css"],
        head=f'<script type="module" src="browser/{browser_version()}/main.js"></script>',
    )
    # Makes Gradio refuse these paths, too, in addition to the gate.
    page.has_launched = True
    return Gate(
        app,
        store,
        pages,
        most_bytes,
        passwords,
        settings.root_path,
        Hosts((settings.host, *settings.hosts)),
        settings.patience_s,
    )


@functools.cache
def browser_version() -> str:
    """Hash of the browser files, used in their URL."""
    digest = hashlib.sha256()
    for path in sorted(BROWSER_FILES.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _add_routes(app: FastAPI, uploads: Uploads, downloads: Downloads) -> None:
    # Added before Gradio, which is mounted at "/" and would handle them.
    app.add_api_route("/uploads", uploads.receive, methods=["PUT"])
    app.add_api_route("/results/everything.zip", downloads.everything, methods=["GET"])
    app.add_api_route("/results/{entry}/{name}", downloads.file, methods=["GET"])
    app.add_api_route("/expiry", expiry, methods=["GET"])
    # Each version has its own URL, so a browser never mixes files of two versions.
    app.mount(f"/browser/{browser_version()}", StaticFiles(directory=BROWSER_FILES))

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        return error.response()
