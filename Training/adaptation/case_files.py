"""Find the scans of a BIDS-like folder and the label maps that a rater has drawn on them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from HypothalamusSegLib.errors import HypothalamusSegError

SCAN_ENDINGS = ("_T1w.nii.gz", "_T1w.nii", "_T1w.nrrd", "_T1w.mgz", "_T1w.mha")
# Possible names of a rater's file, the more specific first.
LABEL_STEMS = ("subunits_dseg", "hypothalamus_dseg", "dseg", "mask", "seg")
OTHER_STRUCTURES = ("icv", "brain")
DERIVATIVES = "derivatives"
FEWEST_CASES = 5


class TrainingCasesError(HypothalamusSegError):
    """The training cases cannot be used; the message names each and what to do."""

    code = "training_cases"


@dataclass(frozen=True)
class CaseFile:
    """A scan, with the label map that was found for it, if any.

    Attributes
    ----------
    name : str
        The scan's name without ``_T1w``.
    subject : str
        Cases of one subject are never on both sides of a cross-validation.
    scan : Path
    label : Path or None
    """

    name: str
    subject: str
    scan: Path
    label: Path | None


def find_case_files(folder: Path, rater: str | None = None) -> list[CaseFile]:
    """List the scans of a folder, those with a label and those without, sorted by name.

    Parameters
    ----------
    folder : Path
        ``sub-X/[ses-Y/]anat/…_T1w.nii.gz``, labels beside them or below
        ``derivatives/RATER/``, as Slicer's *Save as training case* writes them.
    rater : str or None
        Name of the folder in ``derivatives``; needed where several have drawn one scan.

    Raises
    ------
    TrainingCasesError
        No scan, or several labels for one scan.
    """
    scans = sorted(
        path
        for path in folder.rglob("*")
        if path.name.endswith(SCAN_ENDINGS)
        and DERIVATIVES not in path.relative_to(folder).parts[:-1]
    )
    if not scans:
        raise TrainingCasesError(
            "{folder} holds no scan named …_T1w.nii.gz. Choose the folder where the training "
            "cases were saved; see Docs/ADAPT.md.",
            folder=folder,
        )
    found = []
    for scan in scans:
        name = scan.name[: scan.name.index("_T1w")]
        label = _label_of(name, scan, folder, rater)
        found.append(CaseFile(name, name.partition("_")[0], scan, label))
    return found


def _label_of(name: str, scan: Path, folder: Path, rater: str | None) -> Path | None:
    raters = folder / DERIVATIVES / (rater or "*")
    below = [*folder.glob(str(raters.relative_to(folder) / "**" / f"{name}_*"))]
    beside = [] if rater else [*scan.parent.glob(f"{name}_*")]
    candidates = [path for path in (*below, *beside) if _is_label(path, scan)]
    for stem in LABEL_STEMS:
        named = [path for path in candidates if _stem(path).endswith(stem)]
        if len(named) > 1:
            raise TrainingCasesError(
                "{name} has {count} label maps: {files}. Choose a rater with --rater NAME (the "
                "folder below derivatives), or remove the others.",
                name=name,
                count=len(named),
                files=", ".join(str(path.relative_to(folder)) for path in sorted(named)),
            )
        if named:
            return named[0]
    return None


def _is_label(path: Path, scan: Path) -> bool:
    stem = _stem(path)
    is_other = any(word in stem.lower() for word in OTHER_STRUCTURES)
    return path != scan and path.is_file() and not is_other and path.suffix != ".json"


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


def corrected_protocol(file: CaseFile) -> str:
    """Whose outlines the label was corrected from, as Slicer noted it; empty if it is not known."""
    if file.label is None:
        return ""
    log = file.label.parent / f"{file.name}_review.json"
    try:
        found = json.loads(log.read_text(encoding="utf-8")).get("protocol", "")
    except (OSError, ValueError, AttributeError):
        return ""  # drawn with another program, or by an earlier version
    return found if isinstance(found, str) else ""


def with_labels(files: Iterable[CaseFile]) -> list[CaseFile]:
    return [file for file in files if file.label is not None]
