"""Which scans a cohort has: a BIDS data set, a plain folder, or a table of paths."""

from __future__ import annotations

import json
import logging
import re
import sys
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from HypothalamusSegLib.errors import ScanListError
from HypothalamusSegLib.reading.image_files import (
    image_stem,
    images_below,
    without_uncompressed_twins,
)
from HypothalamusSegLib.reading.scan_table import ListedScan, label_scan, read_scan_table

from ..errors import MissingPackageError

# Other kinds of data are skipped, which halves the time to index a large data set.
OTHER_DATATYPES = re.compile(r"/(func|dwi|fmap|perf|eeg|meg|ieeg|pet|micr|nirs|beh|motion)(/|$)")
T1W_SUFFIX = "_T1w"


@dataclass(frozen=True)
class CohortScan:
    """One T1-weighted scan of one subject.

    Attributes
    ----------
    name : str
        Unique in the cohort, and the beginning of its files' names: ``sub-01_ses-2_run-1``.
    subject, session : str
        BIDS labels without ``sub-`` and ``ses-``; an empty session where there are none.
    path : Path
    """

    name: str
    subject: str
    session: str
    path: Path


def find_scans(
    source: Path,
    participants: Collection[str] = (),
    sessions: Collection[str] = (),
    filter_file: Path | None = None,
    database: Path | None = None,
) -> list[CohortScan]:
    """List the scans of a cohort, sorted by name.

    Parameters
    ----------
    source : Path
        A BIDS data set (it has ``sub-*`` folders), another folder with images in any depth, or a
        table (.csv, .tsv) with the columns participant_id and path, and session_id if there are
        several; its paths may be relative to it.
    participants, sessions : collection of str
        Only these, with or without ``sub-`` and ``ses-``; empty: all.
    filter_file : Path or None
        fMRIPrep's: ``{"t1w": {"acquisition": "mprage"}}``; BIDS data sets only.
    database : Path or None
        Where pybids keeps its index, so that a large data set is read once.

    Raises
    ------
    ScanListError
        Nothing there, a label that no scan has, or two scans that would have the same name.
    MissingPackageError
        pybids is needed and not installed.
    """
    source = Path(source)
    if source.is_file():
        scans = [_cohort_scan(scan) for scan in read_scan_table(source)]
    elif not source.is_dir():
        raise ScanListError(f"{source} does not exist. Check the path.")
    elif is_bids(source):
        scans = _from_bids(source, filter_file, database)
    else:
        scans = _from_folder(source)
    if filter_file and (source.is_file() or not is_bids(source)):
        raise ScanListError(f"{source} is not a BIDS data set, which --bids-filter-file needs.")
    if not scans:
        raise ScanListError(
            f"No T1-weighted scan was found in {source}. A BIDS data set has "
            "sub-*/[ses-*/]anat/*_T1w.nii.gz; in any other folder, every image is used."
        )
    scans = _without_twins(scans)
    _check_unique(scans)
    scans = _only(scans, participants, "subject", "sub-")
    scans = _only(scans, sessions, "session", "ses-")
    return sorted(scans, key=lambda scan: scan.name)


def is_bids(folder: Path) -> bool:
    """Whether a folder has the layout of BIDS: a folder for each subject."""
    return any(path.is_dir() for path in folder.glob("sub-*"))


def _from_bids(root: Path, filter_file: Path | None, database: Path | None) -> list[CohortScan]:
    filters = _read_filters(filter_file)
    try:
        # pybids' dependencies warn about each other on import.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from bids import BIDSLayout
            from bids.layout import BIDSLayoutIndexer, Query
    except ImportError as error:
        raise MissingPackageError(
            f"Reading a BIDS data set needs pybids ({error}). Install it: "
            "pip install 'hypothalamus-seg[cohort]'"
        ) from error
    logging.getLogger("bids").setLevel(logging.ERROR)
    ignored = ["code", "stimuli", "sourcedata", "models", "derivatives", re.compile(r"/\.")]
    indexer = BIDSLayoutIndexer(
        validate=False, index_metadata=False, ignore=[*ignored, OTHER_DATATYPES]
    )
    layout = BIDSLayout(root, validate=False, indexer=indexer, database_path=database)
    special = {"*": Query.ANY, None: Query.NONE}
    asked = {
        key: special.get(value, value) if not isinstance(value, list) else value
        for key, value in filters.items()
    }
    unknown = sorted(set(asked) - set(layout.get_entities(metadata=False)))
    if unknown:
        near = get_close_matches(unknown[0], layout.get_entities(metadata=False), 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ScanListError(
            f"{filter_file} filters by {unknown[0]!r}, which is not a BIDS entity of these "
            f"scans.{hint}"
        )
    query = {"suffix": "T1w", "extension": [".nii", ".nii.gz"], **asked}
    scans = []
    for file in layout.get(**query):
        path = Path(file.path)
        stem = path.name[: -len(file.get_entities()["extension"])]
        entities = file.get_entities()
        scans.append(
            CohortScan(
                name=stem.removesuffix(T1W_SUFFIX),
                subject=str(entities["subject"]),
                session=str(entities.get("session", "")),
                path=path,
            )
        )
    return scans


def _read_filters(path: Path | None) -> dict:
    if path is None:
        return {}
    try:
        filters = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScanListError(f"{path} is not a readable JSON file ({error}).") from error
    if not isinstance(filters, dict) or not isinstance(filters.get("t1w", {}), dict):
        raise ScanListError(
            f'{path} must hold an object such as {{"t1w": {{"acquisition": "mprage"}}}}.'
        )
    return filters.get("t1w", {})


def _from_folder(folder: Path) -> list[CohortScan]:
    """Every image in a folder, at any depth; a folder of DICOM slices is one image."""
    return [_cohort_scan(label_scan(path, image_stem(path))) for path in images_below(folder)]


def _cohort_scan(scan: ListedScan) -> CohortScan:
    return CohortScan(scan.name, scan.subject, scan.session, scan.path)


def _without_twins(scans: list[CohortScan]) -> list[CohortScan]:
    """Drop name.nii if name.nii.gz is next to it."""
    kept = set(without_uncompressed_twins([scan.path for scan in scans]))
    for scan in scans:
        if scan.path not in kept:
            print(
                f"{scan.path} is not used, since {scan.path.name}.gz is next to it.",
                file=sys.stderr,
            )
    return [scan for scan in scans if scan.path in kept]


def _check_unique(scans: list[CohortScan]) -> None:
    seen: dict[str, Path] = {}
    for scan in scans:
        if scan.name in seen:
            raise ScanListError(
                f"{seen[scan.name]} and {scan.path} would both be called {scan.name}. Give them "
                "different names, or a table with participant_id, session_id and path."
            )
        seen[scan.name] = scan.path


def _only(
    scans: list[CohortScan], wanted: Collection[str], attribute: str, prefix: str
) -> list[CohortScan]:
    labels = {label.removeprefix(prefix) for label in wanted}
    unknown = sorted(labels - {getattr(scan, attribute) for scan in scans})
    if unknown:
        raise ScanListError(
            f"No scan has {attribute} {', '.join(prefix + label for label in unknown)}."
        )
    return [scan for scan in scans if not labels or getattr(scan, attribute) in labels]
