"""The command ``hypothalamus-seg serve``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from HypothalamusSegLib.arguments import argument, positive
from HypothalamusSegLib.errors import WeightsError
from HypothalamusSegLib.machine.waiting_threads import let_waiting_threads_sleep
from HypothalamusSegLib.options import DEVICES

from .served_protocols import PUBLISHED_WORD, read_served
from .server_settings import ServerSettings
from .start import no_garbage_collection

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

STOPPED, CANNOT_SERVE = 0, 1
SHUTDOWN_SECONDS = 2
LOOPBACK = ("127.0.0.1", "localhost", "::1")
NOT_INSTALLED = (
    "The web page needs the package gradio. Install it: pip install 'hypothalamus-seg[web]'."
)


def main(arguments: Sequence[str]) -> int:
    """Serve the page until stopped.

    Returns
    -------
    int
        0: stopped; 1: the server could not start; 2: wrong usage (argparse exits).
    """
    let_waiting_threads_sleep()
    parsed = build_parser().parse_args(arguments)
    try:
        protocols = read_served(parsed.weights)
    except WeightsError as error:
        print(error, file=sys.stderr)
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
        protocols=protocols,
    )
    return serve(settings)


def serve(settings: ServerSettings) -> int:
    """Serve until a signal arrives; returns the exit code."""
    try:
        with no_garbage_collection():
            import uvicorn

            from .connections import allow_many_connections
            from .passwords import PasswordFileError, others_may_read
            from .server import build_server
    except ImportError as error:
        print(f"{NOT_INSTALLED} ({error})", file=sys.stderr)
        return CANNOT_SERVE
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    allow_many_connections()
    file = settings.password_file
    for warning in warnings_about(settings):
        print(warning, file=sys.stderr)
    try:
        if file and others_may_read(file):
            print(f"Warning: other users can read {file}. Run: chmod 600 {file}", file=sys.stderr)
        config = _uvicorn_config(build_server(settings), settings)
        config.load()
    except (PasswordFileError, OSError) as error:  # certificate errors are OSErrors, too
        print(error, file=sys.stderr)
        return CANNOT_SERVE
    shown = "localhost" if settings.host in LOOPBACK else settings.host
    scheme = "https" if settings.certificate else "http"
    print(f"HypothalamusSeg: {scheme}://{shown}:{settings.port}{settings.root_path}/", flush=True)
    server = uvicorn.Server(config)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn shuts down cleanly and then sends itself the signal again.
        signal.signal(number, lambda *_: None)
    server.run()
    return STOPPED if server.started else CANNOT_SERVE


def _uvicorn_config(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    import uvicorn

    from .connections import bounded_protocol

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        # No access log: URLs contain scan names, and visits are private.
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        http=bounded_protocol(settings.patience_s),
        ws="none",
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
    )


def warnings_about(settings: ServerSettings) -> list[str]:
    """Warnings for the administrator about an unsafe setup."""
    if settings.host in LOOPBACK:
        return []
    warnings = []
    if settings.password_file is None:
        warnings.append(
            "Warning: no password set (--auth). Anyone who can reach this address can use the page."
        )
    if settings.certificate is None:
        what = "passwords, scans" if settings.password_file else "scans"
        warnings.append(
            f"Warning: {what} and results are sent unencrypted (no TLS at this address). Use "
            "--ssl-certfile and --ssl-keyfile, or keep --host 127.0.0.1 behind a proxy with "
            "TLS."
        )
    return warnings


def build_parser() -> argparse.ArgumentParser:
    """Build the argument parser of ``serve``."""
    parser = argparse.ArgumentParser(
        prog="hypothalamus-seg serve",
        description="Start the web page. Not a medical device.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; by default only this machine"
    )
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument(
        "--max-upload-mb",
        type=argument(positive),
        default=200,
        metavar="N",
        help="size limit per file",
    )
    parser.add_argument(
        "--workers",
        type=argument(positive),
        default=1,
        metavar="N",
        help="scans processed at the same time; a worker needs about 1 GB for a head at 1 mm",
    )
    parser.add_argument(
        "--worker-memory-mb",
        type=argument(positive),
        default=4096,
        metavar="N",
        help="memory limit per worker; only the scan that needs more fails",
    )
    parser.add_argument(
        "--auth",
        type=Path,
        default=None,
        metavar="FILE",
        help=("file with names and passwords; `python -m Web.passwords NAME` prints a line for it"),
    )
    parser.add_argument(
        "--queue",
        type=argument(positive),
        default=50,
        metavar="N",
        help="maximum number of waiting scans",
    )
    parser.add_argument(
        "--expire-minutes",
        type=argument(positive),
        default=60,
        metavar="N",
        help="time from a visitor's last click until the files are deleted",
    )
    parser.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="path at which a proxy serves the page, for example /brain",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another host name of the server, for example brain.example.org behind a "
        "proxy; IP addresses, localhost and this machine's own name are always accepted",
    )
    parser.add_argument(
        "--ssl-certfile", type=Path, default=None, metavar="FILE", help="certificate for TLS"
    )
    parser.add_argument(
        "--ssl-keyfile", type=Path, default=None, metavar="FILE", help="private key for TLS"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="DIR",
        help="weights of another protocol, as `hypothalamus-seg adapt` writes them; repeated, "
        f"visitors choose by name; {PUBLISHED_WORD!r} stands for the published ones",
    )
    parser.add_argument(
        "--threads",
        type=argument(positive),
        default=None,
        metavar="N",
        help="processor threads per worker",
    )
    return parser
