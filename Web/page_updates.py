"""What the page's controls do, and what the page shows afterwards.

No callback computes: each asks `Work`, and tells Gradio what has changed since it last told.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from HypothalamusSegLib.errors import SampleMissingError

from . import tables, texts
from .fair_queue import QueueFullError
from .gate import RefusedError, session_of
from .references import new_reference
from .sessions import Entry, Session, SessionStore
from .uploads import Uploads
from .work import UnknownGridError, Work

log = logging.getLogger("hypothalamus_seg.web.page")
SECONDS_LIVELY = 3.0
# In the order of the page's outputs, see `page.build_page`.
OUTPUTS = (
    "scans",
    "start",
    "cancel",
    "delete",
    "timer",
    "results",
    "batch",
    "everything",
    "choice",
    "shown",
    "said",
)


def plain_words(error: Exception) -> str:
    """What a visitor is told of a failure; the rest goes into the server's log."""
    if isinstance(error, QueueFullError):
        return texts.QUEUE_FULL
    if isinstance(error, (RefusedError, SampleMissingError, UnknownGridError)):
        return str(error)
    reference = new_reference()
    log.error("Unexpected failure, reference %s", reference, exc_info=error)
    return texts.unexpected(reference)


@dataclass(frozen=True)
class PageUpdates:
    """The callbacks of one server's page."""

    store: SessionStore
    work: Work
    uploads: Uploads

    async def refresh(self, shown: dict, request: gr.Request) -> list:
        """Whatever has changed; asked every second while there is work."""
        return self._changes(session_of(request), shown, keep_words=True)

    async def opened(self, request: gr.Request) -> list:
        """Everything and the options, for a page that was just loaded."""
        session = session_of(request)
        return [*self._changes(session, {}), session.options["subunits"], session.options["grid"]]

    async def add_sample(self, shown: dict, request: gr.Request) -> list:
        session = session_of(request)
        return await self._after(self.uploads.add_sample(session), session, shown)

    async def start(self, subunits: bool, grid: str, shown: dict, request: gr.Request) -> list:
        session = session_of(request)
        return await self._after(self._start(session, subunits, grid), session, shown)

    async def _start(self, session: Session, subunits: bool, grid: str) -> str:
        started = await self.work.start(session, subunits, grid)
        left = len(self.work.startable(session))
        if left:
            return texts.some_left(left)
        return "" if started else texts.NOTHING_TO_START

    async def cancel(self, shown: dict, request: gr.Request) -> list:
        session = session_of(request)
        return await self._after(self.work.cancel(session), session, shown, texts.STOPPED)

    async def remove(self, shown: dict, request: gr.Request, event: gr.EventData) -> list:
        session = session_of(request)
        entry = session.entries.get(str(event._data.get("entry")))
        series = event._data.get("series")
        if entry and isinstance(series, int):
            chosen = self.work.choose_series(session, entry.identifier, series)
            return await self._after(chosen, session, shown)
        if entry:
            await self.work.remove(session, entry)
        return self._changes(session, shown)

    async def delete(self, shown: dict, request: gr.Request) -> list:
        session = session_of(request)
        return await self._after(self.store.clear(session), session, shown, texts.DELETED)

    async def _after(
        self, act: Awaitable[Any], session: Session, shown: dict, words: str = ""
    ) -> list:
        """The page after something was done, with its own words or those of its failure."""
        # Gradio would not show an error that is raised: this page hides its progress signs.
        try:
            outcome = await act
        except Exception as error:
            return self._changes(session, shown, plain_words(error), failed=True)
        return self._changes(session, shown, outcome if isinstance(outcome, str) else words)

    async def choose(self, choice: str | None, request: gr.Request) -> tuple[str, str, str, str]:
        """What is shown of the chosen result: for the viewer, volumes, flags, files."""
        entry = session_of(request).entries.get((choice or "").partition(":")[0])
        if entry is None or entry.result is None:
            return "{}", "", "", ""
        scene = {"scene": tables.file_address(entry, "scene"), "name": entry.result["name"]}
        # Another run of the same scan is another scene at the same address.
        scene["run"] = choice
        return (
            json.dumps(scene),
            tables.flag_list(entry.result),
            tables.volume_table(entry.result),
            tables.downloads(entry),
        )

    def _changes(
        self,
        session: Session,
        shown: dict,
        words: str = "",
        failed: bool = False,
        keep_words: bool = False,
    ) -> list:
        """Values for ``OUTPUTS``; what the page shows already is skipped."""
        entries = list(session.entries.values())
        done = [entry for entry in entries if entry.result]
        choices = [(entry.result["name"], _choice(entry)) for entry in done]
        wanted = {
            "scans": tables.scan_list(entries, self.work),
            "start": any(entry.can_start for entry in entries),
            "cancel": session.is_busy,
            "delete": bool(entries),
            "timer": _is_lively(session),
            "results": bool(done),
            "batch": tables.batch_table(entries),
            "everything": tables.download_everything(entries),
            "choice": choices,
            "said": shown.get("said", "") if keep_words else _said(words, failed),
        }
        makers = {
            "start": lambda can: gr.Button(interactive=can),
            "cancel": lambda can: gr.Button(interactive=can),
            "delete": lambda can: gr.Button(interactive=can),
            "timer": lambda active: gr.Timer(active=active),
            "results": lambda visible: gr.Column(visible=visible),
            "choice": lambda choices: _choices(choices, shown.get("choice")),
        }
        updates: list = []
        for name in OUTPUTS:
            if name == "shown":
                updates.append(json.loads(json.dumps(wanted)))
            elif name in shown and shown[name] == json.loads(json.dumps(wanted[name])):
                updates.append(gr.skip())
            else:
                updates.append(makers.get(name, lambda value: value)(wanted[name]))
        return updates


def _is_lively(session: Session) -> bool:
    """Whether the page should ask again: also a little later, if answers overtook each other."""
    now = time.monotonic()
    if session.is_busy:
        session.lively_until = now + SECONDS_LIVELY
    return now < session.lively_until


def _said(words: str, failed: bool) -> str:
    kind = "class='severe' role='alert'" if failed else "role='status'"
    return f"<p {kind}>{tables.escaped(words)}</p>" if words else ""


def _choice(entry: Entry) -> str:
    """Names a result, and which run of it."""
    return f"{entry.identifier}:{entry.options['grid']}:{entry.options['subunits']}"


def _choices(choices: list[tuple[str, str]], before: list | None) -> gr.Dropdown:
    """Show the newest result that was not there before, or else the first."""
    known = {value for _, value in before or []}
    new = [value for _, value in choices if value not in known]
    chosen = new[0] if new else choices[0][1] if choices else None
    return gr.Dropdown(choices=choices, value=chosen, visible=len(choices) > 1)
