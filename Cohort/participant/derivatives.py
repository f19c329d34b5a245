"""Results as BIDS derivatives (BIDS 1.10, "Imaging data types", "Segmentations").

``sub-01/[ses-1/]anat/`` holds label maps, mask, sidecars and volumes; ``sub-01/[ses-1/]figures/``
the overview picture and the planes of the contact sheet. Files of the whole data set are written by
dataset_files.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.measures.segmentation import Segmentation
from HypothalamusSegLib.results.atomic_files import atomic_files
from HypothalamusSegLib.results.files import write_label_map, write_overview, write_report_page
from HypothalamusSegLib.results.record import ResultRecord

from ..picture_names import OVERVIEW_ENDING, PLANES_ENDING
from ..tables import as_tsv
from .coronal_planes import have_planes, write_planes
from .dataset_files import SOURCE_LINK, STAGE_FOLDER
from .scan_list import CohortScan

# Grids of the hypothalamus labels other than the scan's own, in the terms of BIDS.
RESOLUTIONS = {
    "0.5": ("0p5mm", "0.5 mm isotropic voxels along the axes of world space"),
    "ulm": ("ulm", "0.125 x 0.125 x 0.5 mm, 50 coronal slices (Vernikouskaya et al. 2025)"),
}
SPREAD = "seg-hypothalamus_spread"
DESCRIPTIONS = {
    "seg-hypothalamus": "Left (1) and right (2) hypothalamus.",
    "seg-subunits": "Subunits of the hypothalamus, FreeSurfer's labels 801 to 810.",
    "label-icv": "Intracranial volume on the grid of the scan.",
    SPREAD: "Standard deviation between the networks of the posterior of a side, in per mille.",
}


def write_derivatives(
    record: ResultRecord,
    scan: CohortScan,
    output: Path,
    source_root: Path,
    with_overview: bool = True,
    with_report: bool = False,
) -> list[str]:
    """Write all files of one scan; each appears complete, and the volumes' JSON last.

    Parameters
    ----------
    record : ResultRecord
    scan : CohortScan
    output : Path
        Root of the derivatives.
    source_root : Path
        The data set that the sidecars' ``Sources`` refer to.
    with_overview, with_report : bool
        Also draw the overview picture and the coronal planes; the one-page report as PDF.

    Returns
    -------
    list of str
        Files relative to ``output``.

    Raises
    ------
    NoSpaceLeftError, PermissionDeniedError
        Earlier results of the scan stand as they were, or as a whole new set of files.
    """
    with atomic_files(output, output / STAGE_FOLDER / scan.name) as stage:
        pictures: dict[str, Callable[[ResultRecord, Path], None]] = {}
        if with_overview:
            pictures[OVERVIEW_ENDING] = write_overview
            if have_planes(record.segmentation.hypothalamus):
                pictures[PLANES_ENDING] = write_planes
        if with_report:
            pictures["_report.pdf"] = write_report_page
        return _write_files(record, scan, stage, source_root, pictures)


def _write_files(
    record: ResultRecord,
    scan: CohortScan,
    stage: Path,
    source_root: Path,
    pictures: dict[str, Callable[[ResultRecord, Path], None]],
) -> list[str]:
    subject = f"sub-{scan.subject}" + (f"/ses-{scan.session}" if scan.session else "")
    anat, figures = f"{subject}/anat/{scan.name}", f"{subject}/figures/{scan.name}"
    files: list[str] = []

    def add(file: str, write: Callable[[Path], object]) -> None:
        path = stage / file
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
        files.append(file)

    for ending, draw in pictures.items():
        add(f"{figures}{ending}", lambda path, draw=draw: draw(record, path))
    for image, stem, sidecar in _label_maps(record.segmentation, _source(scan.path, source_root)):
        add(f"{anat}_{stem}.nii.gz", lambda path, image=image: write_label_map(image, path))
        text = _json(sidecar)
        add(f"{anat}_{stem}.json", lambda path, text=text: path.write_text(text, "utf-8"))
    table = as_tsv(record.table_rows)
    add(f"{anat}_volumes.tsv", lambda path: path.write_text(table, "utf-8"))
    description = _json(record.description)
    add(f"{anat}_volumes.json", lambda path: path.write_text(description, "utf-8"))
    return files


def _label_maps(
    result: Segmentation, source: str
) -> Iterator[tuple[VoxelImage, str, dict[str, object]]]:
    """Yield each label map with the end of its name and its sidecar."""
    common = {"Sources": [source], "SpatialReference": source, "Manual": False}
    resolution, meaning = RESOLUTIONS.get(result.provenance["options"]["grid"], ("", ""))
    grid = {"Resolution": {resolution: meaning}} if resolution else {}
    entity = f"_res-{resolution}" if resolution else ""
    for image, stem, more in (
        (result.hypothalamus, f"seg-hypothalamus{entity}_dseg", grid),
        (result.subunits, f"seg-subunits{entity}_dseg", grid),
        (result.icv, "label-icv_mask", {"Type": "ROI"}),
        (result.spread, SPREAD, {}),
    ):
        if image is not None:
            yield image, stem, {"Description": _description_of(stem), **common, **more}


def _description_of(stem: str) -> str:
    return DESCRIPTIONS.get(stem) or DESCRIPTIONS[stem.split("_")[0]]


def _source(path: Path, source_root: Path) -> str:
    """Name the segmented file as BIDS does, never by a path of this machine."""
    try:
        relative = path.resolve().relative_to(source_root.resolve()).as_posix()
    except ValueError:  # A table may list scans that lie anywhere.
        relative = path.name
    return f"bids:{SOURCE_LINK}:{quote(relative)}"


def _json(content: dict) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
