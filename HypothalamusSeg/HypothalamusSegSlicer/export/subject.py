"""Names of exports, and what they say about the patient, as the user chose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..scene.patient import ScanIdentity, identify, source_name
from ..scene.result_nodes import ResultNodes

MayReplace = Callable[[Sequence[Path]], bool]


class ExportError(Exception):
    """The export failed and nothing was written; the message says why and what to do."""


@dataclass(frozen=True)
class Subject:
    """The patient in file names, JSON and report.

    Attributes
    ----------
    title : str
        Heads the report.
    stem : str
        Begins every file name; two patients never share one by default.
    details : dict
        For the JSON file.
    lines : tuple of str
        More about the scan, for the report.
    """

    title: str
    stem: str
    details: dict
    lines: tuple[str, ...]


def export_subject(nodes: ResultNodes) -> Subject:
    """Patient, study and series of a result, or the pseudonym that replaces all of them."""
    pseudonym = nodes.record.pseudonym
    if pseudonym:
        return Subject(pseudonym, safe_name(pseudonym), {"pseudonym": pseudonym}, ())
    identity = identify(nodes.volume)
    if not identity.is_known:
        details = {"volume": identity.volume, "source": identity.source or None}
        lines = (f"Source: {source_name(identity)}",) if identity.source else ()
        return Subject(identity.volume, safe_name(identity.volume), details, lines)
    parts = (identity.patient, identity.patient_id, identity.study_date, identity.volume)
    stem = "_".join(safe_name(part) for part in dict.fromkeys(parts) if part)
    return Subject(identity.patient, stem, _details(identity), _lines(identity))


def _details(identity: ScanIdentity) -> dict:
    known = {
        "patient_name": identity.patient_name,
        "patient_id": identity.patient_id,
        "birth_date": identity.birth_date,
        "sex": identity.sex,
        "study_date": identity.study_date,
        "study_instance_uid": identity.study_uid,
        "series_instance_uid": identity.series_uid,
        "volume": identity.volume,
        "source": identity.source,
    }
    return {key: value or None for key, value in known.items()}


def _lines(identity: ScanIdentity) -> tuple[str, ...]:
    person = [
        f"ID {identity.patient_id}" if identity.patient_id else "",
        f"born {identity.birth_date}" if identity.birth_date else "",
        f"sex {identity.sex}" if identity.sex else "",
        f"study of {identity.study_date}" if identity.study_date else "",
        f"series {identity.volume}",
    ]
    lines = [", ".join(part for part in person if part)]
    if identity.study_uid:
        lines.append(f"Study UID {identity.study_uid}")
    if identity.series_uid:
        lines.append(f"Series UID {identity.series_uid}")
    return tuple(lines)


def safe_name(name: str) -> str:
    """Convert a name to a file name."""
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    return re.sub("_+", "_", kept).strip("._") or "scan"


def refuse_to_replace(files: Sequence[Path]) -> bool:
    """The answer for scripts, where no one can be asked: never."""
    names = ", ".join(path.name for path in files[:3])
    raise ExportError(f"{names} already exist. Choose another folder or another name.")


def refuse_another_scan(file: Path, input_sha256: str) -> None:
    """Raise if a JSON file describes another scan than the one with this checksum.

    Raises
    ------
    ExportError
    """
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # none there, or not ours: the user is asked before it is replaced
    there = described.get("provenance", described) if isinstance(described, dict) else {}
    found = there.get("input_sha256") if isinstance(there, dict) else None
    if found is not None and found != input_sha256:
        raise ExportError(
            f"{file.name} in {file.parent} belongs to another scan, so nothing was written. "
            "Choose another folder, or enter a pseudonym that is not in use."
        )
