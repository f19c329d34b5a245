"""Files arrive: counted while they are written, named harmlessly, checked at once.

A file comes as the plain body of ``PUT uploads`` with its name in a header (names may be
patients' and do not belong in addresses, which servers log).
"""

from __future__ import annotations

import logging
import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from HypothalamusSegLib.sample import sample_scan
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from . import texts
from .gate import RefusedError, session_of
from .sessions import Entry, Session
from .work import Work, described

NAME_HEADER = "x-file-name"
LONGEST_NAME = 100
MOST_FILES = 30
# Of a visitor, unpacked archives and results counted.
SESSION_SHARE = 5
# Left on the disk for everything else.
SPARE_DISK_BYTES = 1 << 30
log = logging.getLogger("hypothalamus_seg.web.uploads")


@dataclass(frozen=True)
class Uploads:
    """Where files arrive.

    Parameters
    ----------
    work : Work
        Checks what arrived.
    most_bytes : int
        Of one file.
    """

    work: Work
    most_bytes: int

    async def receive(self, request: Request) -> JSONResponse:
        """``PUT uploads``: take one file and start its check."""
        session = session_of(request)
        name = request.headers.get(NAME_HEADER, "")
        entry = self._place(session, harmless_name(unquote(name)))
        try:
            await self._write(request, session, entry)
        except BaseException:
            session.remove(entry)
            raise
        return JSONResponse(described(await self._take_in(session, entry)))

    async def add_sample(self, session: Session) -> Entry:
        """The sample brain as if it had been uploaded."""
        sample = sample_scan()
        entry = self._place(session, "ICBM152_sample.nii.gz")
        shutil.copyfile(sample, entry.folder / entry.file_name)
        return await self._take_in(session, entry)

    def _place(self, session: Session, name: str) -> Entry:
        if len(session.entries) >= MOST_FILES:
            raise RefusedError(409, texts.too_many_files(MOST_FILES))
        if shutil.disk_usage(session.folder).free < self.most_bytes + SPARE_DISK_BYTES:
            log.error("No place left on the disk for uploads")
            raise RefusedError(503, texts.DISK_FULL)
        return session.new_entry(name)

    async def _take_in(self, session: Session, entry: Entry) -> Entry:
        session.adopt(entry)
        await self.work.check(session, entry)
        return entry

    async def _write(self, request: Request, session: Session, entry: Entry) -> None:
        left = min(self.most_bytes, SESSION_SHARE * self.most_bytes - session.used_bytes)
        received = 0
        try:
            with (entry.folder / entry.file_name).open("xb") as target:
                async for chunk in request.stream():
                    received += len(chunk)
                    session.receiving_bytes += len(chunk)
                    if received > left:
                        raise RefusedError(413, texts.too_large(left), connection="close")
                    target.write(chunk)
        except ClientDisconnect as error:
            raise RefusedError(400, texts.BAD_REQUEST) from error
        finally:
            session.receiving_bytes -= received
        if not received:
            raise RefusedError(400, texts.EMPTY_FILE)


def harmless_name(name: str) -> str:
    """A file name for the server's disk, for pages and for archives, from what a browser sent."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = re.sub(r"[^\w .+()\-]", "_", name, flags=re.UNICODE).strip().rstrip(".")
    suffixes = re.search(r"(\.(nii|mgh|mgz|nrrd|mha|zip))?(\.\w{1,8})?$", name, re.IGNORECASE)[0]
    stem = name[: len(name) - len(suffixes)].strip(" .")
    return (stem[: LONGEST_NAME - len(suffixes)] or "scan") + suffixes


def upload_path(entry: Entry) -> Path:
    """The file as it arrived."""
    return entry.folder / entry.file_name
