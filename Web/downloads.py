"""Results leave through here, and only to the session that they belong to.

The address alone is worth nothing: the entry is looked up in the asker's own session.
"""

from __future__ import annotations

import secrets
import zipfile
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from . import texts
from .gate import RefusedError, session_of
from .sessions import Entry, Session, SessionStore

TYPES = {
    ".png": "image/png",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".gz": "application/gzip",
    ".pdf": "application/pdf",
}
PRIVATE = {"cache-control": "private, no-store"}
ARCHIVE_NAME = "hypothalamus-seg-results.zip"


@dataclass(frozen=True)
class Downloads:
    """The routes below ``results/``."""

    store: SessionStore

    async def file(self, request: Request) -> Response:
        """``GET results/ENTRY/NAME``."""
        entry = _entry(request)
        name = request.path_params["name"]
        if name == "scene" and entry.scene.exists():
            headers = {**PRIVATE, "content-encoding": "gzip"}
            return FileResponse(entry.scene, media_type="application/octet-stream", headers=headers)
        if name not in entry.files:
            raise RefusedError(404, texts.NOT_FOUND)
        path = entry.results / name
        kind = TYPES.get(path.suffix, "application/octet-stream")
        return FileResponse(path, media_type=kind, filename=name, headers=PRIVATE)

    async def everything(self, request: Request) -> Response:
        """``GET results/everything.zip``: all files of all scans, a folder each."""
        session = session_of(request)
        done = [entry for entry in session.entries.values() if entry.result]
        if not done:
            raise RefusedError(404, texts.NO_RESULT)
        archive = session.folder / f"{secrets.token_hex(8)}.zip"
        await to_thread.run_sync(_write_archive, archive, done)

        def after() -> None:
            archive.unlink(missing_ok=True)
            # What came since then was not downloaded.
            if all(entry in done for entry in session.entries.values()):
                self.store.note_download(session)

        return FileResponse(
            archive,
            media_type="application/zip",
            filename=ARCHIVE_NAME,
            headers=PRIVATE,
            background=BackgroundTask(after),
        )


def _entry(request: Request) -> Entry:
    session: Session = session_of(request)
    entry = session.entries.get(request.path_params["entry"])
    if entry is None or not entry.result:
        raise RefusedError(404, texts.NOT_FOUND)
    return entry


def _write_archive(path: Path, entries: list[Entry]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for folder, entry in zip(_folder_names(entries), entries, strict=True):
            for name in entry.files:
                packed = name.endswith((".gz", ".png"))
                kind = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
                archive.write(entry.results / name, f"{folder}/{name}", kind)


def _folder_names(entries: list[Entry]) -> list[str]:
    """The scans' names, numbered where several are called the same."""
    names: list[str] = []
    for entry in entries:
        name, number = entry.result["name"], 2
        while name in names:
            name = f"{entry.result['name']} ({number})"
            number += 1
        names.append(name)
    return names
