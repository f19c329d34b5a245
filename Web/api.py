"""The API for programs; `Docs/WEB.md` shows a client.

A scan is sent as the body of ``PUT uploads`` and results are fetched from ``results/…``; this
module handles everything in between. The first response sets the session cookie.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from . import tables
from .entries import Entry
from .gate import session_of
from .page_updates import plain_words
from .run_options import run_options
from .sessions import SessionStore
from .uploads import Uploads
from .work import Work, describe_entry


def plain_failures(endpoint: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Convert exceptions of an endpoint to an error message without traceback."""

    @functools.wraps(endpoint)
    async def guarded(*arguments: Any, **named: Any) -> Any:
        try:
            return await endpoint(*arguments, **named)
        except Exception as error:
            raise gr.Error(plain_words(error), print_exception=False) from error

    return guarded


@dataclass(frozen=True)
class Api:
    """Named endpoints of one server."""

    store: SessionStore
    work: Work
    uploads: Uploads

    def register(self) -> None:
        """Add the endpoints to the Blocks that are being built."""
        for endpoint in (
            self.list_scans,
            self.add_sample,
            self.choose_series,
            self.start,
            self.cancel,
            self.results,
            self.delete_everything,
        ):
            gr.api(
                plain_failures(endpoint),
                api_name=endpoint.__name__,
                api_description=endpoint.__doc__,
                concurrency_limit=None,
            )

    async def list_scans(self, request: gr.Request) -> list[dict]:
        """Scans of this session: id, file, state, queue_place, fraction, step, message, and more.

        Flags are those found while reading; series lists the choices in the state choosing.
        States: checking, choosing, refused, ready, segmenting, done, failed, cancelled.
        """
        return [self._describe(entry) for entry in session_of(request).entries.values()]

    async def add_sample(self, request: gr.Request) -> dict:
        """Add the sample brain (ICBM 152, skull-stripped) like an upload."""
        return self._describe(await self.uploads.add_sample(session_of(request)))

    async def choose_series(self, request: gr.Request, scan: str, number: int) -> dict:
        """Choose one of the series in an upload, by scan id and series number."""
        entry = await self.work.choose_series(session_of(request), scan, int(number))
        return self._describe(entry)

    async def start(
        self,
        request: gr.Request,
        subunits: bool = False,
        grid: str = "0.5",
        structures: str = "hypothalamus,icv",
        folds: str = "0,1,2,3,4",
        protocol: str = "",
    ) -> list:
        """Queue every usable scan without such a result; options as on the command line.

        The protocol is one of those that the server offers, by name; empty: the first.
        """
        served = self.work.protocols
        options = run_options(subunits, grid, structures, folds, protocol, served)
        started = await self.work.start(session_of(request), options)
        return [self._describe(entry) for entry in started]

    async def cancel(self, request: gr.Request) -> int:
        """Cancel all waiting and running scans of this session; returns their number."""
        return await self.work.cancel(session_of(request))

    async def results(self, request: gr.Request) -> list[dict]:
        """Finished scans: id, file, volumes and flags as in NAME_volumes.json, addresses."""
        entries = session_of(request).entries.values()
        return [
            {
                "id": entry.identifier,
                "file": entry.file_name,
                "result": entry.result,
                "files": {name: tables.file_address(entry, name) for name in entry.files},
            }
            for entry in entries
            if entry.result
        ]

    async def delete_everything(self, request: gr.Request) -> str:
        """Delete this session's scans and results now."""
        await self.store.clear(session_of(request))
        return "deleted"

    def _describe(self, entry: Entry) -> dict:
        return describe_entry(entry, self.work.place_of(entry))
