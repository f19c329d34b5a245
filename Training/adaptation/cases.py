"""Training cases: read, segmented by the parent networks, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import read_label_map, read_scan
from HypothalamusSegLib.stages.orientation import turn

from ..regions import posterior_grid
from .case_files import FEWEST_CASES, CaseFile, TrainingCasesError, corrected_protocol
from .label_checks import (
    LabelFinding,
    UnknownValuesError,
    as_sides,
    check_grid,
    check_label,
    check_protocols,
    check_shape,
    check_volumes,
    kind_of,
)
from .looks import Look, load_look, look_at, save_look
from .options import LabelOptions
from .samples import case_target
from .targets import SIDES, WHOLE

PARTS = 5


@dataclass(frozen=True)
class Case:
    """A scan with what the parent sees in it and, if it has a label, what the label teaches.

    Attributes
    ----------
    file : CaseFile
    scan_sha256 : str
    look : Look
    kind : str
        Of `targets.KINDS`; empty without a label.
    label_sha256 : str
    label : VoxelImage or None
        Upright, as the look; sides are 1 and 2.
    target : ndarray, shape (10, *POSTERIOR_SHAPE), or None
    part : int
        The fold that is not trained on this case.
    """

    file: CaseFile
    scan_sha256: str
    look: Look
    kind: str = ""
    label_sha256: str = ""
    label: VoxelImage | None = None
    target: np.ndarray | None = None
    part: int = -1

    @property
    def name(self) -> str:
        return self.file.name


def read_case(file: CaseFile, parent: Segmenter, work: Path) -> tuple[Case, VoxelImage]:
    """Read a scan and let the parent look at it, or take the look of an earlier run.

    Returns
    -------
    case : Case
        Without its label.
    volume : VoxelImage
        As it is stored.

    Raises
    ------
    HypothalamusSegError
        If it cannot be read or shows no head.
    """
    scan = read_scan(file.scan)
    path = work / f"look-{scan.sha256[:16]}.npz"
    if path.exists():
        look = load_look(path)
    else:
        look, _ = look_at(scan.volume, parent)
        save_look(look, path)
    return Case(file, scan.sha256, look), scan.volume


def add_label(
    case: Case, volume: VoxelImage, options: LabelOptions
) -> tuple[Case, list[LabelFinding]]:
    """Read and check a case's label; with a fatal finding the case has no target."""
    label, sha256 = read_label_map(case.file.label)
    findings = check_grid(case.name, label, volume.grid)
    if findings:
        return case, findings
    values = np.unique(label.array[label.array > 0]).tolist()
    try:
        kind = WHOLE if options.as_whole else kind_of(values, options.sides)
    except UnknownValuesError as error:
        message = (
            f"its label map has {error}, which are neither sides (1 left, 2 right) nor subunits "
            "(801–810). Give the values of the sides with --sides LEFT,RIGHT, or treat all values "
            "as one structure with --whole."
        )
        return case, [LabelFinding(case.name, "unknown_values", message)]
    if kind == SIDES:
        label = as_sides(label, options.sides)
    upright = label if case.look.turned is None else turn(label, case.look.turned)
    target = case_target(case.look, upright, kind)
    grid = posterior_grid(case.look.frame.centre_mm)
    answer = case.look.posterior
    findings = check_label(case.name, target, answer, grid, kind)
    if any(finding.is_fatal for finding in findings):
        return case, findings
    findings += check_shape(case.name, upright, kind)
    full = replace(case, kind=kind, label_sha256=sha256, label=upright, target=target)
    return full, findings


def refuse_too_few(files: Sequence[CaseFile]) -> None:
    """Refuse labeled cases of fewer than `FEWEST_CASES` subjects; raises `TrainingCasesError`."""
    subjects = {file.subject for file in files}
    if len(subjects) < FEWEST_CASES:
        raise TrainingCasesError(
            f"There are {len(files)} cases that can be used, of {len(subjects)} subjects; at least "
            f"{FEWEST_CASES} subjects are needed. Draw more."
        )


def refuse_unusable(
    cases: Sequence[Case], findings: Sequence[LabelFinding], skip_bad: bool
) -> list[LabelFinding]:
    """Refuse to go on where a label cannot be used; returns the findings that remain.

    Raises
    ------
    TrainingCasesError
        Names every case and what to do.
    """
    fatal = [finding for finding in findings if finding.is_fatal]
    if fatal and not skip_bad:
        lines = "\n".join(f"  {finding.case}: {finding.message}" for finding in fatal)
        raise TrainingCasesError(
            f"{len(fatal)} of the labels cannot be used:\n{lines}\nCorrect them, or leave them out "
            "with --skip-bad-cases."
        )
    usable = [case for case in cases if case.target is not None]
    refuse_too_few([case.file for case in usable])
    kinds = {case.kind for case in usable}
    if len(kinds) > 1:
        named = "; ".join(
            f"{kind}: {', '.join(c.name for c in usable if c.kind == kind)}"
            for kind in sorted(kinds)
        )
        raise TrainingCasesError(
            f"The labels are not all of the same kind ({named}). Draw all in the same way, or "
            "treat all values as one structure with --whole."
        )
    ratios = {case.name: volume_ratio(case) for case in usable}
    protocols = {case.name: corrected_protocol(case.file) for case in usable}
    return [*findings, *check_volumes(ratios), *check_protocols(protocols)]


def volume_ratio(case: Case) -> float:
    """Volume of the label over that of the parent's answer."""
    voxel_mm3 = posterior_grid(case.look.frame.centre_mm).voxel_volume_mm3
    return float(case.target.sum(dtype=np.float64)) * voxel_mm3 / case.look.answer_mm3


def assign_cases(cases: Sequence[Case]) -> list[Case]:
    """Assign subjects to parts by their checksums: evenly, and repeatably."""

    def order(subject: str) -> str:
        sums = sorted(case.scan_sha256 for case in cases if case.file.subject == subject)
        return hashlib.sha256("".join(sums).encode()).hexdigest()

    subjects = sorted({case.file.subject for case in cases}, key=order)
    return [replace(case, part=subjects.index(case.file.subject) % PARTS) for case in cases]


def read_cases(
    files: Sequence[CaseFile],
    parent: Segmenter,
    work: Path,
    options: LabelOptions,
    on_case: Callable[[int], None],
) -> tuple[list[Case], list[LabelFinding]]:
    """Read all scans, with their labels where they have one.

    Parameters
    ----------
    files : sequence of CaseFile
    parent : Segmenter
    work : Path
        Where looks are kept.
    options : LabelOptions
    on_case : callable
        Told how many are done.
    """
    cases, findings = [], []
    for index, file in enumerate(files):
        case, volume = read_case(file, parent, work)
        if file.label is not None:
            case, found = add_label(case, volume, options)
            findings += found
        cases.append(case)
        on_case(index + 1)
    return cases, findings
