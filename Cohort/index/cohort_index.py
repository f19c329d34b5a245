"""The cohort's index: one SQLite file with every scan, so that nothing is read again.

A run claims a scan before it segments it and enters the result when all its files are in place.
Claims are renewed while the run lives; those of a killed run become free again. Several runs
may work on one index at once. Only the run itself writes here, never its workers: SQLite must not
be written over a network file system from several machines at the same moment, and one process a
run, a few times a minute, is safe there with the rollback journal (no write-ahead log).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from HypothalamusSegLib.machine.processes import may_be_alive
from HypothalamusSegLib.measures.protocol import protocol_name
from HypothalamusSegLib.results.record import CSV_COLUMNS

from ..errors import IndexFileError
from ..picture_names import OVERVIEW_ENDING
from .outcome import DONE, FAILED, UNCHANGED, Outcome

INDEX_NAME = "hypothalamusseg.sqlite"
REINDEX = "hypothalamus-seg cohort BIDS_DIR OUT reindex"
BEGUN = "begun"
# Outcomes of a claim: it is this run's now, another active run has it, or it was just finished.
MINE, TAKEN, FINISHED = "mine", "taken", "finished"
# A claim not renewed for this long belongs to a run that was killed or lost its machine.
CLAIM_EXPIRES_S = 120.0
RENEW_EVERY_S = 20.0
BUSY_TIMEOUT_S = 60.0
SCHEMA_VERSION = 3
SCHEMA = """
CREATE TABLE scans (
    name TEXT PRIMARY KEY, subject TEXT NOT NULL, session TEXT NOT NULL, input TEXT NOT NULL,
    status TEXT NOT NULL, claimed_by TEXT, claimed_at REAL, finished_at REAL,
    fingerprint TEXT, signature TEXT, input_sha256 TEXT,
    code TEXT, reason TEXT, seconds REAL, overview TEXT,
    asymmetry_index REAL, fold_dice REAL, confidence REAL, place_confidence REAL,
    flags TEXT, files TEXT, protocol TEXT
) WITHOUT ROWID;
CREATE TABLE volumes (
    name TEXT NOT NULL, structure TEXT NOT NULL, volume_mm3 REAL NOT NULL, mask_volume_mm3 REAL,
    fraction_of_icv REAL, icv_adjusted_mm3 REAL, fold_sd_mm3 REAL,
    fold_min_mm3 REAL, fold_max_mm3 REAL, volume_low_mm3 REAL, volume_high_mm3 REAL,
    PRIMARY KEY (name, structure)
) WITHOUT ROWID;
"""
# Steps that convert an index of an earlier format to the next one.
UPGRADES = {
    1: (
        "ALTER TABLE volumes ADD COLUMN volume_low_mm3 REAL",
        "ALTER TABLE volumes ADD COLUMN volume_high_mm3 REAL",
    ),
    2: ("ALTER TABLE scans ADD COLUMN protocol TEXT",),
}


class CohortIndex:
    """The index of one output folder, as one run sees it.

    Parameters
    ----------
    output : Path
        Root of the derivatives; the index is made there if it is missing.

    Raises
    ------
    IndexFileError
        The file is damaged, of another version, or cannot be written.
    """

    def __init__(self, output: Path) -> None:
        self.path = output / INDEX_NAME
        self._opened_at = time.time()
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        with self._name_failures():
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None
            )
            self._connection.row_factory = sqlite3.Row
            with self._transaction():
                self._create_or_check()

    def _create_or_check(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in SCHEMA.split(";"):
                self._connection.execute(statement)
            version = SCHEMA_VERSION
        while version in UPGRADES:
            for statement in UPGRADES[version]:
                self._connection.execute(statement)
            version += 1
        self._connection.execute(f"PRAGMA user_version = {version}")
        if version != SCHEMA_VERSION:
            raise IndexFileError(
                f"{self.path} was made by another version of this program (format {version}, here "
                f"{SCHEMA_VERSION}). Choose another output folder."
            )

    def close(self) -> None:
        """Release what this run had claimed and not finished."""
        with self._name_failures():
            with self._transaction():
                self._connection.execute(
                    "UPDATE scans SET claimed_by = NULL, claimed_at = NULL WHERE claimed_by = ?",
                    (self.owner,),
                )
            self._connection.close()

    def finished(self, fingerprint: str) -> dict[str, sqlite3.Row]:
        """Scans finished with these options and weights: signature, checksum, files; by name."""
        with self._name_failures():
            rows = self._connection.execute(
                "SELECT name, input, signature, input_sha256, files FROM scans "
                "WHERE status = ? AND fingerprint = ?",
                (DONE, fingerprint),
            )
            return {row["name"]: row for row in rows}

    def claim(
        self, name: str, subject: str, session: str, input_path: str, fingerprint: str
    ) -> str:
        """Take a scan for this run: ``mine``, ``taken`` or ``finished``.

        The row keeps its status until the result is entered, so that a scan keeps its old result if
        a repetition is interrupted.
        """
        now = time.time()
        with self._name_failures(), self._transaction():
            row = self._connection.execute(
                "SELECT claimed_by, claimed_at, status, fingerprint, finished_at FROM scans "
                "WHERE name = ?",
                (name,),
            ).fetchone()
            if row is None:
                self._connection.execute(
                    "INSERT INTO scans (name, subject, session, input, status, claimed_by, "
                    "claimed_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (name, subject, session, input_path, BEGUN, self.owner, now),
                )
                return MINE
            holder = row["claimed_by"]
            if holder not in (None, self.owner) and is_alive(holder, row["claimed_at"], now):
                return TAKEN
            # By another run, since this one listed its work.
            recent = row["status"] == DONE and row["finished_at"] > self._opened_at
            if recent and row["fingerprint"] == fingerprint:
                return FINISHED
            self._connection.execute(
                "UPDATE scans SET claimed_by = ?, claimed_at = ? WHERE name = ?",
                (self.owner, now, name),
            )
            return MINE

    def renew_claims(self) -> None:
        """Say that this run is alive."""
        with self._name_failures(), self._transaction():
            self._connection.execute(
                "UPDATE scans SET claimed_at = ? WHERE claimed_by = ?", (time.time(), self.owner)
            )

    def enter(self, outcome: Outcome, input_path: str, signature: str, fingerprint: str) -> None:
        """Record the outcome of a claimed scan, and end the claim.

        Parameters
        ----------
        outcome : Outcome
        input_path : str
        signature : str
            Of the input as it was before it was read, see `signature.signature_of`.
        fingerprint : str
            Of options and weights.
        """
        values: dict = {
            "input": input_path,
            "signature": signature,
            "claimed_by": None,
            "claimed_at": None,
        }
        if outcome.status == FAILED:
            values |= {
                "status": FAILED,
                "code": outcome.code,
                "reason": outcome.reason,
                "finished_at": time.time(),
                "fingerprint": fingerprint,
                "input_sha256": outcome.sha256 or None,
            }
        elif outcome.status == DONE:
            values |= _result_values(outcome, fingerprint)
        with self._name_failures(), self._transaction():
            columns = ", ".join(f"{name} = ?" for name in values)
            self._connection.execute(
                f"UPDATE scans SET {columns} WHERE name = ?", (*values.values(), outcome.name)
            )
            if outcome.status != UNCHANGED:
                self._connection.execute("DELETE FROM volumes WHERE name = ?", (outcome.name,))
                marks = ", ".join("?" * (1 + len(CSV_COLUMNS)))
                self._connection.executemany(
                    f"INSERT INTO volumes (name, {', '.join(CSV_COLUMNS)}) VALUES ({marks})",
                    [
                        (outcome.name, *(row[column] for column in CSV_COLUMNS))
                        for row in outcome.volumes
                    ],
                )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        # Immediate: two runs that both read and then write would otherwise fail, not wait.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def _name_failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise IndexFileError(unusable(self.path, error)) from error


def unusable(path: Path, error: Exception) -> str:
    """What to do about an index that cannot be read or written; no result is lost with it."""
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return (
            f"The index {path} is in use by another program ({error}). Wait until it has ended, "
            f"then run again. If none is running, rebuild the index: {REINDEX}"
        )
    return (
        f"The index {path} cannot be used ({error}). Rebuild it from the results, which takes "
        f"seconds and segments nothing: {REINDEX}"
    )


def _result_values(outcome: Outcome, fingerprint: str) -> dict:
    quality = outcome.description.get("quality", {})
    fold_dice = quality.get("fold_dice") or []
    overview = [file for file in outcome.files if file.endswith(OVERVIEW_ENDING)]
    return {
        "status": DONE,
        "code": None,
        "reason": None,
        "finished_at": time.time(),
        "fingerprint": fingerprint,
        "input_sha256": outcome.sha256,
        "seconds": outcome.seconds,
        "overview": overview[0] if overview else "",
        "asymmetry_index": outcome.description.get("asymmetry_index"),
        "fold_dice": sum(fold_dice) / len(fold_dice) if fold_dice else None,
        "confidence": quality.get("confidence"),
        "place_confidence": quality.get("place_confidence"),
        "flags": json.dumps(quality.get("flags", [])),
        "files": json.dumps(outcome.files),
        "protocol": protocol_name(outcome.description),
    }


def is_alive(claimed_by: str, claimed_at: float, now: float) -> bool:
    """Whether the run that holds a claim may still be working."""
    if now - claimed_at > CLAIM_EXPIRES_S:
        return False
    host, process, _ = claimed_by.rsplit(":", 2)
    return host != socket.gethostname() or may_be_alive(int(process))
