"""``review.tsv``: the readers' reviews, in the form that the cohort's ``--review`` reads.

Several readers may write one file at the same time: a row is added to the file as it is at that
moment, under a lock, and the file is replaced as a whole. Rows and columns of others are kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegLib.results.atomic_files import as_write_error, atomic_files

from .case import WorklistError

NAME, LOCK_NAME = "review.tsv", ".review.tsv.lock"
SCAN, MISSING, LIST_SEPARATOR, LINE_END = "scan", "n/a", ";", "⏎"
# The first one that a file has is used; new files get the first.
MARK_COLUMNS, RATER_COLUMNS = ("mark", "status"), ("rater", "reviewer")
OWN_COLUMNS = ("time", "note", "left_mm3", "right_mm3", "labels", "scan_sha256", "protocol")
# A lock is held for milliseconds; an older one was left by a program that was killed.
STALE_LOCK_S, LOCK_WAIT_S, LOCK_POLL_S = 5.0, 10.0, 0.02


@dataclass(frozen=True)
class ReviewRow:
    """One reader's review of one scan.

    Attributes
    ----------
    scan, rater : str
    mark : str
        accepted, corrected, rejected; empty while it is open.
    time : str
        ISO 8601.
    note : str
    left_mm3, right_mm3 : float or None
        Volumes of the masks that were judged.
    labels : tuple of str
        Label maps of what was judged, relative to the table's folder.
    scan_sha256 : str
        Checksum of the scan's file.
    protocol : str
        Whose outlines were judged; empty if there were none. Rows of earlier versions, which have
        none, are about the published protocol.
    """

    scan: str
    rater: str
    mark: str = ""
    time: str = ""
    note: str = ""
    left_mm3: float | None = None
    right_mm3: float | None = None
    labels: tuple[str, ...] = field(default=())
    scan_sha256: str = ""
    protocol: str = ""

    @property
    def is_done(self) -> bool:
        return bool(self.mark)


class ReviewTable:
    """The table in a folder; it need not exist yet.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME

    def rows(self) -> list[ReviewRow]:
        """All rows of all readers.

        Raises
        ------
        WorklistError
            If the file exists and is not such a table.
        """
        header, rows = self._read()
        mark, rater = _column(header, MARK_COLUMNS), _column(header, RATER_COLUMNS)
        return [_row(cells, mark, rater) for cells in rows]

    def why_not_writable(self) -> str:
        """Why nothing can be written to the folder, or an empty string."""
        try:
            with self._lock():
                return ""
        except (HypothalamusSegError, WorklistError) as error:
            return str(error)

    def put(self, changed: ReviewRow, known: Iterable[ReviewRow] = ()) -> None:
        """Write a reader's row of a scan; rows of others stay.

        Parameters
        ----------
        changed : ReviewRow
            Takes the place of this reader's row of this scan.
        known : iterable of ReviewRow
            Further rows of this reader; those that are gone from the file are written again.

        Raises
        ------
        WorklistError
            If the file cannot be read or written; it is then as it was.
        """
        try:
            with self._lock():
                header, rows = self._read()
                mark, rater = _column(header, MARK_COLUMNS), _column(header, RATER_COLUMNS)
                header += [n for n in (SCAN, mark, rater, *OWN_COLUMNS) if n not in header]
                there = {_key(cells, rater): cells for cells in rows}
                for row in known:
                    there.setdefault((row.scan, row.rater), _cells(row, mark, rater))
                key = (changed.scan, changed.rater)
                there[key] = {**there.get(key, {}), **_cells(changed, mark, rater)}
                lines = ["\t".join(c.get(n) or MISSING for n in header) for c in there.values()]
                text = "\n".join(["\t".join(header), *lines]) + "\n"
                with atomic_files(self.folder) as stage:
                    (stage / NAME).write_text(text, encoding="utf-8", newline="\n")
        except HypothalamusSegError as error:
            raise WorklistError(
                f"The review could not be saved: {error} It is kept here until it can be saved."
            ) from error

    def _read(self) -> tuple[list[str], list[dict[str, str]]]:
        """Column names, and cells by column."""
        try:
            text = normalize("NFC", self.path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            return [], []
        except (OSError, UnicodeDecodeError) as error:
            raise WorklistError(f"{self.path} cannot be read ({error}). Move it away.") from error
        lines = [line.split("\t") for line in text.splitlines() if line.strip()]
        header = [name.strip() for name in lines[0]] if lines else []
        if header and (SCAN not in header or any(len(line) != len(header) for line in lines)):
            raise WorklistError(
                f"{self.path} is not a tab-separated table of reviews with a column {SCAN!r}. "
                "Move it away, or choose another folder."
            )
        return header, [dict(zip(header, map(str.strip, line), strict=True)) for line in lines[1:]]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one program at a time change the file, on network drives too."""
        lock, deadline = self.folder / LOCK_NAME, time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                break
            except FileExistsError:
                _remove_stale(lock)
                if time.monotonic() > deadline:
                    raise WorklistError(
                        f"{self.path} is being written by another program. If none is open, "
                        f"delete {lock}."
                    ) from None
                time.sleep(LOCK_POLL_S)
            except OSError as error:
                raise as_write_error(error, self.folder) from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _remove_stale(lock: Path) -> None:
    try:
        if time.time() - lock.stat().st_mtime > STALE_LOCK_S:
            lock.unlink(missing_ok=True)
    except OSError:
        pass  # already gone, or locked on Windows: the next try will show


def _column(header: list[str], names: tuple[str, ...]) -> str:
    return next((name for name in names if name in header), names[0])


def _key(cells: dict[str, str], rater: str) -> tuple[str, str]:
    return cells[SCAN], _value(cells, rater)


def _value(cells: dict[str, str], column: str) -> str:
    found = cells.get(column, "")
    return "" if found == MISSING else found


def _row(cells: dict[str, str], mark: str, rater: str) -> ReviewRow:
    labels = _value(cells, "labels")
    return ReviewRow(
        scan=cells[SCAN],
        rater=_value(cells, rater),
        mark=_value(cells, mark),
        time=_value(cells, "time"),
        note=_value(cells, "note").replace(LINE_END, "\n"),
        left_mm3=_number(_value(cells, "left_mm3")),
        right_mm3=_number(_value(cells, "right_mm3")),
        labels=tuple(labels.split(LIST_SEPARATOR)) if labels else (),
        scan_sha256=_value(cells, "scan_sha256"),
        protocol=_value(cells, "protocol") or (PUBLISHED.name if labels else ""),
    )


def _cells(row: ReviewRow, mark: str, rater: str) -> dict[str, str]:
    # A cell is one line, whatever character ended the lines of the note.
    note = LINE_END.join(row.note.splitlines())
    cells = {
        SCAN: row.scan,
        mark: row.mark,
        rater: row.rater,
        "time": row.time,
        "note": note,
        "left_mm3": "" if row.left_mm3 is None else f"{row.left_mm3:.3f}",
        "right_mm3": "" if row.right_mm3 is None else f"{row.right_mm3:.3f}",
        "labels": LIST_SEPARATOR.join(row.labels),
        "scan_sha256": row.scan_sha256,
        "protocol": row.protocol,
    }
    return {name: one_line(value) or MISSING for name, value in cells.items()}


def one_line(text: str) -> str:
    """Text without tabs, line ends and surrounding blanks, in one spelling of ü."""
    return normalize("NFC", " ".join(text.replace("\t", " ").splitlines())).strip()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
