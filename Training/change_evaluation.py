"""How much of a known change the engine measures: for the first table of the validation.

A network that was trained on labels of a population pulls single volumes to the population's mean:
a true atrophy of 10 % may be reported as 6 %. That does not show in Dice or in repeatability, so it
is measured here, on planted changes (planted_scans.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.measures.volumes import measure_hypothalamus
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.stages.fine import FineResult, segment_region, side_labels

from .dataset import LabelledScan
from .evaluation_extent import FULL
from .planted_change import FoldedError
from .planted_scans import PlantedScan, PlantingGround
from .prepare import load_volume, subunit_posteriors

ONE_SIDED_CHANGE = -0.2
SIDE_NAMES = ("left", "right")


def measure_planted_changes(
    segmenter: Segmenter,
    scans: Iterable[LabelledScan],
    changes: Sequence[float] = FULL.planted_changes,
) -> list[dict]:
    """Plant changes in scans with subunit labels and compare with what the engine measures.

    Returns
    -------
    list of dict
        One for each scan and change: ``subject``, ``kind`` (``zoom``, ``atrophy``, ``left``,
        ``right``), ``change`` as asked for, and the natural logarithms of true and found volume
        ratios, ``true_left``, ``found_left`` and so on for ``right`` and ``total``.
    """
    rows = []
    for scan in scans:
        if not (scan.soft_subunits or scan.hard_subunits):
            continue
        volume = load_volume(scan.t1w)
        stages = segmenter.run_stages(volume)
        if stages.rotation is not None:
            continue
        ground = PlantingGround(volume, *subunit_posteriors(scan))
        before = _measured_mm3(stages.fine)
        if not (before > 0).all():
            continue  # a side that was not found has no share of its change
        for kind, change, plant in _plantings(ground, changes):
            try:
                changed = plant()
            except FoldedError:
                continue  # too much for the fluid that is there
            after = _volumes_mm3(segmenter, changed.volume, stages.coarse.place_mm)
            found = np.log(after / before).tolist()
            true = np.log([changed.left_ratio, changed.right_ratio, changed.total_ratio]).tolist()
            row = {"subject": scan.subject, "kind": kind, "change": change}
            for name, truth, answer in zip((*SIDE_NAMES, "total"), true, found, strict=True):
                row |= {f"true_{name}": truth, f"found_{name}": answer}
            rows.append(row)
        own = [row for row in rows if row["subject"] == scan.subject]
        kinds = dict.fromkeys(row["kind"] for row in own)
        shares = {kind: round(share_of_change(own, kind), 2) for kind in kinds}
        print(scan.subject, "share", shares, flush=True)
    return rows


def _plantings(
    ground: PlantingGround, changes: Sequence[float]
) -> list[tuple[str, float, Callable[[], PlantedScan]]]:
    """Every change that is planted in a scan: its kind, its size, and what makes it."""
    plantings: list = [("zoom", c, partial(ground.zoom, c)) for c in changes]
    plantings += [("atrophy", c, partial(ground.atrophy, c)) for c in changes]
    plantings += [
        (name, ONE_SIDED_CHANGE, partial(ground.atrophy, ONE_SIDED_CHANGE, (side,)))
        for side, name in enumerate(SIDE_NAMES)
    ]
    return plantings


def share_of_change(rows: Sequence[dict], kind: str, structure: str | None = None) -> float:
    """Slope of found on true logarithmic change through zero: 1 if the full change is measured.

    Parameters
    ----------
    rows : sequence of dict
        From `measure_planted_changes`.
    kind : str
    structure : {"left", "right", "total"} or None
        None: what was changed, the one side or both.
    """
    structure = structure or (kind if kind in SIDE_NAMES else "total")
    chosen = [row for row in rows if row["kind"] == kind]
    true = np.array([row[f"true_{structure}"] for row in chosen])
    found = np.array([row[f"found_{structure}"] for row in chosen])
    return float(true @ found / (true @ true))


def other_side_share(rows: Sequence[dict], kind: str) -> float:
    """How far the unchanged side moved beyond its own true change, as a share of the change.

    ``kind`` is the side that was changed.
    """
    other = SIDE_NAMES[1 - SIDE_NAMES.index(kind)]
    chosen = [row for row in rows if row["kind"] == kind]
    moved = [(r[f"found_{other}"] - r[f"true_{other}"]) / r[f"true_{kind}"] for r in chosen]
    return float(np.mean(moved))


def agreement_of_volumes(rows: Sequence[dict]) -> dict[str, float]:
    """Measured volumes against the labels', one pair per subject.

    Returns
    -------
    dict
        ``slope`` (least squares, found on label), ``sd_ratio``, ``correlation``, ``bias_percent``
        and ``error_sd_percent`` of single scans. NaN where there are fewer than three.
    """
    names = ("slope", "sd_ratio", "correlation", "bias_percent", "error_sd_percent")
    if len(rows) < 3:
        return dict.fromkeys(names, float("nan"))
    found = np.array([row["volume_mm3"] for row in rows])
    label = np.array([row["label_volume_mm3"] for row in rows])
    error = 100 * (found / label - 1)
    values = (
        np.polyfit(label, found, 1)[0],
        found.std(ddof=1) / label.std(ddof=1),
        np.corrcoef(label, found)[0, 1],
        error.mean(),
        error.std(ddof=1),
    )
    return dict(zip(names, map(float, values), strict=True))


def _volumes_mm3(segmenter: Segmenter, volume: VoxelImage, place_mm: np.ndarray) -> np.ndarray:
    """Left, right and total as the engine's fine stage measures them."""
    plan = segmenter.ensembles["hypothalamus"]
    fine = segment_region(
        volume,
        place_mm,
        segmenter.networks["hypothalamus"],
        plan.template,
        plan.shape,
        segmenter.device,
    )
    return _measured_mm3(fine)


def _measured_mm3(fine: FineResult) -> np.ndarray:
    found = side_labels(fine.posterior)
    measured = measure_hypothalamus(fine, found, fine.grid.voxel_volume_mm3, None)
    return np.array([structure.volume_mm3 for structure in measured])
