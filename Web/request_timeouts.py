"""Close connections on which a request is never completed.

uvicorn closes a connection that is idle between two requests, but waits for ever for the rest of a
request's head. (The rest of a body is waited for in `request_bodies` and `uploads`.)
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient_protocol(patience_s: float) -> type[H11Protocol]:
    """The server's protocol, closing what has not sent a request's whole head in time."""

    class ImpatientProtocol(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            # Idle: what came is no whole head yet.
            if self.conn.their_state is h11.IDLE:
                self._wait()
            else:
                self._wait_no_more()

        def connection_lost(self, exc: Exception | None) -> None:
            self._wait_no_more()
            super().connection_lost(exc)

        def _wait(self) -> None:
            # The timer is not restarted by each byte.
            if self._timer is None:
                self._timer = self.loop.call_later(patience_s, self._give_up)

        def _wait_no_more(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _give_up(self) -> None:
            self._timer = None
            if self.conn.their_state is h11.IDLE:
                self.transport.close()

    return ImpatientProtocol
