"""Sessions: the scans and results of a visitor in a private folder, until they expire.

Every visitor has a random token, in a cookie that scripts cannot read. Only the token leads to the
visitor's folder. Sessions are kept in memory; all folders are in one folder, which the server
creates when it starts and removes when it stops.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .disk_budget import DiskBudget
from .entries import Entry, EntryState
from .fair_queue import Ticket
from .run_options import default_options
from .server_folder import own_folder, remove_leftovers
from .told import Told

TOKEN_BYTES = 32
SWEEP_SECONDS = 10.0
# Share of all sessions for one address.
SESSION_SHARES = 4
log = logging.getLogger("hypothalamus_seg.web.sessions")


class TooManySessionsError(Exception):
    """Too many visitors."""


@dataclass(eq=False)
class Session:
    """A visitor.

    Attributes
    ----------
    token : str
    user : str or None
        User name, if the server has passwords.
    address : str or None
        Source address of the visitor's requests.
    folder : Path
    expires : float
        In terms of ``time.monotonic()``.
    entries : dict of str to Entry
        Scans in the order of arrival.
    downloaded : bool
        Whether everything was downloaded; the session then expires soon.
    arriving : int
        Uploads in progress.
    downloading : int
        Archives being downloaded.
    listening : int
        Open event streams.
    page_names : list of str
        Names of the visitor's pages in Gradio, the newest last.
    told : dict of str to Told
        Last update sent to each of these pages.
    options : dict
        Options of the last start, for a page that is loaded again.
    lively_until : float
        Time until which the page asks every second.
    """

    token: str
    user: str | None
    folder: Path
    address: str | None = None
    expires: float = 0.0
    entries: dict[str, Entry] = field(default_factory=dict)
    downloaded: bool = False
    arriving: int = 0
    downloading: int = 0
    listening: int = 0
    page_names: list[str] = field(default_factory=list)
    told: dict[str, Told] = field(default_factory=dict)
    options: dict = field(default_factory=default_options)
    lively_until: float = 0.0

    @property
    def is_busy(self) -> bool:
        return any(entry.is_busy for entry in self.entries.values())

    @property
    def owner(self) -> str:
        """Owner of queue turns and limits: the user or the address, regardless of cookies."""
        if self.user is not None:
            return f"user {self.user}"
        return self.token if is_here(self.address) else f"address {self.address}"

    @property
    def has_files(self) -> bool:
        """Whether this visitor has files; refused ones do not count."""
        kept = any(entry.state is not EntryState.REFUSED for entry in self.entries.values())
        return kept or self.arriving > 0

    def new_entry(self, file_name: str) -> Entry:
        """Create a place for a file that is about to arrive; not listed before `adopt`."""
        identifier = secrets.token_urlsafe(16)
        entry = Entry(identifier, file_name, self.folder / identifier)
        entry.folder.mkdir(mode=0o700)
        entry.input.mkdir(mode=0o700)
        return entry

    def adopt(self, entry: Entry) -> None:
        self.entries[entry.identifier] = entry
        self.downloaded = False


def is_here(address: str | None) -> bool:
    """Whether an address is local (a proxy), which says nothing about the visitor."""
    return address is None or address == "::1" or address.startswith("127.")


class SessionStore:
    """The sessions of all visitors.

    Parameters
    ----------
    minutes : float
        Time without a request until a visitor's files are deleted.
    minutes_after_download : float
        The same, after everything was downloaded.
    most_sessions : int
    share_bytes : int
        Disk space for one visitor.
    stop_ticket : callable
        Stops a running task of a deleted session.

    Attributes
    ----------
    session_ended : callable
        Called with each session that ends.
    """

    def __init__(
        self,
        minutes: float,
        minutes_after_download: float,
        most_sessions: int,
        share_bytes: int,
        stop_ticket: Callable[[Ticket], None] = lambda ticket: None,
    ) -> None:
        self.minutes, self.minutes_after_download = minutes, minutes_after_download
        self.most_sessions = most_sessions
        self.stop_ticket = stop_ticket
        self.session_ended: Callable[[Session], None] = lambda session: None
        remove_leftovers()
        self.root, self._lock = own_folder()
        self.disk = DiskBudget(self.root, share_bytes)
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, token: str | None, user: str | None) -> Session | None:
        """Find the session of a token and user, and extend it."""
        session = self._sessions.get(token or "")
        if session is None or session.user != user:
            return None
        self._prolong(session)
        return session

    def peek(self, token: str | None, user: str | None) -> Session | None:
        """Find the session of a token and user, without extending it."""
        session = self._sessions.get(token or "")
        return session if session is not None and session.user == user else None

    def open(self, user: str | None, address: str | None = None) -> Session:
        """Open a session for a new visitor; raises `TooManySessionsError`."""
        self._make_room(user, address)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        folder = Path(tempfile.mkdtemp(dir=self.root))
        session = self._sessions[token] = Session(token, user, folder, address)
        self.disk.join(token, session.owner)
        self._prolong(session)
        return session

    def remove(self, session: Session, entry: Entry) -> None:
        """Delete the files of a scan and release their disk space."""
        session.entries.pop(entry.identifier, None)
        shutil.rmtree(entry.folder, ignore_errors=True)
        self.hold_exactly(session, entry, 0)

    def hold_exactly(self, session: Session, entry: Entry, count: int) -> None:
        """Set the reserved space of an entry, unchecked: its files are written, or fit."""
        difference = count - entry.held_bytes
        entry.held_bytes = count
        self.disk.release(session.token, -difference)

    def note_download(self, session: Session) -> None:
        """Everything was downloaded: expire the session soon."""
        session.downloaded = True
        self._prolong(session)

    async def delete(self, session: Session) -> None:
        """Stop the tasks of a session and remove its folder."""
        self._sessions.pop(session.token, None)
        self.session_ended(session)
        await self.clear(session)
        self.disk.leave(session.token)
        shutil.rmtree(session.folder, ignore_errors=True)

    async def clear(self, session: Session) -> None:
        """Stop the tasks of a session and remove its files; the session stays open."""
        entries = list(session.entries.values())
        session.entries.clear()
        for entry in entries:
            if entry.ticket:
                self.stop_ticket(entry.ticket)
                await entry.ticket.ended.wait()
            self.remove(session, entry)

    async def sweep(self) -> None:
        """Delete expired sessions while the server runs."""
        while True:
            await asyncio.sleep(min(SWEEP_SECONDS, 6 * self.minutes_after_download))
            for session in self._expired_sessions():
                log.info("The files of an expired session were deleted")
                await self.delete(session)

    async def close(self) -> None:
        """Remove everything."""
        for session in list(self._sessions.values()):
            await self.delete(session)
        shutil.rmtree(self.root, ignore_errors=True)

    def _prolong(self, session: Session) -> None:
        minutes = self.minutes_after_download if session.downloaded else self.minutes
        session.expires = time.monotonic() + 60 * minutes

    def _expired_sessions(self) -> list[Session]:
        now = time.monotonic()
        idle = (s for s in self._sessions.values() if not (s.is_busy or s.arriving))
        return [s for s in idle if s.expires < now and not s.downloading]

    def _make_room(self, user: str | None, address: str | None) -> None:
        """Make room by dropping the oldest sessions without files; refuse if there are none.

        A remote address gets at most its share of the sessions, so that one visitor cannot take
        them all.
        """
        others = self._sessions.values()
        if user is None and not is_here(address):
            others = [s for s in others if s.address == address]
            most = max(1, self.most_sessions // SESSION_SHARES)
            if len(others) >= most:
                self._forget_oldest_empty(others)
        if len(self._sessions) >= self.most_sessions:
            self._forget_oldest_empty(self._sessions.values())

    def _forget_oldest_empty(self, sessions: Iterable[Session]) -> None:
        empty = [session for session in sessions if not session.has_files]
        if not empty:
            raise TooManySessionsError
        oldest = min(empty, key=lambda session: session.expires)
        del self._sessions[oldest.token]
        self.session_ended(oldest)
        self.disk.leave(oldest.token)
        shutil.rmtree(oldest.folder, ignore_errors=True)
