"""Limits on connections: how many, and how long for a request that is never completed.

uvicorn closes a connection that is idle between two requests, but waits forever for the rest of a
request's head. (`request_bodies` and `uploads` limit the time for a body.)
"""

from __future__ import annotations

import asyncio
from collections import Counter

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .sessions import is_here

# A browser opens six. A proxy on this machine has no limit here and should have its own.
MOST_FROM_ADDRESS = 64
MOST_OPEN_FILES = 1 << 16


def bounded_protocol(patience_s: float) -> type[H11Protocol]:
    """Create the protocol of a server, with limits on the connections of each address.

    Parameters
    ----------
    patience_s : float
        Time for the head of a request.
    """
    open_from: Counter[str] = Counter()

    class BoundedProtocol(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._address = str((transport.get_extra_info("peername") or ("",))[0])
            open_from[self._address] += 1
            if open_from[self._address] > MOST_FROM_ADDRESS and not is_here(self._address):
                transport.abort()
                return
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            # Still idle: the head is not complete.
            if self.conn.their_state is h11.IDLE:
                self._wait()
            else:
                self._stop_waiting()

        def connection_lost(self, exc: Exception | None) -> None:
            open_from[self._address] -= 1
            if not open_from[self._address]:
                del open_from[self._address]
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait(self) -> None:
            # Further bytes do not restart the timer.
            if self._timer is None:
                self._timer = self.loop.call_later(patience_s, self._give_up)

        def _stop_waiting(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _give_up(self) -> None:
            self._timer = None
            if self.conn.their_state is h11.IDLE:
                self.transport.close()

    return BoundedProtocol


def allow_many_connections() -> None:
    """Raise this process's limit of open files: each connection is one, and 1024 is usual."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
