"""Volumes of followed sessions as one table, which the longitudinal models read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..index.followed_volumes import TABLE_NAME
from ..structures import with_volume
from ..tables import describe_columns, join_codes, write_table
from .subjects import FollowedSubject
from .worker import folder_of

COLUMNS = {
    "participant_id": "Subject",
    "session_id": "Session",
    "scan": "Beginning of the names of the scan's result files",
    "date": "Day of the session; n/a: unknown",
    "similarity": "Correlation with the subject's other sessions after registration",
    "flags": "Why the comparison of the sessions is doubtful, separated by semicolons; n/a: none",
    "severe": "Whether a flag says that the sessions cannot be compared",
}


def write_followed_volumes(output: Path, subjects: Sequence[FollowedSubject]) -> list[Path]:
    """Write one row for each session of the subjects whose files exist.

    Parameters
    ----------
    output : Path
        Root of the derivatives.
    subjects : sequence of FollowedSubject
    """
    import pandas as pd

    rows = [row for subject in subjects for row in _rows(output, subject)]
    if not rows:
        return []
    table = pd.DataFrame(rows)
    names = {structure.column: structure.name for structure in with_volume()}
    explained = describe_columns(COLUMNS) | {
        column: {"Description": f"Volume of {names[column]} in the common frame", "Units": "mm^3"}
        for column in table
        if column in names
    }
    return write_table(table[list(explained)], output / TABLE_NAME, explained)


def _rows(output: Path, subject: FollowedSubject) -> list[dict]:
    name = subject.participant_id
    path = folder_of(output, name) / f"{name}_follow.json"
    if not path.is_file():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    by_sha256 = {session.sha256: session for session in subject.sessions}
    flags = join_codes(flag["code"] for flag in found["flags"]) or None
    columns = {structure.name: structure.column for structure in with_volume()}
    rows = []
    for visit in found["visits"]:
        session = by_sha256.get(visit["provenance"]["input_sha256"])
        if session is None:
            return []  # made from other images than the present ones
        volumes = {columns[name]: volume for name, volume in visit["volumes_mm3"].items()}
        rows.append(
            {
                "participant_id": name,
                "session_id": session.session_id or None,
                "scan": session.scan,
                "date": visit["date"],
                "similarity": visit["similarity"],
                "flags": flags,
                "severe": any(flag["is_severe"] for flag in found["flags"]),
                **volumes,
            }
        )
    return rows
