"""Find the cases of a folder, a BIDS data set, a derivative of the cohort tool, or a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from HypothalamusSegLib.errors import ScanListError

from .case import Case, FinishedResult, WorklistError

DESCRIPTION, DATASET = "_volumes.json", "dataset_description.json"
# By role: the end of a label map's name in a derivative.
LABEL_MAPS = {
    "hypothalamus": "_seg-hypothalamus*_dseg.nii.gz",
    "subunits": "_seg-subunits*_dseg.nii.gz",
    "icv": "_label-icv_mask.nii.gz",
    "spread": "_seg-hypothalamus_spread.nii.gz",
}
SUBJECTS, SESSIONS = "sub-*/anat/", "sub-*/ses-*/anat/"


@dataclass(frozen=True)
class CaseList:
    """Cases, sorted by name, and the folder that their reviews belong in."""

    cases: tuple[Case, ...]
    folder: Path


def find_cases(source: Path) -> CaseList:
    """List the cases of a folder or a table.

    Names are those that `hypothalamus-seg cohort` gives to the same scans.

    Parameters
    ----------
    source : Path
        OUT of ``hypothalamus-seg cohort`` (its results are shown), a BIDS data set, another folder
        with images at any depth, or a table (.tsv, .csv) with participant_id, path and maybe
        session_id.

    Raises
    ------
    WorklistError
        Nothing there, or two scans with one name.
    """
    try:
        if source.is_file():
            cases, folder = _of_table(source), source.parent
        elif _has_any(source, DESCRIPTION):
            cases, folder = _of_derivative(source), source
        elif _has_any(source, "_T1w.nii*"):
            cases, folder = _of_bids(source), source
        else:
            cases, folder = _of_folder(source), source
    except OSError as error:
        raise WorklistError(f"{source} cannot be read ({error.strerror or error}).") from error
    except ScanListError as error:
        raise WorklistError(str(error)) from error
    if not cases:
        raise WorklistError(f"No scan was found in {source}.")
    refuse_same_names(cases)
    return CaseList(tuple(sorted(cases, key=lambda case: case.name)), folder)


def refuse_same_names(cases: list[Case]) -> None:
    """Raise if two cases would share their reviews."""
    seen: dict[str, Case] = {}
    for case in cases:
        other = seen.setdefault(case.name, case)
        if other is not case:
            raise WorklistError(
                f"{other.scan} and {case.scan} would both be called {case.name}, so their reviews "
                "could be mixed up. Give them different names, or open a table with "
                "participant_id, session_id and path."
            )


def _has_any(root: Path, ending: str) -> bool:
    return any(True for _path in _in_anat(root, f"*{ending}"))


def _in_anat(root: Path, pattern: str) -> Iterator[Path]:
    for place in (SUBJECTS, SESSIONS):
        yield from root.glob(place + pattern)


def _of_derivative(root: Path) -> list[Case]:
    source = root / _link_to_source(root)
    return [_finished_case(path, source) for path in _in_anat(root, f"*{DESCRIPTION}")]


def _finished_case(description: Path, source: Path) -> Case:
    name = description.name.removesuffix(DESCRIPTION)
    maps = {role: path for role in LABEL_MAPS if (path := _label_map(description, name, role))}
    scan = _source_of(next(iter(maps.values()), None), source)
    return Case(name, scan, FinishedResult(_json(description), maps))


def _label_map(description: Path, name: str, role: str) -> Path | None:
    """Two grids of one scan may exist: the description belongs to the newer one."""
    found = list(description.parent.glob(name + LABEL_MAPS[role]))
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _source_of(label_map: Path | None, source: Path) -> Path:
    """The scan that a label map's sidecar names, as ``bids:raw:sub-01/anat/…``."""
    sidecar = (
        _json(label_map.with_name(label_map.name.removesuffix(".nii.gz") + ".json"))
        if (label_map is not None)
        else {}
    )
    named = next(iter(sidecar.get("Sources", ())), "")
    return source / unquote(str(named).rpartition(":")[2])


def _link_to_source(root: Path) -> str:
    links = _json(root / DATASET).get("DatasetLinks", {})
    return str(next(iter(links.values()), ".")) if isinstance(links, dict) else "."


def _json(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}  # reported when the case is opened
    return found if isinstance(found, dict) else {}


def _of_bids(root: Path) -> list[Case]:
    from HypothalamusSegLib.reading.image_files import image_stem, without_uncompressed_twins

    paths = without_uncompressed_twins(list(_in_anat(root, "*_T1w.nii*")))
    return [Case(image_stem(path).removesuffix("_T1w"), path) for path in paths]


def _of_folder(folder: Path) -> list[Case]:
    from HypothalamusSegLib.reading.image_files import (
        image_stem,
        images_below,
        without_uncompressed_twins,
    )
    from HypothalamusSegLib.reading.scan_table import label_scan

    paths = without_uncompressed_twins(list(images_below(folder)))
    scans = [label_scan(path, image_stem(path)) for path in paths]
    return [Case(scan.name, scan.path) for scan in scans]


def _of_table(table: Path) -> list[Case]:
    from HypothalamusSegLib.reading.scan_table import read_scan_table

    return [Case(scan.name, scan.path) for scan in read_scan_table(table)]
