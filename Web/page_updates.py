"""What the page's controls do, and what the page shows afterwards.

No callback computes: each asks `Work`, and tells Gradio what has changed since it last told.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr
from HypothalamusSegLib.errors import SampleMissingError
from HypothalamusSegLib.flags import FLAG_TITLES

from . import flag_words, result_tables, tables, texts
from .fair_queue import QueueFullError
from .gate import RefusedError, session_of
from .html_text import escaped
from .references import new_reference
from .run_options import WrongOptionError, run_options
from .sessions import Entry, EntryState, Session, SessionStore
from .uploads import Uploads
from .work import Work, described

log = logging.getLogger("hypothalamus_seg.web.page")
SECONDS_LIVELY = 3.0


@dataclass(frozen=True)
class Parts:
    """The page's outputs by name, in the order in which Gradio is given their values."""

    scans: Any
    setup: Any
    start: Any
    cancel: Any
    deletion: Any
    timer: Any
    results: Any
    batch: Any
    everything: Any
    choice: Any
    news: Any
    shown: Any
    said: Any

    def values(self) -> list:
        return [getattr(self, name) for name in OUTPUTS]


OUTPUTS = tuple(part.name for part in fields(Parts))


@dataclass(frozen=True)
class ResultParts:
    """What is shown of the chosen result."""

    heading: Any
    verdict: Any
    key: Any
    report: Any
    flags: Any
    viewer: Any
    numbers: Any
    files: Any

    def values(self) -> list:
        return [getattr(self, part.name) for part in fields(self)]


def plain_words(error: Exception) -> str:
    """What a visitor is told of a failure; the rest goes into the server's log."""
    if isinstance(error, QueueFullError):
        return texts.QUEUE_FULL
    if isinstance(error, (RefusedError, SampleMissingError, WrongOptionError)):
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
        options = session.options
        chosen = [options[name] for name in ("structures", "subunits", "grid", "folds")]
        return [*self._changes(session, {}), *chosen]

    async def add_sample(self, shown: dict, request: gr.Request) -> list:
        session = session_of(request)
        return await self._after(self.uploads.add_sample(session), session, shown)

    async def start(
        self,
        structures: list[str],
        subunits: bool,
        grid: str,
        folds: list[int],
        shown: dict,
        request: gr.Request,
    ) -> list:
        session = session_of(request)
        words = (",".join(structures), ",".join(map(str, folds)))
        return await self._after(self._start(session, subunits, grid, *words), session, shown)

    async def _start(self, session: Session, *chosen: Any) -> str:
        subunits, grid, structures, folds = chosen
        started = await self.work.start(session, run_options(subunits, grid, structures, folds))
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

    async def delete(self, shown: dict, request: gr.Request, event: gr.EventData) -> list:
        """What the line about the deletion asks for: delete now, or only that somebody is here."""
        session = session_of(request)
        if event._data.get("act") != "delete":
            return self._changes(session, shown)
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

    async def choose(self, choice: str | None, request: gr.Request) -> list:
        """What is shown of the chosen result."""
        entry = session_of(request).entries.get((choice or "").partition(":")[0])
        if entry is None or entry.result is None:
            return ResultParts("", "", "", "", "", "{}", "", "").values()
        # Another run of the same scan is another scene at the same address.
        address = tables.file_address(entry, "scene")
        scene = {"scene": address, "name": entry.result["name"], "run": choice}
        return ResultParts(
            heading=f"<h2 tabindex='-1'>{escaped(entry.result['name'])}</h2>",
            verdict=flag_words.verdict(entry.result),
            key=result_tables.key_table(entry.result),
            report=tables.report_link(entry),
            flags=flag_words.flag_list(entry.result),
            viewer=json.dumps(scene),
            numbers=result_tables.all_numbers(entry.result),
            files=tables.downloads(entry),
        ).values()

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
        choices = [(entry.result["name"], result_tables.run_name(entry)) for entry in done]
        wanted = {
            "setup": _is_set_up_open(entries),
            "scans": tables.scan_list(entries, self.work),
            "start": any(entry.can_start for entry in entries),
            "cancel": session.is_busy,
            "deletion": str(len(entries)),
            "news": _news(entries, choices, shown),
            "timer": _is_lively(session),
            "results": bool(done),
            "batch": result_tables.batch_table(entries),
            "everything": tables.download_everything(entries),
            "choice": choices,
            "said": shown.get("said", "") if keep_words else _said(words, failed),
        }
        makers = {
            "start": lambda can: gr.Button(interactive=can),
            "cancel": lambda can: gr.Button(interactive=can),
            "setup": lambda is_open: gr.Accordion(open=is_open),
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


def _is_set_up_open(entries: list[Entry]) -> bool:
    """The set-up folds away when there is a result, and nothing left to do or to tell."""
    settled = (EntryState.DONE, EntryState.REFUSED)
    has_more = any(entry.state not in settled for entry in entries)
    return has_more or not any(entry.result for entry in entries)


def _news(entries: list[Entry], choices: list[tuple[str, str]], shown: dict) -> str:
    """The page's title, and whether there is a result to move to (`browser/news.js`)."""
    if any(entry.state is EntryState.SEGMENTING for entry in entries):
        run = [e for e in entries if e.state in (EntryState.SEGMENTING, EntryState.DONE)]
        fractions = [1.0 if e.result else described(e)["fraction"] or 0.0 for e in run]
        return json.dumps({"title": texts.busy_title(sum(fractions) / len(fractions))})
    done = [entry for entry in entries if entry.result]
    if not done:
        return json.dumps({"title": texts.TITLE})
    known = {value for _, value in shown.get("choice") or []}
    new = [e for e, (_, value) in zip(done, choices, strict=True) if value not in known]
    # A page that was just loaded stays where it is.
    latest = new[0].result if shown and new else None
    news = {"title": texts.done_title([entry.result["name"] for entry in done])}
    if latest:
        flags = flag_words.sorted_flags(latest)
        title = FLAG_TITLES.get(flags[0]["code"], "") if flags else ""
        news |= {"move": True, "words": texts.done_words(latest["name"], title)}
    return json.dumps(news)


def _said(words: str, failed: bool) -> str:
    kind = "class='severe' role='alert'" if failed else "role='status'"
    return f"<p {kind}>{escaped(words)}</p>" if words else ""


def _choices(choices: list[tuple[str, str]], before: list | None) -> gr.Dropdown:
    """Show the newest result that was not there before, or else the first."""
    known = {value for _, value in before or []}
    new = [value for _, value in choices if value not in known]
    chosen = new[0] if new else choices[0][1] if choices else None
    return gr.Dropdown(choices=choices, value=chosen, visible=len(choices) > 1)
