"""Check, segment and cancel the scans of a visitor, and report their state."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import texts
from .disk_budget import DiskFullError, bytes_below
from .engine_pool import EnginePool
from .entries import SCENE_NAME, Entry, EntryState
from .expected_times import ExpectedTimes
from .fair_queue import QueueFullError, Ticket, TicketState
from .refusals import RefusedError
from .served_protocols import ServedProtocols
from .sessions import Session, SessionStore

# Limits of an unpacked archive, in units of the largest upload and of its own size. Zipped DICOM
# has a half or a third of its size, or a tenth if most of the image is empty.
UNPACKED_SHARE, UNPACKED_RATIO, UNPACKED_AT_LEAST = 4, 20, 64 << 20
ZIP_MAGIC = b"PK"
PROGRESS_KEYS = ("stage", "fold", "folds", "step")
# Space reserved for the files of a result, including partial files during a run.
RESULT_BYTES = 64 << 20
# Results not yet written count for the total, not for a visitor.
RESULTS_OWNER = "results"
log = logging.getLogger("hypothalamus_seg.web.work")


@dataclass
class Work:
    """The two worker pools and the handling of their results.

    Parameters
    ----------
    store : SessionStore
        Sessions and their disk budget.
    checkers, engines : EnginePool
    most_upload_bytes : int
    device : str
    threads : int or None
        Per engine; None: torch's choice, as on the command line.
    protocols : ServedProtocols
        Among which visitors choose.
    """

    store: SessionStore
    checkers: EnginePool
    engines: EnginePool
    most_upload_bytes: int
    device: str = "auto"
    threads: int | None = None
    protocols: ServedProtocols = field(default_factory=ServedProtocols)
    times: ExpectedTimes = field(default_factory=ExpectedTimes)
    _followers: set[asyncio.Task] = field(default_factory=set)

    async def check(self, session: Session, entry: Entry) -> None:
        """Check an upload; the entry records the outcome."""
        task = {"request": "check", "input": str(entry.upload), "most_bytes": 0}
        if _is_archive(entry.upload):
            most = UNPACKED_SHARE * self.most_upload_bytes
            size = entry.held_bytes
            likely = max(UNPACKED_AT_LEAST, UNPACKED_RATIO * size)
            task["most_bytes"] = min(most, likely, self.store.disk.left(session.token))
            # Cannot fail: it is at most what is left.
            self.store.hold_exactly(session, entry, size + task["most_bytes"])
        await self._submit_check(session, entry, task)

    async def choose_series(self, session: Session, identifier: str, number: int) -> Entry:
        """Choose one of the series in an upload; raises `RefusedError`."""
        entry = session.entries.get(identifier)
        is_open = entry is not None and entry.state is EntryState.CHOOSING
        if not is_open or number not in [series["number"] for series in entry.series]:
            raise RefusedError(404, texts.NO_CHOICE)
        path = entry.checked["path"]
        task = {"request": "check", "input": path, "series": number, "most_bytes": 0}
        await self._submit_check(session, entry, task)
        return entry

    async def _submit_check(self, session: Session, entry: Entry, task: dict) -> None:
        task["pictures"] = str(entry.folder / "series")
        entry.state, entry.error = EntryState.CHECKING, None
        try:
            entry.ticket = await self.checkers.submit(task, session.owner)
        except QueueFullError:
            await self._refuse(session, entry, {"code": "queue_full"})
            return
        self._follow(self._finish_check(session, entry, entry.ticket))

    async def start(self, session: Session, options: dict) -> list[Entry]:
        """Queue every usable scan of a session without such a result.

        Parameters
        ----------
        session : Session
        options : dict
            See `run_options.run_options`.

        Raises
        ------
        QueueFullError
            If not a single scan could be queued. Scans that were not queued stay ready.
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
        """Cancel all running and waiting tasks of a session; returns their number."""
        tickets = [entry.ticket for entry in session.entries.values() if entry.is_busy]
        for ticket in tickets:
            self.stop(ticket)
        for ticket in tickets:
            await ticket.ended.wait()
        # Let the followers run, which update the entries.
        await asyncio.sleep(0)
        return len(tickets)

    async def remove(self, session: Session, entry: Entry) -> None:
        """Stop the task of a scan and delete its files."""
        if entry.ticket and entry.is_busy:
            self.stop(entry.ticket)
            await entry.ticket.ended.wait()
        self.store.remove(session, entry)

    def stop(self, ticket: Ticket) -> None:
        self.checkers.cancel(ticket)
        self.engines.cancel(ticket)

    def place_of(self, entry: Entry) -> int | None:
        """Place in the engine queue; None if not waiting."""
        return self.engines.queue.place_of(entry.ticket) if entry.ticket else None

    def seconds_left(self, entry: Entry) -> float | None:
        """Estimated seconds until a running or waiting scan is done."""
        place = self.place_of(entry)
        if place is None:
            return self.times.left(_elapsed_seconds(entry.ticket)) if entry.ticket else None
        elapsed = [_elapsed_seconds(ticket) for ticket in self.engines.running]
        return self.times.until_done(place, self.engines.size, elapsed)

    def engine_options(self, options: dict) -> dict:
        """A visitor's options with those of the server."""
        chosen = {key: value for key, value in options.items() if key != "protocol"}
        weights = self.protocols.weights(options.get("protocol"))
        settings = {**chosen, "device": self.device, "threads": self.threads}
        return {**settings, "weights": weights} if weights else settings

    async def _segment(self, session: Session, entry: Entry, options: dict) -> None:
        output = entry.results.with_name("new-results")
        shutil.rmtree(output, ignore_errors=True)
        task = {
            "request": "segment",
            "input": entry.checked["path"],
            "output": str(output),
            "scene": str(output / SCENE_NAME),
            "options": self.engine_options(options),
        }
        # If the disk became full during the run, the result would be lost.
        try:
            self.store.disk.hold(RESULTS_OWNER, RESULT_BYTES, beyond_share=True)
        except DiskFullError as error:
            raise RefusedError(503, texts.DISK_FULL) from error
        try:
            entry.ticket = await self.engines.submit(task, session.owner)
        except QueueFullError:
            self.store.disk.release(RESULTS_OWNER, RESULT_BYTES)
            raise
        entry.state, entry.error = EntryState.SEGMENTING, None
        self._follow(self._finish_segmentation(session, entry, entry.ticket, options))

    async def _finish_check(self, session: Session, entry: Entry, ticket: Ticket) -> None:
        await ticket.ended.wait()
        outcome, entry.ticket = ticket.outcome, None
        if outcome["event"] != "result":
            await self._refuse(session, entry, outcome)
            return
        entry.checked = outcome
        if outcome.get("series"):
            entry.series = tuple(outcome["series"])
            entry.state = EntryState.CHOOSING
        else:
            entry.state = EntryState.READY
        await self._count_files(session, entry)

    async def _refuse(self, session: Session, entry: Entry, outcome: dict) -> None:
        entry.error = _error(**outcome)
        if entry.series:  # another series may be usable
            entry.state = EntryState.CHOOSING
            return
        entry.state = EntryState.REFUSED
        # No longer needed.
        await asyncio.to_thread(shutil.rmtree, entry.folder, ignore_errors=True)
        await self._count_files(session, entry)

    async def _count_files(self, session: Session, entry: Entry) -> None:
        """Reserve the actual size of an entry's files instead of the estimate."""
        size = await asyncio.to_thread(bytes_below, entry.folder)
        if entry.identifier in session.entries and entry.ticket is None:
            self.store.hold_exactly(session, entry, size)

    async def _finish_segmentation(
        self, session: Session, entry: Entry, ticket: Ticket, options: dict
    ) -> None:
        await ticket.ended.wait()
        self.store.disk.release(RESULTS_OWNER, RESULT_BYTES)
        self._take_result(entry, ticket, options)
        await self._count_files(session, entry)

    def _take_result(self, entry: Entry, ticket: Ticket, options: dict) -> None:
        outcome, entry.ticket = ticket.outcome, None
        output = Path(ticket.task["output"])
        if not entry.folder.exists():  # deleted meanwhile
            return
        if outcome["event"] == "result":
            shutil.rmtree(entry.results, ignore_errors=True)
            output.rename(entry.results)
            entry.state, entry.options = EntryState.DONE, options
            entry.result, entry.files = outcome["result"], tuple(outcome["files"])
            entry.dicom_failure = outcome.get("dicom_failure", "")
            self.times.note(_elapsed_seconds(ticket))
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


def _is_archive(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def _elapsed_seconds(ticket: Ticket) -> float:
    return time.monotonic() - ticket.started


def describe_entry(entry: Entry, place: int | None = None) -> dict:
    """Describe the state of a scan, for programs."""
    ticket = entry.ticket
    running = ticket is not None and ticket.state is TicketState.RUNNING
    return {
        "id": entry.identifier,
        "file": entry.file_name,
        "state": entry.state.value,
        "queue_place": place,
        "fraction": ticket.fraction if running else None,
        **{key: ticket.progress.get(key) if running else None for key in PROGRESS_KEYS},
        "message": texts.error_message(entry.error) if entry.error else None,
        "series": list(entry.series) if entry.state is EntryState.CHOOSING else [],
        "flags": list(entry.checked.get("flags", ())),
    }


def _error(code: str, message: str = "", reference: str = "", **_: object) -> dict:
    return {"code": code, "message": message, "reference": reference}
