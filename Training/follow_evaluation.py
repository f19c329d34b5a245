"""Known changes between simulated visits, measured by `follow` and by two single runs.

The first visit of a scan shows it as it is, each second visit with a planted change
(planted_scans.py). All are turned, moved, given a receive field and noise of their own
(simulated_visits.py). The noise of the scan itself is in all, so real visits differ by more. All
pairs of a scan share the first visit.

To save hours, the place of the hypothalamus and the intracranial mask are found once in the scan
and moved along; everything after that is what the command does.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from HypothalamusSegLib.geometry import rigid
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.longitudinal.common_frame import (
    common_zoom,
    frame_in,
    own_zooms,
    pose_of,
)
from HypothalamusSegLib.longitudinal.matching import match
from HypothalamusSegLib.longitudinal.registration import Registration, VisitImage, register
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.stages.coarse import CoarseResult
from HypothalamusSegLib.stages.fine import FineResult, segment_region, side_posteriors

from .dataset import LabelledScan
from .planted_change import FoldedError
from .planted_scans import PlantedScan, PlantingGround
from .prepare import load_volume, subunit_posteriors
from .simulated_visits import simulate_visit

STRUCTURES = ("hypothalamus_left", "hypothalamus_right", "hypothalamus_total")
# Volumes of the two visits by single runs; in one frame, of the images as they are; of images that
# are matched, with one zoom for both; and with a zoom for each, which is what the command does.
WAYS = ("single", "unmatched", "common_zoom", "follow")
OTHER_SPACING_MM = 1.2


@dataclass(frozen=True)
class Case:
    """One pair of visits: a planted change, and the voxel size of the second visit."""

    kind: str
    change: float
    spacing_mm: float | None = None

    @property
    def name(self) -> str:
        voxels = "same voxels" if self.spacing_mm is None else f"{self.spacing_mm} mm"
        return f"{self.kind} {100 * self.change:+.0f} % {voxels}"


CASES = (
    Case("none", 0.0),
    *(Case("zoom", -change) for change in (0.01, 0.02, 0.05, 0.1)),
    Case("atrophy", -0.05),
    Case("none", 0.0, OTHER_SPACING_MM),
)


def measure_followed_changes(
    segmenter: Segmenter,
    scans: Iterable[LabelledScan],
    known: Mapping[str, Mapping[str, dict]],
    keep: Callable[[str, str, dict], None],
    cases: Sequence[Case] = CASES,
    seconds: float = float("inf"),
) -> None:
    """Measure each scan and case that is not known yet.

    Parameters
    ----------
    segmenter : Segmenter
    scans : iterable of LabelledScan
        With subunit labels.
    known : mapping
        Rows by scan and case.
    keep : callable
        Given scan, case and row as soon as it is measured. A row has ``kind``, ``change`` and
        ``spacing_mm``; for ``true`` and each of `WAYS` the logarithm of the volume ratio by
        structure; ``similarity``, ``mirrored_similarity``, ``error_mm`` and ``error_deg`` of the
        registration.
    cases : sequence of Case
    seconds : float
        No new pair is begun later than this.
    """
    ends = time.monotonic() + seconds
    for scan in scans:
        missing = [case for case in cases if case.name not in known.get(scan.subject, {})]
        if not missing or time.monotonic() > ends:
            continue
        volume = load_volume(scan.t1w)
        ground = PlantingGround(volume, *subunit_posteriors(scan))
        coarse = segmenter.run_stages(volume).coarse
        first = None
        for case in missing:
            if time.monotonic() > ends:
                return
            if first is None:
                first = _visit(segmenter, scan.subject, volume, coarse, None)
            row = _measure(segmenter, scan.subject, ground, coarse, first, case)
            if row is not None:
                keep(scan.subject, case.name, row)


class SimulatedVisit(NamedTuple):
    """A visit, where it lies, and what a single run finds in it."""

    volume: VoxelImage
    to_scan: np.ndarray
    single: FineResult


def _visit(
    segmenter: Segmenter,
    seed: str,
    volume: VoxelImage,
    coarse: CoarseResult,
    spacing_mm: float | None,
) -> SimulatedVisit:
    visit, to_scan = simulate_visit(volume, zlib.crc32(seed.encode()), spacing_mm)
    plan = segmenter.ensembles["hypothalamus"]
    place = (rigid.inverse(to_scan) @ np.append(coarse.place_mm, 1.0))[:3]
    networks = segmenter.networks["hypothalamus"]
    single = segment_region(visit, place, networks, plan.template, plan.shape, segmenter.device)
    return SimulatedVisit(visit, to_scan, single)


def _measure(
    segmenter: Segmenter,
    subject: str,
    ground: PlantingGround,
    coarse: CoarseResult,
    first: SimulatedVisit,
    case: Case,
) -> dict | None:
    try:
        planted = _plant(ground, case)
    except FoldedError:
        return None  # too much for the fluid that is there
    seed = f"{subject} {case.name}"
    visits = (first, _visit(segmenter, seed, planted.volume, coarse, case.spacing_mm))
    found = register(
        [
            VisitImage(v.volume, _moved_icv(coarse, v.to_scan), pose_of(v.single.frame))
            for v in visits
        ]
    )
    zoom = common_zoom([visit.single.frame for visit in visits])
    volumes = [visit.volume for visit in visits]
    matched = match(volumes, found)
    first_looks = _volumes(segmenter, matched, found, (zoom, zoom))
    zooms = own_zooms(zoom, first_looks[:, 2])
    measured = {
        "single": np.stack([_volumes_mm3(visit.single) for visit in visits]),
        "unmatched": _volumes(segmenter, volumes, found, zooms),
        "common_zoom": first_looks,
        "follow": _volumes(segmenter, matched, found, zooms),
    }
    ways = {way: _by_structure(np.log(v[1] / v[0])) for way, v in measured.items()}
    in_scan = [v.to_scan @ pose for v, pose in zip(visits, found.from_midspace, strict=True)]
    error = rigid.inverse(in_scan[0]) @ in_scan[1]
    return {
        "kind": case.kind,
        "change": case.change,
        "spacing_mm": case.spacing_mm,
        "true": _by_structure(
            np.log([planted.left_ratio, planted.right_ratio, planted.total_ratio])
        ),
        **ways,
        "similarity": min(found.similarity),
        "mirrored_similarity": max(found.mirrored_similarity),
        "error_mm": rigid.distance_mm(error),
        "error_deg": rigid.angle_deg(error),
    }


def _plant(ground: PlantingGround, case: Case) -> PlantedScan:
    if case.kind == "none":
        return PlantedScan(ground.scan, 1.0, 1.0, 1.0, 0.0)
    return getattr(ground, case.kind)(case.change)


def _moved_icv(coarse: CoarseResult, to_scan: np.ndarray) -> VoxelImage:
    return VoxelImage(coarse.icv_posterior, rigid.inverse(to_scan) @ coarse.grid.affine)


def _volumes(
    segmenter: Segmenter,
    volumes: Sequence[VoxelImage],
    found: Registration,
    zooms: Sequence[float],
) -> np.ndarray:
    """Left, right and total in the common frame, shape (visits, 3)."""
    path = Path("simulated")
    fines = [
        segmenter.segment_in_frame(volume, frame_in(pose, zoom), path)
        for volume, pose, zoom in zip(volumes, found.from_midspace, zooms, strict=True)
    ]
    return np.stack([_volumes_mm3(fine) for fine in fines])


def _volumes_mm3(fine: FineResult) -> np.ndarray:
    sides = side_posteriors(fine.posterior).sum((1, 2, 3), dtype=np.float64)
    return np.array([*sides, sides.sum()]) * fine.grid.voxel_volume_mm3


def _by_structure(values: Sequence[float]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(STRUCTURES, values, strict=True)}
