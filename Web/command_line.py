"""The command ``hypothalamus-seg serve``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from HypothalamusSegLib.command_line import DEVICES, argument, positive

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from .server import ServerSettings

STOPPED, CANNOT_SERVE = 0, 1
SHUTDOWN_SECONDS = 2
LOOPBACK = ("127.0.0.1", "localhost", "::1")
NOT_INSTALLED = "The web page needs the package gradio: pip install 'hypothalamus-seg[web]'."


def main(arguments: Sequence[str]) -> int:
    """Serve the page until stopped.

    Returns
    -------
    int
        0: stopped; 1: it could not be served; 2: wrong usage (argparse exits by itself).
    """
    parsed = build_parser().parse_args(arguments)
    try:
        from .server import ServerSettings
    except ImportError as error:
        print(f"{NOT_INSTALLED} ({error})", file=sys.stderr)
        return CANNOT_SERVE
    settings = ServerSettings(
        host=parsed.host,
        port=parsed.port,
        most_upload_mb=parsed.max_upload_mb,
        workers=parsed.workers,
        queue=parsed.queue,
        minutes=parsed.expire_minutes,
        password_file=parsed.auth,
        root_path=parsed.root_path.rstrip("/"),
        hosts=tuple(parsed.allow_host),
        certificate=parsed.ssl_certfile,
        certificate_key=parsed.ssl_keyfile,
        worker_memory_mb=parsed.worker_memory_mb,
        device=parsed.device,
        threads=parsed.threads,
    )
    return serve(settings)


def serve(settings: ServerSettings) -> int:
    """Serve until a signal comes; returns the exit code."""
    import uvicorn

    from .passwords import PasswordFileError, others_may_read
    from .server import build_server

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    file = settings.password_file
    for warning in warnings_about(settings):
        print(warning, file=sys.stderr)
    try:
        if file and others_may_read(file):
            print(f"Others may read {file}: chmod 600 {file}", file=sys.stderr)
        config = _uvicorn_config(build_server(settings), settings)
        config.load()
    except (PasswordFileError, OSError) as error:  # a certificate's trouble is an OSError, too
        print(error, file=sys.stderr)
        return CANNOT_SERVE
    shown = "localhost" if settings.host in LOOPBACK else settings.host
    scheme = "https" if settings.certificate else "http"
    print(f"HypothalamusSeg: {scheme}://{shown}:{settings.port}{settings.root_path}/", flush=True)
    server = uvicorn.Server(config)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn ends in good order and then sends itself the signal again.
        signal.signal(number, lambda *_: None)
    server.run()
    return STOPPED if server.started else CANNOT_SERVE


def _uvicorn_config(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    import uvicorn

    from .request_timeouts import impatient_protocol

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        # Addresses name scans, and who was here is nobody's business.
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        http=impatient_protocol(settings.patience_s),
        ws="none",
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
    )


def warnings_about(settings: ServerSettings) -> list[str]:
    """What the one who runs it should know before strangers find out."""
    if settings.host in LOOPBACK:
        return []
    warnings = []
    if settings.password_file is None:
        warnings.append("Whoever reaches this address may use the page: no --auth.")
    if settings.certificate is None:
        what = "Passwords, scans" if settings.password_file else "Scans"
        warnings.append(
            f"{what} and results can be read on their way: no TLS at this address. Give "
            "--ssl-certfile and --ssl-keyfile, or keep --host 127.0.0.1 behind a proxy with TLS."
        )
    return warnings


def build_parser() -> argparse.ArgumentParser:
    """The grammar of ``serve``."""
    parser = argparse.ArgumentParser(
        prog="hypothalamus-seg serve",
        description="Serve the page to browsers. Not a medical device.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; the default is this machine only"
    )
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument(
        "--max-upload-mb", type=argument(positive), default=200, metavar="N", help="of one file"
    )
    parser.add_argument(
        "--workers",
        type=argument(positive),
        default=1,
        metavar="N",
        help="scans at a time; a worker takes about 1 GB for a head at 1 mm",
    )
    parser.add_argument(
        "--worker-memory-mb",
        type=argument(positive),
        default=4096,
        metavar="N",
        help="most that a worker may take; a scan that needs more fails alone",
    )
    parser.add_argument(
        "--auth",
        type=Path,
        default=None,
        metavar="FILE",
        help="names and passwords; `python -m Web.passwords NAME` makes a line of it",
    )
    parser.add_argument(
        "--queue", type=argument(positive), default=50, metavar="N", help="scans that may wait"
    )
    parser.add_argument(
        "--expire-minutes",
        type=argument(positive),
        default=60,
        metavar="N",
        help="after a visitor's last click until the files are deleted",
    )
    parser.add_argument(
        "--root-path", default="", metavar="PATH", help="where a proxy shows the page, as /brain"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which browsers reach the server, as brain.example.org behind a proxy; "
        "addresses, localhost and this machine's own name are known",
    )
    parser.add_argument("--ssl-certfile", type=Path, default=None, metavar="FILE", help="for TLS")
    parser.add_argument("--ssl-keyfile", type=Path, default=None, metavar="FILE", help="for TLS")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument(
        "--threads", type=argument(positive), default=None, metavar="N", help="a worker"
    )
    return parser
