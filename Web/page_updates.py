"""Callbacks of the page's controls.

Callbacks do no heavy work: each calls `Work` and sends the page what has changed since its last
update (`told`). The page sends ``heard``, the last update that it received.
"""

from __future__ import annotations

import itertools
import json
import logging
import time
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from HypothalamusSegLib.errors import SampleMissingError
from HypothalamusSegLib.flags import FLAG_TITLES

from . import flag_words, result_tables, tables, texts
from .entries import Entry, EntryState
from .fair_queue import QueueFullError
from .gate import RefusedError, session_of
from .html_text import escape
from .log_references import new_reference
from .page_parts import OUTPUTS, ResultParts
from .run_options import WrongOptionError, run_options
from .sessions import Session, SessionStore
from .told import Told, last_update, turn_of
from .uploads import Uploads
from .work import Work, describe_entry

log = logging.getLogger("hypothalamus_seg.web.page")
SECONDS_LIVELY = 3.0


def plain_words(error: Exception) -> str:
    """Error message for a visitor; details go to the server log."""
    if isinstance(error, QueueFullError):
        return texts.QUEUE_FULL
    if isinstance(error, (RefusedError, SampleMissingError, WrongOptionError)):
        return str(error)
    reference = new_reference()
    log.error("Unexpected failure, reference %s", reference, exc_info=error)
    return texts.unexpected_error(reference)


@dataclass(frozen=True)
class PageUpdates:
    """The callbacks of the page of one server."""

    store: SessionStore
    work: Work
    uploads: Uploads
    turns: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def refresh(self, heard: str, request: gr.Request) -> list:
        """Return what has changed; called every second while there is work."""
        return self._changes(request, heard, keep_words=True)

    async def opened(self, request: gr.Request) -> list:
        """Return everything and the options, for a page that was just loaded."""
        session = session_of(request)
        options = session.options
        chosen = [options[name] for name in ("structures", "subunits", "grid", "folds")]
        chosen.append(options.get("protocol", self.work.protocols.names[0]))
        session.told.pop(request.session_hash, None)
        return [*self._changes(request, None), *chosen]

    async def add_sample(self, heard: str, request: gr.Request) -> list:
        session = session_of(request)
        return await self._after(self.uploads.add_sample(session), request, heard)

    async def start(
        self,
        structures: list[str],
        subunits: bool,
        grid: str,
        folds: list[int],
        protocol: str,
        heard: str,
        request: gr.Request,
    ) -> list:
        session = session_of(request)
        words = [",".join(map(str, chosen or ())) for chosen in (structures, folds)]
        chosen = (subunits, grid, *words, protocol)
        return await self._after(self._start(session, *chosen), request, heard)

    async def _start(self, session: Session, *chosen: Any) -> str:
        started = await self.work.start(session, run_options(*chosen, self.work.protocols))
        left = len(self.work.startable(session))
        if left:
            return texts.some_left(left)
        return "" if started else texts.NOTHING_TO_START

    async def cancel(self, heard: str, request: gr.Request) -> list:
        session = session_of(request)
        return await self._after(self.work.cancel(session), request, heard, texts.STOPPED)

    async def remove(self, heard: str, request: gr.Request, event: gr.EventData) -> list:
        session = session_of(request)
        data = _data_of(event)
        entry, series = session.entries.get(str(data.get("entry"))), data.get("series")
        if entry and isinstance(series, int):
            chosen = self.work.choose_series(session, entry.identifier, series)
            return await self._after(chosen, request, heard)
        if entry:
            await self.work.remove(session, entry)
        return self._changes(request, heard)

    async def delete(self, heard: str, request: gr.Request, event: gr.EventData) -> list:
        """Handle the deletion line: delete now, or keep the session alive."""
        session = session_of(request)
        if _data_of(event).get("act") != "delete":
            return self._changes(request, heard)
        return await self._after(self.store.clear(session), request, heard, texts.DELETED)

    async def _after(
        self, act: Awaitable[Any], request: gr.Request, heard: str, words: str = ""
    ) -> list:
        """Perform an action and return the page, with its message or an error message."""
        # Gradio would not show the exception, because this page hides its progress display.
        try:
            outcome = await act
        except Exception as error:
            return self._changes(request, heard, plain_words(error), failed=True)
        return self._changes(request, heard, outcome if isinstance(outcome, str) else words)

    async def choose(self, choice: str | None, request: gr.Request) -> list:
        """Show the chosen result."""
        session = session_of(request)
        last_update(session.told, request.session_hash).choice = choice
        entry = session.entries.get((choice or "").partition(":")[0])
        if entry is None or entry.result is None:
            return ResultParts("", "", "", "", "", "{}", "", "").values()
        # Another run of the same scan is another scene at the same address.
        address = tables.file_address(entry, "scene")
        scene = {"scene": address, "name": entry.result["name"], "run": choice}
        return ResultParts(
            heading=f"<h2 tabindex='-1'>{escape(entry.result['name'])}</h2>",
            verdict=flag_words.verdict(entry.result),
            key=result_tables.key_table(entry.result, self.work.protocols.is_choice),
            report=tables.report_link(entry),
            flags=flag_words.flag_list(entry.result),
            viewer=json.dumps(scene),
            numbers=result_tables.all_numbers(entry.result),
            files=tables.downloads(entry),
        ).values()

    def _changes(
        self,
        request: gr.Request,
        heard: str | None,
        words: str = "",
        failed: bool = False,
        keep_words: bool = False,
    ) -> list:
        """Values for ``OUTPUTS``; what the page shows already is skipped."""
        session = session_of(request)
        told = last_update(session.told, request.session_hash)
        before = told.values
        has_heard_all = turn_of(heard) == told.turn
        entries = list(session.entries.values())
        done = [entry for entry in entries if entry.result]
        choices = [[entry.result["name"], result_tables.run_name(entry)] for entry in done]
        told.turn = next(self.turns)
        told.choice = _choose_result(choices, before.get("choice"), told.choice)
        wanted = {
            "setup": _is_set_up_open(entries),
            "scans": tables.scan_list(entries, self.work),
            "start": any(entry.can_start for entry in entries),
            "cancel": session.is_busy,
            "deletion": str(len(entries)),
            "news": json.dumps({**_news(entries, choices, before), "turn": told.turn}),
            "timer": _is_lively(session),
            "results": bool(done),
            "batch": result_tables.batch_table(entries, self.work.protocols.is_choice),
            "everything": tables.download_everything(entries),
            "choice": choices,
            "said": before.get("said", "") if keep_words else _status_line(words, failed),
        }
        told.values = wanted
        # Keep sections that the visitor has opened, even if an answer was lost.
        own = ("setup",)
        changed = [
            name
            for name in OUTPUTS
            if before.get(name) != wanted[name] or not (has_heard_all or name in own)
        ]
        return [
            _make_value(name, wanted[name], told) if name in changed else gr.skip()
            for name in OUTPUTS
        ]


