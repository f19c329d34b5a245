"""Receive uploads: limit their size, sanitize their names, and check them at once.

A file comes as the plain body of ``PUT uploads`` with its name in a header (names may be
patients' and do not belong in addresses, which servers log).
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

from HypothalamusSegLib.machine.sample import sample_scan
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from . import texts
from .disk_budget import DiskFullError, ShareSpentError
from .entries import Entry
from .gate import session_of
from .refusals import RefusedError
from .request_bodies import announced_bytes
from .sessions import Session, SessionStore
from .work import Work, describe_entry

NAME_HEADER = "x-file-name"
# File systems allow 255 bytes; results append to the name.
LONGEST_NAME_BYTES = 150
MOST_FILES = 30
# Uploads at the same time; the page sends one after the other.
MOST_ARRIVING = 4
# A connection that sends less than this within the time limit is closed.
SLOWEST_BYTES = 1 << 14
HOLD_STEP_BYTES = 1 << 20
WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Uploads:
    """Receives files.

    Parameters
    ----------
    store : SessionStore
        Sessions and their disk budget.
    work : Work
        Checks the uploads.
    most_bytes : int
        Size limit of one file.
    patience_s : float
        Time limit in which part of a file must arrive.
    """

    store: SessionStore
    work: Work
    most_bytes: int
    patience_s: float = 60.0

    async def receive(self, request: Request) -> JSONResponse:
        """``PUT uploads``: take one file and start its check."""
        session = session_of(request)
        name = harmless_name(unquote(request.headers.get(NAME_HEADER, "")[:2000]))
        with self._place(session, name) as entry:
            await self._write(request, session, entry)
            session.adopt(entry)
        await self.work.check(session, entry)
        return JSONResponse(describe_entry(entry))

    async def add_sample(self, session: Session) -> Entry:
        """Add the sample brain like an upload."""
        sample = sample_scan()
        with self._place(session, "ICBM152_sample.nii.gz") as entry:
            self._hold(session, entry, sample.stat().st_size)
            shutil.copyfile(sample, entry.upload)
            session.adopt(entry)
        await self.work.check(session, entry)
        return entry

    @contextmanager
    def _place(self, session: Session, name: str) -> Iterator[Entry]:
        """Create an entry that counts from the first byte; removed if the upload fails."""
        if session.arriving >= MOST_ARRIVING:
            raise RefusedError(429, texts.TOO_MANY_AT_ONCE)
        if len(session.entries) + session.arriving >= MOST_FILES:
            raise RefusedError(409, texts.too_many_files(MOST_FILES))
        session.arriving += 1
        entry = session.new_entry(name)
        try:
            yield entry
        except BaseException:
            self.store.remove(session, entry)
            raise
        finally:
            session.arriving -= 1

    async def _write(self, request: Request, session: Session, entry: Entry) -> None:
        self._hold(session, entry, announced_bytes(request.headers))
        received = 0
        try:
            with entry.upload.open("xb") as target:
                async for chunk in self._in_time(request):
                    received += len(chunk)
                    if received > self.most_bytes:
                        raise RefusedError(
                            413, texts.too_large(self.most_bytes), connection="close"
                        )
                    if received > entry.held_bytes:  # it was not announced
                        step = max(HOLD_STEP_BYTES, received - entry.held_bytes)
                        self._hold(session, entry, step)
                    target.write(chunk)
        except ClientDisconnect as error:
            raise RefusedError(400, texts.BAD_REQUEST) from error
        if not received:
            raise RefusedError(400, texts.EMPTY_FILE)
        self.store.hold_exactly(session, entry, received)

    def _hold(self, session: Session, entry: Entry, count: int) -> None:
        try:
            self.store.disk.hold(session.token, count)
        except ShareSpentError as error:
            left = min(self.most_bytes, error.left_bytes)
            raise RefusedError(413, texts.too_large(left), connection="close") from error
        except DiskFullError as error:
            raise RefusedError(503, texts.DISK_FULL, connection="close") from error
        entry.held_bytes += count

    async def _in_time(self, request: Request) -> AsyncIterator[bytes]:
        """Read a request body; stop if it arrives too slowly."""
        stream = aiter(request.stream())
        since, count = time.monotonic(), 0
        while True:
            left = since + self.patience_s - time.monotonic()
            try:
                chunk = await asyncio.wait_for(anext(stream), max(0.0, left))
            except StopAsyncIteration:
                return
            except asyncio.TimeoutError as error:
                raise RefusedError(408, texts.TOO_SLOW, connection="close") from error
            count += len(chunk)
            if count >= SLOWEST_BYTES:
                since, count = time.monotonic(), 0
            yield chunk


def harmless_name(name: str) -> str:
    """Sanitize the file name sent by a browser for disks, pages and archives."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = re.sub(r"[^\w .+()\-]", "_", name, flags=re.UNICODE).strip().rstrip(".")
    suffixes = re.search(r"(\.(nii|mgh|mgz|nrrd|mha|zip))?(\.\w{1,8})?$", name, re.IGNORECASE)[0]
    stem = name[: len(name) - len(suffixes)].strip(" .")
    most = LONGEST_NAME_BYTES - len(suffixes.encode())
    stem = stem.encode()[:most].decode("utf-8", "ignore").strip(" .") or "scan"
    return f"_{stem}{suffixes}" if WINDOWS_DEVICES.fullmatch(stem) else f"{stem}{suffixes}"
