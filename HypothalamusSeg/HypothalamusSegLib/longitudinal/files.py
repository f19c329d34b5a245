"""Write what was found in the scans of one person: table, JSON, label maps and a page.

Examples
--------
>>> write_all(followed, Path("out"), "pat7")  # doctest: +SKIP
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..results.atomic_files import atomic_files, files_below
from ..results.files import write_label_map
from .follow import ICV, FollowUp, MeasuredVisit
from .follow_page import write_page
from .visit import scan_from_midspace
from .visit_flags import TITLES

VOLUME_DIGITS, PERCENT_DIGITS = 3, 4
COLUMNS = (
    "visit",
    "scan",
    "date",
    "structure",
    "protocol",
    "volume_mm3",
    "single_run_volume_mm3",
    "change_mm3",
    "change_percent",
    "change_percent_a_year",
    "smallest_real_change_percent",
    "verdict",
    "single_run_change_percent",
)


def write_all(
    followed: FollowUp,
    folder: Path,
    name: str,
    failed: Sequence[Path] = (),
    with_page: bool = True,
) -> list[Path]:
    """Write all files; Docs/FOLLOW.md lists them.

    Parameters
    ----------
    followed : FollowUp
    folder : Path
    name : str
        Begins all names.
    failed : sequence of Path
        Scans that could not be used.
    with_page : bool
        The page needs matplotlib, which is not part of 3D Slicer.

    Returns
    -------
    list of Path
    """
    description = describe(followed, name, failed)
    rows = table_rows(followed)
    with atomic_files(folder) as stage:
        for index, measured in enumerate(followed.visits, start=1):
            file = f"{name}_visit-{index}_hypothalamus_dseg.nii.gz"
            write_label_map(measured.labels, stage / file)
        with (stage / f"{name}_follow.tsv").open("w", newline="", encoding="utf-8") as stream:
            table = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
        text = json.dumps(description, indent=2, allow_nan=False)
        (stage / f"{name}_follow.json").write_text(text + "\n", encoding="utf-8")
        if with_page:
            write_page(followed, description, stage / f"{name}_follow.html")
        files = files_below(stage)
    return [folder / file for file in files]


def table_rows(followed: FollowUp) -> list[dict]:
    """One row for each visit and structure; missing numbers are "n/a", as in BIDS."""
    rows = []
    for index, measured in enumerate(followed.visits):
        changes = followed.changes[index - 1] if index else ()
        by_name = {change.structure: change for change in changes}
        alone = followed.alone_changes[index - 1] if index else {}
        for structure in structures_of(measured):
            change = by_name.get(structure)
            row = {
                "visit": index + 1,
                "scan": measured.visit.scan.name,
                "date": measured.visit.acquired,
                "structure": structure,
                "protocol": None if structure == ICV else followed.protocol.name,
                "volume_mm3": _round(measured.volumes_mm3.get(structure), VOLUME_DIGITS),
                "single_run_volume_mm3": _round(
                    measured.visit.alone_mm3.get(structure), VOLUME_DIGITS
                ),
                "single_run_change_percent": _round(alone.get(structure), PERCENT_DIGITS),
            }
            if change is not None:
                row |= _change_columns(change)
            rows.append({column: _or_missing(row.get(column)) for column in COLUMNS})
    return rows


def structures_of(measured: MeasuredVisit) -> list[str]:
    """Names of the structures of a visit; the ICV is last, from the single run."""
    return [*measured.volumes_mm3, *([ICV] if ICV in measured.visit.alone_mm3 else [])]


def describe(followed: FollowUp, name: str, failed: Sequence[Path] = ()) -> dict:
    """Describe a follow-up for JSON; missing numbers are None."""
    registration = followed.registration
    return {
        "name": name,
        "version": __version__,
        "protocol": followed.protocol.as_json(),
        "visits": [
            _describe_visit(measured, index, followed)
            for index, measured in enumerate(followed.visits)
        ],
        "trend_percent_a_year": {
            structure: _round(value, PERCENT_DIGITS) for structure, value in followed.trends.items()
        },
        "flags": [
            {
                "code": flag.code,
                "title": TITLES[flag.code],
                "message": flag.message,
                "is_severe": flag.is_severe,
            }
            for flag in followed.flags
        ],
        "registration": {"settled": registration.settled},
        "failed": [path.name for path in failed],
    }


def _describe_visit(measured: MeasuredVisit, index: int, followed: FollowUp) -> dict:
    visit, registration = measured.visit, followed.registration
    pose = scan_from_midspace(visit, registration.from_midspace[index])
    changes = followed.changes[index - 1] if index else ()
    alone = followed.alone_changes[index - 1] if index else {}
    return {
        "visit": index + 1,
        "scan": visit.scan.name,
        "date": None if visit.acquired is None else visit.acquired.isoformat(),
        "volumes_mm3": _round_all(measured.volumes_mm3, VOLUME_DIGITS),
        "single_run_volumes_mm3": _round_all(visit.alone_mm3, VOLUME_DIGITS),
        "changes": {change.structure: _change_columns(change) for change in changes},
        "single_run_changes_percent": _round_all(alone, PERCENT_DIGITS),
        "similarity": round(registration.similarity[index], 5),
        "mirrored_similarity": round(registration.mirrored_similarity[index], 5),
        "ras_from_midspace": [[round(float(v), 9) for v in row] for row in pose],
        "zoom": round(measured.zoom, 6),
        "quality_flags": [{"code": f.code, "message": f.message} for f in visit.quality.flags],
        "provenance": visit.provenance,
    }


def _change_columns(change) -> dict:
    return {
        "change_mm3": round(change.change_mm3, VOLUME_DIGITS),
        "change_percent": round(change.percent, PERCENT_DIGITS),
        "change_percent_a_year": _round(change.percent_a_year, PERCENT_DIGITS),
        "smallest_real_change_percent": _round(change.smallest_percent, PERCENT_DIGITS),
        "verdict": change.verdict,
    }


def _round_all(values: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _or_missing(value: object) -> object:
    return "n/a" if value is None else value
