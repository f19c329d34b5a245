"""Files at the root of a derivative data set: description, README, label tables.

BIDS 1.10: "Dataset description", "Common data types and metadata", "Segmentations".
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from HypothalamusSegLib import __version__, labels
from HypothalamusSegLib.colours import LEFT_COLOUR, RIGHT_COLOUR
from HypothalamusSegLib.results.atomic_files import atomic_files

from ..tables import as_tsv

BIDS_VERSION = "1.10.0"
CODE_URL = "https://github.com/HypothalamusSeg/SlicerHypothalamusSeg"
# Sidecars refer to files of the segmented data set by it: bids:raw:sub-01/...
SOURCE_LINK = "raw"
STAGE_FOLDER = ".work"
DESCRIPTION = "dataset_description.json"
SIDES_TABLE = "seg-hypothalamus_dseg.tsv"
SUBUNITS_TABLE = "seg-subunits_dseg.tsv"
# What BIDS has no name for. A folder needs its own entry, without a slash at the end.
IGNORED = (
    f"{STAGE_FOLDER}/",
    "figures",
    "*_volumes.*",
    "*_spread.*",
    "*.sqlite*",
    "*.log",
    "*.html",
    "group_*",
    "follow",
    "follow_*",
    "compare_*",
    "review",
    "review*.tsv",
)
# BIDS' number for subcortical gray matter in its table of standard labels.
SUBCORTICAL_GRAY_MATTER = 9
NO_LICENSE = "not stated by the source data set"
README = f"""# Hypothalamus and intracranial volume

Made by HypothalamusSeg {__version__} ({CODE_URL}) from T1-weighted MRI. Not a medical device.

| file | content |
|---|---|
| `sub-*/[ses-*/]anat/*_seg-hypothalamus_*dseg.nii.gz` | 1 = left, 2 = right hypothalamus |
| `sub-*/[ses-*/]anat/*_seg-subunits_*dseg.nii.gz` | FreeSurfer's labels 801-810, if asked for |
| `sub-*/[ses-*/]anat/*_label-icv_mask.nii.gz` | intracranial volume |
| `sub-*/[ses-*/]anat/*_volumes.tsv`, `.json` | volumes, intervals, quality flags, provenance |
| `sub-*/[ses-*/]figures/*_overview.png` | overview picture |
| `sub-*/[ses-*/]figures/*_planes.png` | coronal planes, without and with outlines |
| `sub-*.html` | everything about a subject on one page |
| `group_*`, `contact_sheet.html` | group level |

Take volumes from the tables: they are integrals of posteriors and differ from counted voxels.
"""


def write_dataset_files(output: Path, source_root: Path, with_subunits: bool) -> None:
    """Write the files at the root; files that are already right are not touched.

    Parameters
    ----------
    output : Path
        Root of the derivatives.
    source_root : Path
        The data set that was segmented. Its license and DOI are repeated, if it states them.
    with_subunits : bool

    Raises
    ------
    NoSpaceLeftError, PermissionDeniedError
    """
    texts = {
        DESCRIPTION: _json(_description(output, source_root)),
        "README.md": README,
        ".bidsignore": "\n".join(IGNORED) + "\n",
        SIDES_TABLE: as_tsv(_side_rows()),
    }
    if with_subunits:
        texts[SUBUNITS_TABLE] = as_tsv(_subunit_rows())
    with atomic_files(output) as stage:
        for name, text in texts.items():
            path = output / name
            if not path.exists() or path.read_text("utf-8") != text:
                (stage / name).write_text(text, "utf-8")


def _description(output: Path, source_root: Path) -> dict:
    source = _source_description(source_root)
    link = _relative_link(output, source_root)
    doi = str(source.get("DatasetDOI") or "").removeprefix("doi:")
    origin = {"URL": f"https://doi.org/{doi}", "DOI": f"doi:{doi}"} if doi else {"URL": link}
    return {
        "Name": "HypothalamusSeg: hypothalamus and intracranial volume",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "License": str(source.get("License") or NO_LICENSE),
        "GeneratedBy": [
            {
                "Name": "HypothalamusSeg",
                "Version": __version__,
                "Description": "Two ensembles of five cross-validated networks.",
                "CodeURL": CODE_URL,
            }
        ],
        "SourceDatasets": [origin],
        "DatasetLinks": {SOURCE_LINK: link},
    }


def _source_description(source_root: Path) -> dict:
    """The source's own description; empty if it is damaged, which is not this program's concern."""
    try:
        found = json.loads((source_root / DESCRIPTION).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _relative_link(output: Path, source_root: Path) -> str:
    """From the derivatives to their source, so that both can move together.

    An absolute path would reveal the machine it was made on, and be wrong on any other.
    """
    try:
        return Path(os.path.relpath(source_root.resolve(), output.resolve())).as_posix()
    except ValueError:  # Another drive of a Windows machine: there is no relative path.
        return source_root.name


def _side_rows() -> list[dict]:
    return [
        {
            "index": label,
            "name": f"{side} hypothalamus",
            "abbreviation": f"{side[0].upper()}-HYP",
            "color": color,
            "mapping": SUBCORTICAL_GRAY_MATTER,
        }
        for label, side, color in (
            (labels.LEFT, "left", LEFT_COLOUR),
            (labels.RIGHT, "right", RIGHT_COLOUR),
        )
    ]


def _subunit_rows() -> list[dict]:
    rows = []
    for subunit in labels.SUBUNITS:
        parts = (subunit.side, *subunit.name.split("-"))
        rows.append(
            {
                "index": subunit.label,
                "name": f"{subunit.side} {subunit.name}",
                "abbreviation": "-".join(part[:3].upper() for part in parts),
                "mapping": SUBCORTICAL_GRAY_MATTER,
            }
        )
    return rows


def _json(content: dict) -> str:
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
