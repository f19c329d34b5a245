"""What a training data set looks like on disk.

Two kinds of folder are understood (Docs/TRAINING.md shows both):

* BIDS-like scans: ``sub-X/anat/sub-X_T1w.nii.gz`` with labels in any ``derivatives/*/sub-X/anat/``:
  soft subunits ``*_seg-hypothalamus_probseg.nii.gz`` (ten channels, value / 255 = posterior), or
  hard ones ``*_subunits_dseg.nii.gz`` (FreeSurfer 801–810), and ``*_icv_mask.nii.gz``.
* label heads: ``headNN_dseg.nii.gz`` with ``headNN_icv_mask.nii.gz``; a generator makes the images.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

# Labels of which the teacher's single views agree with their mean by this Dice count fully.
STABLE_VIEW_DICE = 0.93


class DatasetError(Exception):
    """The training data set is missing, incomplete or not in the expected layout."""


@dataclass(frozen=True)
class LabelledScan:
    """A T1w scan with the labels that were found for it."""

    subject: str
    t1w: Path
    soft_subunits: Path | None
    hard_subunits: Path | None
    icv_mask: Path | None
    scanner: str
    skull: bool
    label_stability: float | None


@dataclass(frozen=True)
class LabelHead:
    """A label map of a whole head with its exact intracranial mask."""

    name: str
    labels: Path
    icv_mask: Path


def find_scans(folder: Path) -> list[LabelledScan]:
    """List the labeled scans of a BIDS-like folder, sorted by subject.

    ``participants.tsv`` is optional; its columns ``source`` or ``scanner``, ``skull`` (yes/no) and
    ``teacher_view_dice`` are used if present.

    Raises
    ------
    DatasetError
        If no subject with a T1w scan and at least one label is found.
    """
    table = _participants(folder)
    scans = []
    for t1w in sorted(folder.glob("sub-*/anat/*_T1w.nii.gz")):
        subject = t1w.parents[1].name
        labels = sorted(folder.glob(f"derivatives/*/{subject}/anat/*.nii.gz"))
        row = table.get(subject, {})
        scan = LabelledScan(
            subject=subject,
            t1w=t1w,
            soft_subunits=_ending(labels, "seg-hypothalamus_probseg.nii.gz"),
            hard_subunits=_ending(labels, "subunits_dseg.nii.gz"),
            icv_mask=_ending(labels, "icv_mask.nii.gz"),
            scanner=row.get("scanner") or row.get("source") or "unknown",
            skull=row.get("skull", "yes") != "no",
            label_stability=_number(row.get("teacher_view_dice")),
        )
        if scan.soft_subunits or scan.hard_subunits or scan.icv_mask:
            scans.append(scan)
    if not scans:
        raise DatasetError(
            f"No labelled scan in {folder}: expected sub-X/anat/sub-X_T1w.nii.gz and labels in "
            "derivatives/NAME/sub-X/anat/ (see Docs/TRAINING.md)."
        )
    return scans


def find_label_heads(folder: Path) -> list[LabelHead]:
    """List the label heads of a folder, sorted by name; raises `DatasetError` if there is none."""
    heads = []
    for labels in sorted(folder.glob("*_dseg.nii.gz")):
        name = labels.name.removesuffix("_dseg.nii.gz")
        mask = labels.with_name(f"{name}_icv_mask.nii.gz")
        if mask.exists():
            heads.append(LabelHead(name, labels, mask))
    if not heads:
        raise DatasetError(
            f"No label head in {folder}: expected headNN_dseg.nii.gz with headNN_icv_mask.nii.gz."
        )
    return heads


def _ending(paths: list[Path], suffix: str) -> Path | None:
    return next((path for path in paths if path.name.endswith(suffix)), None)


def _participants(folder: Path) -> dict[str, dict[str, str]]:
    table = folder / "participants.tsv"
    if not table.exists():
        return {}
    with table.open(newline="", encoding="utf-8") as stream:
        return {row["participant_id"]: row for row in csv.DictReader(stream, delimiter="\t")}


def _number(text: str | None) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
