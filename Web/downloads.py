"""Downloads of results, only for the session that owns them.

Knowing the URL is not enough: the entry is looked up in the requester's own session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from zipstream import ZipStream

from . import texts
from .entries import Entry, EntryState
from .gate import session_of
from .refusals import RefusedError
from .sessions import Session, SessionStore
from .tables import DICOM_ARCHIVE, DICOM_SUFFIX

TYPES = {
    ".png": "image/png",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".gz": "application/gzip",
    ".pdf": "application/pdf",
    ".dcm": "application/dicom",
}
PRIVATE = {"cache-control": "private, no-store"}
ARCHIVE_NAME = "hypothalamus-seg-results.zip"
MOST_ARCHIVES_AT_A_TIME = 4
# Delay before the end of an archive, to detect visitors who have disconnected.
HANG_UP_S = 0.3
HELD_BACK_BYTES = 16
log = logging.getLogger("hypothalamus_seg.web.downloads")


@dataclass(frozen=True)
class Downloads:
    """The routes below ``results/``."""

    store: SessionStore

    async def file(self, request: Request) -> Response:
        """``GET results/ENTRY/NAME``."""
        entry = _entry(request)
        name = request.path_params["name"]
        picture = entry.series_pictures.get(name)
        if entry.state is EntryState.CHOOSING and picture and picture.exists():
            return FileResponse(picture, headers=PRIVATE)
        if not entry.result:
            raise RefusedError(404, texts.NOT_FOUND)
        if name == "scene" and entry.scene.exists():
            headers = {**PRIVATE, "content-encoding": "gzip"}
            return FileResponse(entry.scene, media_type="application/octet-stream", headers=headers)
        if name == DICOM_ARCHIVE:
            return self._dicom(session_of(request), entry)
        if name not in entry.files:
            raise RefusedError(404, texts.NOT_FOUND)
        path = entry.results / name
        kind = TYPES.get(path.suffix, "application/octet-stream")
        return FileResponse(path, media_type=kind, filename=name, headers=PRIVATE)

    def _dicom(self, session: Session, entry: Entry) -> Response:
        """``GET results/ENTRY/dicom.zip``: the DICOM objects of one scan."""
        names = [name for name in entry.files if name.endswith(DICOM_SUFFIX)]
        if not names:
            raise RefusedError(404, texts.NOT_FOUND)
        if session.downloading >= MOST_ARCHIVES_AT_A_TIME:
            raise RefusedError(429, texts.TOO_MANY_AT_ONCE)
        archive = ZipStream(sized=True)
        for name in names:
            archive.add_path(entry.results / name, name)
        title = f"{entry.result['name']}_dicom.zip"
        headers = {
            **PRIVATE,
            "content-length": str(len(archive)),
            "content-disposition": f"attachment; filename*=utf-8''{quote(title, safe='')}",
        }
        content = self._stream(session, archive)
        return StreamingResponse(content, media_type="application/zip", headers=headers)

    async def _stream(self, session: Session, archive: ZipStream) -> AsyncIterator[bytes]:
        session.downloading += 1
        try:
            async for chunk in iterate_in_threadpool(archive):
                yield chunk
        finally:
            session.downloading -= 1

    async def everything(self, request: Request) -> Response:
        """``GET results/everything.zip``: all files of all scans, one folder per scan."""
        session = session_of(request)
        done = [entry for entry in session.entries.values() if entry.result]
        if not done:
            raise RefusedError(404, texts.NO_RESULT)
        if session.downloading >= MOST_ARCHIVES_AT_A_TIME:
            raise RefusedError(429, texts.TOO_MANY_AT_ONCE)
        archive = _archive(done)
        headers = {
            **PRIVATE,
            "content-length": str(len(archive)),
            "content-disposition": f'attachment; filename="{ARCHIVE_NAME}"',
        }
        content = self._stream_everything(request, session, archive, done)
        return StreamingResponse(content, media_type="application/zip", headers=headers)

    async def _stream_everything(
        self, request: Request, session: Session, archive: ZipStream, done: list[Entry]
    ) -> AsyncIterator[bytes]:
        """Send the archive; record the download when the last bytes are sent."""
        session.downloading += 1
        try:
            held_back = b""
            async for chunk in iterate_in_threadpool(archive):
                data = held_back + chunk
                yield data[:-HELD_BACK_BYTES]
                held_back = data[-HELD_BACK_BYTES:]
            # The data sent so far may still be on its way. A browser that wants the rest is still
            # connected; one that canceled the download is not.
            await asyncio.sleep(HANG_UP_S)
            if await request.is_disconnected():
                return
            yield held_back
            # Scans that were added since then are not in the archive.
            if all(entry in done for entry in session.entries.values()):
                self.store.note_download(session)
        except OSError as error:  # deleted meanwhile
            log.warning("Download of an archive failed: %r", error)
            raise
        finally:
            session.downloading -= 1


def _entry(request: Request) -> Entry:
    session: Session = session_of(request)
    entry = session.entries.get(request.path_params["entry"])
    if entry is None:
        raise RefusedError(404, texts.NOT_FOUND)
    return entry


def _archive(entries: list[Entry]) -> ZipStream:
    """Archive all files uncompressed: nothing is written to disk, and the length is known."""
    archive = ZipStream(sized=True)
    for folder, entry in zip(_folder_names(entries), entries, strict=True):
        for name in entry.files:
            archive.add_path(entry.results / name, f"{folder}/{name}")
    return archive


def _folder_names(entries: list[Entry]) -> list[str]:
    """Names of the scans, numbered if not unique."""
    names: list[str] = []
    for entry in entries:
        name, number = entry.result["name"], 2
        while name in names:
            name = f"{entry.result['name']} ({number})"
            number += 1
        names.append(name)
    return names
