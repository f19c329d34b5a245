"""Results as BIDS derivatives (BIDS 1.10, "Imaging data types", "Segmentations").

``sub-01/[ses-1/]anat/`` holds label maps, mask, sidecars and volumes; ``sub-01/[ses-1/]figures/``
the overview picture. The meaning of the labels stands once, at the root, for all subjects.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from HypothalamusSegLib import __version__, labels
from HypothalamusSegLib.pipeline import Segmentation
from HypothalamusSegLib.results.files import (
    as_write_error,
    describe,
    table_row,
    write_label_map,
    write_overview,
)

from ..tables import as_tsv
from .scan_list import CohortScan

BIDS_VERSION = "1.10.0"
STAGE_FOLDER = ".work"
SIDES_TABLE = "seg-hypothalamus_dseg.tsv"
SUBUNITS_TABLE = "seg-subunits_dseg.tsv"
# What BIDS has no name for.
IGNORED = ("*_volumes.*", "*_overview.png", "*.sqlite*", "*.log", "*.html", "group_*", "compare_*")


def write_derivatives(
    result: Segmentation,
    scan: CohortScan,
    output: Path,
    source_root: Path,
    with_overview: bool = True,
) -> list[str]:
    """Write all files of one scan; each appears whole, and the volumes' JSON last.

    Parameters
    ----------
    result : Segmentation
    scan : CohortScan
    output : Path
        Root of the derivatives.
    source_root : Path
        The data set that the sidecars' ``Sources`` refer to.
    with_overview : bool

    Returns
    -------
    list of str
        Files relative to ``output``.

    Raises
    ------
    NoSpaceLeftError, PermissionDeniedError
        Earlier results of the scan stand as they were, or as a whole new set of files.
    """
    stage = output / STAGE_FOLDER / scan.name
    try:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
        files = _write_files(result, scan, stage, source_root, with_overview)
        for file in files:
            (output / file).parent.mkdir(parents=True, exist_ok=True)
        for file in files:
            os.replace(stage / file, output / file)
    except OSError as error:
        raise as_write_error(error, output) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return files


def _write_files(
    result: Segmentation, scan: CohortScan, stage: Path, source_root: Path, with_overview: bool
) -> list[str]:
    subject = f"sub-{scan.subject}" + (f"/ses-{scan.session}" if scan.session else "")
    anat, figures = f"{subject}/anat/{scan.name}", f"{subject}/figures/{scan.name}"
    files: list[str] = []

    def add(file: str, write: Callable[[Path], object]) -> None:
        path = stage / file
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
        files.append(file)

    if with_overview:
        add(f"{figures}_overview.png", lambda path: write_overview(result, path))
    sidecar = {"Sources": [_source(scan.path, source_root)], "Manual": False}
    for stem, image, more in (
        ("seg-hypothalamus_dseg", result.hypothalamus, {}),
        ("seg-subunits_dseg", result.subunits, {}),
        ("label-icv_mask", result.icv, {"Type": "ROI"}),
    ):
        if image is not None:
            add(f"{anat}_{stem}.nii.gz", lambda path, image=image: write_label_map(image, path))
            text = _json({**sidecar, **more})
            add(f"{anat}_{stem}.json", lambda path, text=text: path.write_text(text, "utf-8"))
    table = as_tsv([table_row(volume) for volume in result.volumes])
    add(f"{anat}_volumes.tsv", lambda path: path.write_text(table, "utf-8"))
    description = _json(describe(result))
    add(f"{anat}_volumes.json", lambda path: path.write_text(description, "utf-8"))
    return files


def _source(path: Path, source_root: Path) -> str:
    try:
        return f"bids:raw:{path.resolve().relative_to(source_root.resolve()).as_posix()}"
    except ValueError:
        return path.name


def write_dataset_files(output: Path, source_root: Path, with_subunits: bool) -> None:
    """Write what stands once: description, label tables, list of files that BIDS does not know.

    Raises
    ------
    NoSpaceLeftError, PermissionDeniedError
    """
    source = source_root.resolve()
    description = {
        "Name": "HypothalamusSeg: hypothalamus and intracranial volume",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "HypothalamusSeg", "Version": __version__}],
        "SourceDatasets": [{"URL": source.as_uri()}],
        "DatasetLinks": {"raw": source.as_uri()},
    }
    sides = [
        {"index": label, "name": f"{side} hypothalamus", "abbreviation": f"{side[0].upper()}-HYP"}
        for label, side in ((labels.LEFT, "left"), (labels.RIGHT, "right"))
    ]
    texts = {
        "dataset_description.json": _json(description),
        ".bidsignore": "\n".join((f"{STAGE_FOLDER}/", *IGNORED)) + "\n",
        SIDES_TABLE: as_tsv(sides),
    }
    if with_subunits:
        texts[SUBUNITS_TABLE] = as_tsv(_subunit_rows())
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = output / name
            if not path.exists() or path.read_text("utf-8") != text:
                part = output / f".{name}.{os.getpid()}.part"
                part.write_text(text, "utf-8")
                os.replace(part, path)
    except OSError as error:
        raise as_write_error(error, output) from error


def _subunit_rows() -> list[dict]:
    return [
        {
            "index": label,
            "name": labels.subunit_structure(label).replace("_", " "),
            "abbreviation": "-".join(
                part[:3].upper()
                for part in labels.subunit_structure(label).replace("_", "-").split("-")
            ),
            # FreeSurfer's own number, which these labels carry.
            "mapping": label,
        }
        for label in labels.SUBUNIT_LABELS
    ]


def _json(content: dict) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