def _data_of(event: gr.EventData) -> dict:
    """Data of an event; empty if it is forged."""
    return event._data if isinstance(event._data, dict) else {}


def _make_value(name: str, value: Any, told: Told) -> Any:
    """The Gradio value for one part of the page."""
    makers = {
        "start": lambda can: gr.Button(interactive=can),
        "cancel": lambda can: gr.Button(interactive=can),
        "setup": lambda is_open: gr.Accordion(open=is_open),
        "timer": lambda active: gr.Timer(active=active),
        "results": lambda visible: gr.Column(visible=visible),
        "choice": lambda choices: gr.Dropdown(
            choices=[tuple(choice) for choice in choices],
            value=told.choice,
            visible=len(choices) > 1,
        ),
    }
    return makers[name](value) if name in makers else value


def _is_lively(session: Session) -> bool:
    """Whether the page should ask again: also a little later, if answers overtook each other."""
    now = time.monotonic()
    if session.is_busy:
        session.lively_until = now + SECONDS_LIVELY
    return now < session.lively_until


def _is_set_up_open(entries: list[Entry]) -> bool:
    """The set-up folds away when there is a result, and nothing left to do or to tell."""
    settled = (EntryState.DONE, EntryState.REFUSED)
    has_more = any(entry.state not in settled for entry in entries)
    return has_more or not any(entry.result for entry in entries)


def _news(entries: list[Entry], choices: list[list[str]], before: dict) -> dict:
    """The page's title, and whether there is a result to move to (`browser/news.js`)."""
    if any(entry.state is EntryState.SEGMENTING for entry in entries):
        run = [e for e in entries if e.state in (EntryState.SEGMENTING, EntryState.DONE)]
        fractions = [1.0 if e.result else describe_entry(e)["fraction"] or 0.0 for e in run]
        return {"title": texts.busy_title(sum(fractions) / len(fractions))}
    done = [entry for entry in entries if entry.result]
    if not done:
        return {"title": texts.TITLE}
    known = {value for _, value in before.get("choice") or []}
    new = [e for e, (_, value) in zip(done, choices, strict=True) if value not in known]
    # A page that was just loaded does not scroll.
    latest = new[0].result if before and new else None
    news = {"title": texts.done_title([entry.result["name"] for entry in done])}
    if latest:
        flags = flag_words.sorted_flags(latest)
        title = FLAG_TITLES.get(flags[0]["code"], "") if flags else ""
        news |= {"move": True, "words": texts.done_words(latest["name"], title)}
    return news


def _status_line(words: str, failed: bool) -> str:
    kind = "class='severe' role='alert'" if failed else "role='status'"
    return f"<p {kind}>{escape(words)}</p>" if words else ""


def _choose_result(
    choices: list[list[str]], before: list[list[str]] | None, chosen: str | None
) -> str | None:
    """The newest result that was not there before, or the one that is shown, or the first."""
    values = [value for _, value in choices]
    known = {value for _, value in before or []}
    new = [value for value in values if value not in known]
    if new:
        return new[0]
    return chosen if chosen in values else next(iter(values), None)
