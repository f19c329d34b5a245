"""What is done with a visitor's scans: checked, segmented, cancelled; and how it stands."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import texts
from .engine_pool import EnginePool
from .expected_times import ExpectedTimes
from .fair_queue import QueueFullError, Ticket, TicketState
from .sessions import SCENE_NAME, Entry, EntryState, Session

# An archive, unpacked, in units of the largest upload.
UNPACKED_SHARE = 4
log = logging.getLogger("hypothalamus_seg.web.work")


@dataclass
class Work:
    """The two pools and what becomes of their outcomes.

    Parameters
    ----------
    checkers, engines : EnginePool
    most_upload_bytes : int
    device : str
    threads : int or None
        For each engine; None: as many as torch chooses, as on the command line.
    """

    checkers: EnginePool
    engines: EnginePool
    most_upload_bytes: int
    device: str = "auto"
    threads: int | None = None
    times: ExpectedTimes = field(default_factory=ExpectedTimes)
    _followers: set[asyncio.Task] = field(default_factory=set)

    async def check(self, session: Session, entry: Entry) -> None:
        """Have an upload checked; the entry tells how it ended."""
        task = {
            "input": str(entry.folder / entry.file_name),
            "most_bytes": UNPACKED_SHARE * self.most_upload_bytes,
        }
        try:
            entry.ticket = await self.checkers.submit(task, session.token)
        except QueueFullError:
            entry.state, entry.error = EntryState.REFUSED, _error("queue_full")
            return
        self._follow(self._finish_check(entry, entry.ticket))

    async def start(self, session: Session, options: dict) -> list[Entry]:
        """Queue every scan of a session that can be segmented and has no such result yet.

        Parameters
        ----------
        session : Session
        options : dict
            See `run_options.run_options`.

        Raises
        ------
        QueueFullError
            Where not even one found a place; the others stay ready.
        """
        session.options = options
        started = []
        for entry in self.startable(session):
            try:
                await self._segment(session, entry, options)
            except QueueFullError:
                if started:
                    break
                raise
            started.append(entry)
        session.downloaded = session.downloaded and not started
        return started

    def startable(self, session: Session) -> list[Entry]:
        """Scans that can be segmented and have no result yet with the session's options."""
        return [
            entry
            for entry in session.entries.values()
            if entry.can_start and (entry.result is None or entry.options != session.options)
        ]

    async def cancel(self, session: Session) -> int:
        """End whatever runs or waits for a session; how many that were."""
        tickets = [entry.ticket for entry in session.entries.values() if entry.is_busy]
        for ticket in tickets:
            self.stop(ticket)
        for ticket in tickets:
            await ticket.ended.wait()
        # The followers have to run once more for the entries to tell it.
        await asyncio.sleep(0)
        return len(tickets)

    async def remove(self, session: Session, entry: Entry) -> None:
        """End its work and delete its files."""
        if entry.ticket and entry.is_busy:
            self.stop(entry.ticket)
            await entry.ticket.ended.wait()
        session.remove(entry)

    def stop(self, ticket: Ticket) -> None:
        self.checkers.cancel(ticket)
        self.engines.cancel(ticket)

    def place_of(self, entry: Entry) -> int | None:
        """Place in the queue of the engines; None if it waits not or no more."""
        return self.engines.queue.place_of(entry.ticket) if entry.ticket else None

    def seconds_left(self, entry: Entry) -> float | None:
        """Until a scan that runs or waits is done, as far as the last runs tell."""
        place = self.place_of(entry)
        if place is None:
            return self.times.left(_elapsed(entry.ticket)) if entry.ticket else None
        elapsed = [_elapsed(ticket) for ticket in self.engines.running]
        return self.times.until_done(place, self.engines.size, elapsed)

    async def _segment(self, session: Session, entry: Entry, options: dict) -> None:
        settings = {**options, "device": self.device, "threads": self.threads}
        output = entry.results.with_name("new-results")
        shutil.rmtree(output, ignore_errors=True)
        task = {
            "input": entry.checked["path"],
            "output": str(output),
            "scene": str(output / SCENE_NAME),
            "options": settings,
        }
        entry.ticket = await self.engines.submit(task, session.token)
        entry.state, entry.error = EntryState.SEGMENTING, None
        self._follow(self._finish_segmentation(entry, entry.ticket, options))

    async def _finish_check(self, entry: Entry, ticket: Ticket) -> None:
        await ticket.ended.wait()
        outcome, entry.ticket = ticket.outcome, None
        if outcome["event"] == "result":
            entry.state, entry.checked = EntryState.READY, outcome
        else:
            entry.state, entry.error = EntryState.REFUSED, _error(**outcome)
            # Nobody needs it any more.
            shutil.rmtree(entry.folder, ignore_errors=True)

    async def _finish_segmentation(self, entry: Entry, ticket: Ticket, options: dict) -> None:
        await ticket.ended.wait()
        outcome, entry.ticket = ticket.outcome, None
        output = Path(ticket.task["output"])
        if not entry.folder.exists():  # deleted meanwhile
            return
        if outcome["event"] == "result":
            shutil.rmtree(entry.results, ignore_errors=True)
            output.rename(entry.results)
            entry.state, entry.options = EntryState.DONE, options
            entry.result, entry.files = outcome["result"], tuple(outcome["files"])
            self.times.note(_elapsed(ticket))
            return
        shutil.rmtree(output, ignore_errors=True)
        cancelled = outcome["code"] == "cancelled"
        entry.error = None if cancelled else _error(**outcome)
        if entry.result is not None:  # of an earlier run, with other options
            entry.state = EntryState.DONE
        else:
            entry.state = EntryState.CANCELLED if cancelled else EntryState.FAILED

    def _follow(self, coroutine) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)


def _elapsed(ticket: Ticket) -> float:
    return time.monotonic() - ticket.started


def described(entry: Entry, place: int | None = None) -> dict:
    """How a scan stands, for programs."""
    ticket = entry.ticket
    running = ticket is not None and ticket.state is TicketState.RUNNING
    return {
        "id": entry.identifier,
        "file": entry.file_name,
        "state": entry.state.value,
        "queue_place": place,
        "fraction": ticket.fraction if running else None,
        "step": ticket.step if running else None,
        "message": texts.error_message(entry.error) if entry.error else None,
    }


def _error(code: str, message: str = "", reference: str = "", **_: object) -> dict:
    return {"code": code, "message": message, "reference": reference}
