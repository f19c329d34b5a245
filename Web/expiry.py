"""``GET expiry``: when a visitor's files will be deleted. Asking does not delay this."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import JSONResponse

from .gate import session_of

PRIVATE = {"cache-control": "no-store"}


async def expiry(request: Request) -> JSONResponse:
    """Seconds until the files are deleted, and number of scans; null without scans."""
    session = session_of(request)
    scans = len(session.entries)
    seconds = round(session.expires - time.monotonic(), 1) if scans else None
    return JSONResponse({"scans": scans, "seconds": seconds}, headers=PRIVATE)
