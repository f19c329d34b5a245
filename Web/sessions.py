"""A visitor's scans and results in a private folder, until they leave or time runs out.

Every visitor has a token that nobody can guess, in a cookie that scripts cannot read; the folder
is found by the token alone. All of this lives in memory and below one folder that the server
makes at its start and removes at its end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from HypothalamusSegLib.information import may_be_alive

from .fair_queue import Ticket
from .run_options import default_options

PREFIX = "hypothalamus-seg-web-"
TOKEN_BYTES = 32
SWEEP_SECONDS = 10.0
SCENE_NAME = "scene.bin.gz"
log = logging.getLogger("hypothalamus_seg.web.sessions")


class TooManySessionsError(Exception):
    """No place for another visitor."""


class EntryState(Enum):
    """What has become of an uploaded file."""

    CHECKING = "checking"
    REFUSED = "refused"
    READY = "ready"
    SEGMENTING = "segmenting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


STARTABLE = (EntryState.READY, EntryState.FAILED, EntryState.CANCELLED, EntryState.DONE)


@dataclass(eq=False)
class Entry:
    """One scan of a visitor.

    Attributes
    ----------
    identifier : str
        Unguessable, since it stands in addresses.
    file_name : str
        As uploaded, made harmless.
    folder : Path
        Of this scan alone.
    state : EntryState
    checked : dict
        What the check found: name, shape, spacing_mm, flags, path.
    ticket : fair_queue.Ticket or None
        Of the check or the segmentation that goes on.
    options : dict
        With which the result was made.
    result : dict or None
        The engine's description.
    files : tuple of str
        Names of the files in ``results``.
    error : dict or None
        Code, message and perhaps reference of what went wrong.
    """

    identifier: str
    file_name: str
    folder: Path
    state: EntryState = EntryState.CHECKING
    checked: dict = field(default_factory=dict)
    ticket: Ticket | None = None
    options: dict = field(default_factory=dict)
    result: dict | None = None
    files: tuple[str, ...] = ()
    error: dict | None = None

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def scene(self) -> Path:
        """What the viewer shows."""
        return self.results / SCENE_NAME

    @property
    def is_busy(self) -> bool:
        return self.state in (EntryState.CHECKING, EntryState.SEGMENTING)

    @property
    def can_start(self) -> bool:
        return self.state in STARTABLE


@dataclass(eq=False)
class Session:
    """A visitor.

    Attributes
    ----------
    token : str
    user : str or None
        The name given with a password.
    folder : Path
    expires : float
        On the clock of ``time.monotonic``.
    entries : dict of str to Entry
        In order of their arrival.
    downloaded : bool
        Whether everything was fetched: then little time is left.
    receiving_bytes : int
        Of uploads that are not whole yet.
    options : dict
        Of the last start, for a page that is loaded again.
    lively_until : float
        Until when the page asks every second.
    """

    token: str
    user: str | None
    folder: Path
    expires: float = 0.0
    entries: dict[str, Entry] = field(default_factory=dict)
    downloaded: bool = False
    receiving_bytes: int = 0
    options: dict = field(default_factory=default_options)
    lively_until: float = 0.0

    @property
    def is_busy(self) -> bool:
        return any(entry.is_busy for entry in self.entries.values())

    def new_entry(self, file_name: str) -> Entry:
        """A place for a file that is about to arrive; in no list until `adopt`."""
        identifier = secrets.token_urlsafe(16)
        folder = self.folder / identifier
        folder.mkdir(mode=0o700)
        return Entry(identifier, file_name, folder)

    def adopt(self, entry: Entry) -> None:
        self.entries[entry.identifier] = entry
        self.downloaded = False

    def remove(self, entry: Entry) -> None:
        self.entries.pop(entry.identifier, None)
        shutil.rmtree(entry.folder, ignore_errors=True)

    @property
    def used_bytes(self) -> int:
        """On disk, and still arriving."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return self.receiving_bytes + sum(path.stat().st_size for path in files)


class SessionStore:
    """All visitors.

    Parameters
    ----------
    minutes : float
        Without a request after which a visitor's files are deleted.
    minutes_after_download : float
        The same, after everything was downloaded.
    most_sessions : int
    stop_ticket : callable
        Ends what is still at work for a session that is deleted.
    """

    def __init__(
        self,
        minutes: float,
        minutes_after_download: float,
        most_sessions: int,
        stop_ticket: Callable[[Ticket], None],
    ) -> None:
        self.minutes, self.minutes_after_download = minutes, minutes_after_download
        self.most_sessions = most_sessions
        self._stop_ticket = stop_ticket
        remove_leftovers()
        self.root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, token: str | None, user: str | None) -> Session | None:
        """The session of a token, if it is that user's; prolongs it."""
        session = self._sessions.get(token or "")
        if session is None or session.user != user:
            return None
        self._prolong(session)
        return session

    def peek(self, token: str | None, user: str | None) -> Session | None:
        """The session of a token, if it is that user's; its time runs on."""
        session = self._sessions.get(token or "")
        return session if session is not None and session.user == user else None

    def knows(self, token: str | None) -> bool:
        return token in self._sessions

    def open(self, user: str | None) -> Session:
        """A new visitor; raises `TooManySessionsError`."""
        self._make_room()
        token = secrets.token_urlsafe(TOKEN_BYTES)
        folder = Path(tempfile.mkdtemp(dir=self.root))
        session = self._sessions[token] = Session(token, user, folder)
        self._prolong(session)
        return session

    def note_download(self, session: Session) -> None:
        """Everything was fetched: keep it only for a short look back."""
        session.downloaded = True
        session.expires = time.monotonic() + 60 * self.minutes_after_download

    async def delete(self, session: Session) -> None:
        """End the session's work and remove its folder."""
        self._sessions.pop(session.token, None)
        await self.clear(session)
        shutil.rmtree(session.folder, ignore_errors=True)

    async def clear(self, session: Session) -> None:
        """End the session's work and remove its files; the visitor may go on with others."""
        entries = list(session.entries.values())
        session.entries.clear()
        for entry in entries:
            if entry.ticket:
                self._stop_ticket(entry.ticket)
                await entry.ticket.ended.wait()
            shutil.rmtree(entry.folder, ignore_errors=True)

    async def sweep(self) -> None:
        """Delete what has expired, for as long as the server lives."""
        while True:
            await asyncio.sleep(min(SWEEP_SECONDS, 6 * self.minutes_after_download))
            for session in self._expired():
                log.info("A session's files are deleted: time is over")
                await self.delete(session)

    async def close(self) -> None:
        """Remove everything."""
        for session in list(self._sessions.values()):
            await self.delete(session)
        shutil.rmtree(self.root, ignore_errors=True)

    def _prolong(self, session: Session) -> None:
        if not session.downloaded:
            session.expires = time.monotonic() + 60 * self.minutes

    def _expired(self) -> list[Session]:
        now = time.monotonic()
        return [s for s in self._sessions.values() if s.expires < now and not s.is_busy]

    def _make_room(self) -> None:
        """Forget the oldest visitors without files, then refuse."""
        if len(self._sessions) < self.most_sessions:
            return
        empty = [s for s in self._sessions.values() if not s.entries and not s.receiving_bytes]
        if not empty:
            raise TooManySessionsError
        oldest = min(empty, key=lambda session: session.expires)
        del self._sessions[oldest.token]
        shutil.rmtree(oldest.folder, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove what servers left behind that were killed and could not clean up."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            is_own = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
            process = int(folder.name.removeprefix(PREFIX).split("-")[0])
            if is_own and not folder.is_symlink() and not may_be_alive(process):
                shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, OSError):
            continue
