"""Build the server from gate, uploads, downloads and the Gradio page."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
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
from .served_protocols import ServedProtocols  # noqa: E402
from .sessions import SessionStore  # noqa: E402
from .uploads import Uploads  # noqa: E402
from .work import UNPACKED_SHARE, Work  # noqa: E402

BROWSER_FILES = Path(__file__).with_name("browser")
CHECKERS = 2
MOST_CHECKS_WAITING = 100
CHECK_SECONDS, SEGMENT_SECONDS = 90.0, 1200.0
CHECK_MEMORY_MB = 4096
# Largest file that an engine may write.
RESULT_MB = 512
MOST_SESSIONS = 200
# Disk space of a visitor, with unpacked archives and results, in units of the largest upload.
SESSION_SHARE = 5


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


def build_server(settings: ServerSettings) -> ASGIApp:
    """The whole server as an ASGI application.

    Raises
    ------
    passwords.PasswordFileError
    """
    passwords = Passwords(settings.password_file) if settings.password_file else None
    command: Sequence[str] = settings.worker_command
    most_bytes = settings.most_upload_mb << 20
    times = (settings.minutes, settings.minutes_after_download)
    store = SessionStore(*times, MOST_SESSIONS, SESSION_SHARE * most_bytes)
    confined = ("--folder", str(store.root))
    checker = (
        *command,
        "check",
        *_limits(CHECK_MEMORY_MB, UNPACKED_SHARE * settings.most_upload_mb),
        *confined,
    )
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


def _limits(memory_mb: int, file_mb: int) -> tuple[str, ...]:
    return ("--memory-mb", str(memory_mb), "--file-mb", str(file_mb))


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
