"""Rebuild the cohort's index from the existing results, if it is damaged or locked.

Each scan's ``_volumes.json`` is written last, so a scan with this file is finished. Nothing is
segmented again: the participant level then compares each input's checksum with the one kept there.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from HypothalamusSegLib import __version__
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.results.atomic_files import as_write_error
from HypothalamusSegLib.results.record import CSV_COLUMNS

from ..errors import IndexFileError
from ..index.cohort_index import INDEX_NAME, CohortIndex, is_alive
from ..index.outcome import DONE, FAILED, Outcome
from ..tables import MISSING_CELL
from .dataset_files import SOURCE_LINK, STAGE_FOLDER
from .task import fingerprint, weight_checksums

DESCRIPTION = "_volumes.json"
KEPT_OF_FAILURES = ("name", "subject", "session", "input", "code", "reason", "input_sha256")


@dataclass(frozen=True)
class Rebuilt:
    """What a new index holds.

    Attributes
    ----------
    finished : int
        Scans whose results stand.
    failed : int
        Failures that the old index could still tell.
    unreadable : tuple of Path
        Descriptions that are damaged or lack something; their scans will be segmented again.
    """

    finished: int
    failed: int
    unreadable: tuple[Path, ...]


def rebuild_index(output: Path, source_root: Path, weights: str | None = None) -> Rebuilt:
    """Replace the old index with a new one.

    Parameters
    ----------
    output : Path
        Root of the derivatives.
    source_root : Path
        The data set, against which the sidecars' ``Sources`` are resolved.
    weights : str or None
        The folder of weights that the participant level is run with.

    Raises
    ------
    IndexFileError
        There are no results, or another run is at work on them.
    NoSpaceLeftError, PermissionDeniedError
    """
    descriptions = sorted(output.glob(f"sub-*/**/anat/*{DESCRIPTION}"))
    if not descriptions:
        raise IndexFileError(f"{output} holds no finished scan (sub-*/…/anat/*{DESCRIPTION}).")
    failures = _failures_of(output / INDEX_NAME)
    stage = output / STAGE_FOLDER / f"reindex-{os.getpid()}"
    try:
        stage.mkdir(parents=True)
        index = CohortIndex(stage)
        unreadable = [
            path for path in descriptions if not _enter(index, path, output, source_root, weights)
        ]
        for row in failures:
            _enter_failure(index, row)
        index.close()
        for name in (INDEX_NAME, f"{INDEX_NAME}-journal"):
            # A journal of the old file must not be applied to the new one.
            (output / name).unlink(missing_ok=True)
        os.replace(stage / INDEX_NAME, output / INDEX_NAME)
    except OSError as error:
        raise as_write_error(error, output) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        with contextlib.suppress(OSError):
            stage.parent.rmdir()
    return Rebuilt(len(descriptions) - len(unreadable), len(failures), tuple(unreadable))


def _failures_of(path: Path) -> list[sqlite3.Row]:
    """Failed scans of the old index, as far as it can be read; refuses one that is in use."""
    if not path.exists():
        return []
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        with contextlib.closing(connection):
            connection.row_factory = sqlite3.Row
            claims = connection.execute(
                "SELECT name, claimed_by, claimed_at FROM scans WHERE claimed_by IS NOT NULL"
            ).fetchall()
            failures = connection.execute(
                f"SELECT {', '.join(KEPT_OF_FAILURES)} FROM scans WHERE status = ?", (FAILED,)
            ).fetchall()
    except sqlite3.DatabaseError:
        return []
    now = time.time()
    alive = [row["name"] for row in claims if is_alive(row["claimed_by"], row["claimed_at"], now)]
    if alive:
        raise IndexFileError(
            f"Another run is segmenting {alive[0]}. Wait until it has ended, then run reindex "
            "again."
        )
    return failures


def _enter(
    index: CohortIndex, path: Path, output: Path, source_root: Path, weights: str | None
) -> bool:
    """Enter one finished scan; False if its description is incomplete."""
    name = path.name.removesuffix(DESCRIPTION)
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        provenance = description["provenance"]
        outcome = Outcome(
            name,
            DONE,
            sha256=provenance["input_sha256"],
            seconds=provenance["seconds"],
            description=description,
            volumes=_volumes(path.with_suffix(".tsv")),
            files=_files(path, name, output),
        )
        made_with = _fingerprint(provenance, weights)
        subject, session = _labels(path.relative_to(output))
        source = _source(path.parent, name, provenance["input"], source_root)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    index.claim(name, subject, session, source, made_with)
    # No signature: the next run reads the input once and compares its checksum.
    index.enter(outcome, source, "", made_with)
    return True


def _enter_failure(index: CohortIndex, row: sqlite3.Row) -> None:
    index.claim(row["name"], row["subject"], row["session"], row["input"], "")
    outcome = Outcome(
        row["name"], FAILED, row["code"] or "", row["reason"] or "", row["input_sha256"] or ""
    )
    index.enter(outcome, row["input"], "", "")


def _volumes(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return [{column: _cell(column, row[column]) for column in CSV_COLUMNS} for row in rows]


def _cell(column: str, text: str) -> str | float | None:
    if column == "structure":
        return text
    return None if text == MISSING_CELL else float(text)


def _files(description: Path, name: str, output: Path) -> list[str]:
    """All files of the scan, the picture first and the description last, as they were written."""
    folders = (description.parents[1] / "figures", description.parent)
    files = [path for folder in folders for path in sorted(folder.glob(f"{name}_*"))]
    others = [path for path in files if path != description]
    return [path.relative_to(output).as_posix() for path in (*others, description)]


def _labels(description: Path) -> tuple[str, str]:
    folders = description.parts
    session = folders[1].removeprefix("ses-") if folders[1].startswith("ses-") else ""
    return folders[0].removeprefix("sub-"), session


def _source(folder: Path, name: str, file_name: str, source_root: Path) -> str:
    """Where the input is, by a sidecar's ``Sources``; only its name if that is missing."""
    for sidecar in sorted(folder.glob(f"{name}_*.json")):
        sources = json.loads(sidecar.read_text(encoding="utf-8")).get("Sources", [])
        if sources:
            return str(source_root / unquote(sources[0].removeprefix(f"bids:{SOURCE_LINK}:")))
    return str(source_root / file_name)


def _fingerprint(provenance: dict, chosen: str | None) -> str:
    """That of the present program if the scan was made by it; else one of its own version."""
    asked = provenance["options"]
    options = Options(
        structures=tuple(asked["structures"]),
        subunits=asked["subunits"],
        grid=asked["grid"],
        folds=tuple(asked["folds"]),
        weights=chosen,
    )
    weights = sorted(provenance["weights_sha256"].values())
    if provenance["version"] == __version__:
        with contextlib.suppress(HypothalamusSegError):
            present = fingerprint(options)
            if set(weights) <= set(weight_checksums(options)):
                return present
    text = json.dumps([provenance["version"], asked, weights], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
