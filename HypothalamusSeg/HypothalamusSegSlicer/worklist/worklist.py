"""The list of one reader: which case is next, what is done, and the reviews.

A reader sees only their own reviews; those of others stay in the file.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from HypothalamusSegLib.flags import SEVERITIES, severity_of

from .case import Case, WorklistError
from .review_table import ReviewRow, ReviewTable, one_line

REJECTED = "rejected"
HASH_CHUNK_BYTES = 1 << 20


class Order(Enum):
    """The order of the cases."""

    AS_LISTED = "as listed"
    FLAGGED_FIRST = "flagged first"
    UNDONE_FIRST = "undone first"
    SHUFFLED = "shuffled"


@dataclass(frozen=True)
class Progress:
    """Progress of a reader."""

    done: int
    total: int
    rejected: int


class Worklist:
    """Cases, and the reviews that one reader gave them.

    Parameters
    ----------
    cases : sequence of Case
    table : ReviewTable
    reader : str
    order : Order

    Raises
    ------
    WorklistError
        If the table is there and cannot be read.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        table: ReviewTable,
        reader: str,
        order: Order = Order.AS_LISTED,
    ) -> None:
        self.table = table
        self.reader = one_line(reader)
        self._found = tuple(cases)
        self._flags = {case.name: case.flags for case in cases}
        self._rows = _own_rows(table, self.reader)
        self.cases = self._found
        self.sort(order)

    def change_reader(self, reader: str) -> None:
        """Continue as another reader, with that reader's reviews in the table."""
        rows = _own_rows(self.table, one_line(reader))
        self.reader, self._rows = one_line(reader), rows

    def move_to(self, folder: Path) -> None:
        """Write reviews to another folder, because the one before is read-only."""
        table, before = ReviewTable(folder), self.table.folder
        there = _own_rows(table, self.reader)
        for row in self._rows.values():
            if row.scan not in there:
                _copy_files(row.labels, before, folder)
        self.table, self._rows = table, {**self._rows, **there}

    def reopen(self, case: Case) -> None:
        """Treat a case as unread, because its review is about another file."""
        self._rows.pop(case.name, None)

    @property
    def replaced(self) -> list[Case]:
        """Cases whose file was replaced after their review."""
        return [
            case
            for case in self._found
            if _is_newer(case, self.row(case)) and self.was_another_scan(case, file_checksum(case))
        ]

    def sort(self, order: Order) -> None:
        """Sort the list once; no case moves while the list is read."""
        self.order = order
        keys = {
            Order.AS_LISTED: lambda case: 0,
            Order.FLAGGED_FIRST: lambda case: self._severity_rank(case.name),
            Order.UNDONE_FIRST: lambda case: self.row(case).is_done,
            # The same for every reader on every day, and independent of the names.
            Order.SHUFFLED: lambda case: hashlib.sha256(case.name.encode()).hexdigest(),
        }
        self.cases = tuple(sorted(self._found, key=keys[order]))

    def _severity_rank(self, name: str) -> tuple:
        ranks = [SEVERITIES.index(severity_of(code)) for code in self._flags[name]]
        return (min(ranks, default=len(SEVERITIES)), -len(ranks))

    def set_flags(self, case: Case, codes: Sequence[str]) -> None:
        """Record the flags of a case that was segmented in the meantime."""
        self._flags[case.name] = tuple(codes)

    def flags(self, case: Case) -> tuple[str, ...]:
        return self._flags[case.name]

    def row(self, case: Case) -> ReviewRow:
        """The reader's review of a case; an open one if there is none."""
        return self._rows.get(case.name) or ReviewRow(case.name, self.reader)

    def index(self, case: Case) -> int:
        """Place of a case in the list, from 0."""
        return next(i for i, each in enumerate(self.cases) if each.name == case.name)

    def next_undone(self, after: Case | None) -> Case | None:
        """The next case without a verdict, wrapping around at the end; None if all have one."""
        return next(iter(self.upcoming(after, 1)), None)

    def upcoming(self, after: Case | None, count: int) -> list[Case]:
        """The next cases without a verdict; never ``after`` itself."""
        start = 0 if after is None else self.index(after) + 1
        turned = (*self.cases[start:], *self.cases[:start])
        undone = (c for c in turned if not self.row(c).is_done and c != after)
        return [case for case, _number in zip(undone, range(count), strict=False)]

    def before(self, case: Case | None) -> Case | None:
        """The case above one in the list; None above the first."""
        place = len(self.cases) if case is None else self.index(case)
        return self.cases[place - 1] if place > 0 else None

    @property
    def progress(self) -> Progress:
        rows = [self.row(case) for case in self.cases]
        return Progress(
            sum(row.is_done for row in rows),
            len(rows),
            sum(row.mark == REJECTED for row in rows),
        )

    def put(self, row: ReviewRow) -> None:
        """Write a review at once; raises `WorklistError` if nothing could be saved."""
        if row.rater != self.reader or not self.reader:
            raise WorklistError("A review needs the name of its reader.")
        own = {case.name for case in self._found}
        kept = [known for name, known in self._rows.items() if name in own]
        self.table.put(row, kept)
        self._rows[row.scan] = row

    def was_another_scan(self, case: Case, checksum: str) -> bool:
        """Whether a review is about another file than the one that now has this name."""
        known = self.row(case).scan_sha256
        return bool(known and checksum and known != checksum)


def _copy_files(names: Sequence[str], source: Path, target: Path) -> None:
    """Copy the existing files; missing ones are reported when their case is opened."""
    try:
        for name in names:
            if (source / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, target / name)
    except OSError as error:
        raise WorklistError(f"{target} cannot be written to ({error.strerror}).") from error


def _is_newer(case: Case, row: ReviewRow) -> bool:
    try:
        judged_s = datetime.fromisoformat(row.time).timestamp()
        return case.scan.is_file() and case.scan.stat().st_mtime > judged_s
    except (OSError, ValueError):
        return False


def _own_rows(table: ReviewTable, reader: str) -> dict[str, ReviewRow]:
    return {row.scan: row for row in table.rows() if row.rater == reader and reader}


def file_checksum(case: Case) -> str:
    """SHA-256 of a case's file; a series' UID; empty for a folder."""
    if case.series_uid:
        return hashlib.sha256(case.series_uid.encode()).hexdigest()
    digest = hashlib.sha256()
    try:
        with case.scan.open("rb") as stream:
            while chunk := stream.read(HASH_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()
