"""Agreement of two readers: Dice of their label maps, ICC of their volumes, their verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.measures.protocol import PUBLISHED
from HypothalamusSegLib.results.atomic_files import atomic_files

from .review_table import MISSING, ReviewRow, ReviewTable

NAME = "review_agreement.tsv"
PARTS = {"left": (labels.LEFT,), "right": (labels.RIGHT,), "total": (labels.LEFT, labels.RIGHT)}
FEWEST_FOR_ICC = 3
REJECTED = "rejected"
LATTICE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ScanAgreement:
    """Two readers on one scan.

    Attributes
    ----------
    scan : str
    marks : tuple of str
        Their verdicts.
    dice : dict of str to float
        For left, right and total; NaN without two label maps on one grid.
    volumes_mm3 : dict of str to tuple of float
        Of the first and the second reader; NaN where there is no label map.
    protocols : tuple of str
        Whose outlines they have judged; empty where there were none, or where it is not known.
    """

    scan: str
    marks: tuple[str, str]
    dice: Mapping[str, float]
    volumes_mm3: Mapping[str, tuple[float, float]]
    protocols: tuple[str, str] = (PUBLISHED.name, PUBLISHED.name)

    @property
    def is_of_one_protocol(self) -> bool:
        """Whether no two protocols are compared."""
        return len({*self.protocols} - {""}) < 2

    @property
    def protocol(self) -> str:
        """The protocol, where it is one; empty where neither reader had any."""
        return max(self.protocols)


def by_protocol(found: Sequence[ScanAgreement]) -> dict[str, list[ScanAgreement]]:
    """Scans that may share a mean, by protocol; those of two protocols are in none.

    Scans without any protocol, such as those that could not be segmented, are with the others where
    these have but one.
    """
    alike = [each for each in found if each.is_of_one_protocol]
    names = sorted({each.protocol for each in alike} - {""})
    if len(names) < 2:
        return {names[0] if names else "": alike}
    return {name: [each for each in alike if each.protocol == name] for name in names}


def compare_readers(table: ReviewTable, first: str, second: str) -> list[ScanAgreement]:
    """Compare all scans that both readers have judged, sorted by name.

    Raises
    ------
    WorklistError
        If the table cannot be read.
    """
    rows = [row for row in table.rows() if row.is_done]
    of = [{row.scan: row for row in rows if row.rater == name} for name in (first, second)]
    return [
        _compare(table.folder, of[0][scan], of[1][scan]) for scan in sorted(set(of[0]) & set(of[1]))
    ]


def readers_in(table: ReviewTable) -> list[str]:
    """Readers in a table, by name."""
    return sorted({row.rater for row in table.rows() if row.is_done and row.rater})


def icc_agreement(pairs: Sequence[tuple[float, float]]) -> float:
    """ICC(A,1): absolute agreement of single measurements, two-way (McGraw & Wong 1996).

    Parameters
    ----------
    pairs : sequence of tuple of float
        One pair a scan; those with NaN are left out.

    Returns
    -------
    float
        NaN for fewer than `FEWEST_FOR_ICC` pairs, or where nothing varies.
    """
    measured = np.array([pair for pair in pairs if not any(map(math.isnan, pair))], float)
    count = len(measured)
    if count < FEWEST_FOR_ICC:
        return math.nan
    grand = measured.mean()
    scans = 2 * np.sum((measured.mean(1) - grand) ** 2) / (count - 1)
    readers = count * np.sum((measured.mean(0) - grand) ** 2)
    left = measured - measured.mean(1, keepdims=True) - measured.mean(0) + grand
    error = np.sum(left**2) / (count - 1)
    total = scans + error + 2 * (readers - error) / count
    return float((scans - error) / total) if total > 0 else math.nan


def write_agreement(table: ReviewTable, found: Sequence[ScanAgreement], readers: tuple) -> Path:
    """Write ``review_agreement.tsv``: one row per scan, and ``mean`` and ``ICC(A,1)`` below.

    Means and ICC are those of one protocol each: volumes of several would make an ICC of their
    difference. Scans that the readers judged by different protocols are in none.

    Raises
    ------
    NoSpaceLeftError, PermissionDeniedError
    """
    header = ["scan", *(f"mark_{number}" for number in (1, 2))]
    header += [f"dice_{part}" for part in PARTS]
    header += [f"{part}_mm3_{number}" for part in PARTS for number in (1, 2)]
    header += [f"protocol_{number}" for number in (1, 2)]
    lines = [header]
    for each in found:
        volumes = [value for part in PARTS for value in each.volumes_mm3[part]]
        lines.append(
            [
                each.scan,
                *each.marks,
                *map(_cell, each.dice.values()),
                *map(_cell, volumes),
                *(name or MISSING for name in each.protocols),
            ]
        )
    for protocol, alike in by_protocol(found).items():
        lines += _summary(alike, readers, protocol or MISSING)
    text = "\n".join("\t".join(line) for line in lines) + "\n"
    with atomic_files(table.folder) as stage:
        (stage / NAME).write_text(text, encoding="utf-8", newline="\n")
    return table.folder / NAME


def _summary(found: Sequence[ScanAgreement], readers: tuple, protocol: str) -> list[list[str]]:
    """The rows ``mean`` and ``ICC(A,1)`` of scans of one protocol."""
    means = [_mean([each.dice[part] for each in found]) for part in PARTS]
    means += [
        _mean([each.volumes_mm3[part][number] for each in found])
        for part in PARTS
        for number in (0, 1)
    ]
    same = sum(len({mark == REJECTED for mark in each.marks}) == 1 for each in found)
    icc = [icc_agreement([each.volumes_mm3[part] for each in found]) for part in PARTS]
    verdicts = f"{same} of {len(found)} verdicts agree"
    blank = [MISSING] * len(PARTS)
    both = [protocol, protocol]
    return [
        ["mean", *readers, *map(_cell, means), *both],
        ["ICC(A,1)", verdicts, MISSING, *blank, *(_cell(v) for i in icc for v in (i, i)), *both],
    ]


def _compare(folder: Path, first: ReviewRow, second: ReviewRow) -> ScanAgreement:
    maps = [_sides(folder, row) for row in (first, second)]
    volumes = {
        part: tuple(math.nan if m is None else m.volume_mm3(PARTS[part]) for m in maps)
        for part in PARTS
    }
    dice = {
        part: math.nan if None in maps else maps[0].dice(maps[1], PARTS[part]) for part in PARTS
    }
    marks, protocols = (first.mark, second.mark), (first.protocol, second.protocol)
    return ScanAgreement(first.scan, marks, dice, volumes, protocols)


@dataclass(frozen=True)
class _Sides:
    """Labeled voxels of one reader: indices on a grid of world space."""

    affine: np.ndarray
    voxels: Mapping[int, np.ndarray]

    def volume_mm3(self, wanted: tuple[int, ...]) -> float:
        count = sum(len(self.voxels[label]) for label in wanted)
        return count * float(abs(np.linalg.det(self.affine[:3, :3])))

    def dice(self, other: _Sides, wanted: tuple[int, ...]) -> float:
        """NaN on different grids, or if both are empty."""
        to_own = np.linalg.inv(self.affine) @ other.affine
        shift = np.round(to_own[:3, 3])
        expected = np.eye(4)
        expected[:3, 3] = shift
        if not np.allclose(to_own, expected, atol=LATTICE_TOLERANCE):
            return math.nan
        own = {tuple(v) for label in wanted for v in self.voxels[label].tolist()}
        others = {
            tuple(v) for label in wanted for v in (other.voxels[label] + shift.astype(int)).tolist()
        }
        size = len(own) + len(others)
        return 2 * len(own & others) / size if size else math.nan


def _sides(folder: Path, row: ReviewRow) -> _Sides | None:
    """The label map of the sides in a row; None if it is missing or unreadable."""
    import SimpleITK as sitk  # takes longer to import than the rest of the panel

    named = next((name for name in row.labels if "hypothalamus" in Path(name).name), None)
    if named is None or row.mark == REJECTED:
        return None
    try:
        image = sitk.ReadImage(str(folder / named))
    except RuntimeError:
        return None
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = directions * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    array = sitk.GetArrayViewFromImage(image)
    voxels = {label: np.argwhere(array == label)[:, ::-1] for label in PARTS["total"]}
    return _Sides(affine, voxels)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _cell(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.4f}"
