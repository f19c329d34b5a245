"""Measure several scans of one person in one frame.

1. Each visit is segmented on its own; these volumes stay as they are.
2. All visits are registered to their midspace (registration.py).
3. Smooth differences of brightness and differences of resolution are taken off (matching.py).
4. The networks see the hypothalamus of every visit in one canonical frame: same position, same
   pose, same lattice. First with one zoom for all, then each with a zoom that follows from what was
   measured with the common one.

With the common zoom alone, a change would be drawn toward the mean, as sizes are without a
canonical frame (Docs/VALIDATION.md).

Examples
--------
>>> compare(segmenter, visits, repeatability).changes[0].verdict  # doctest: +SKIP
'within repeatability'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.voxel_image import VoxelImage
from ..measures import label_grids
from ..measures.protocol import Protocol
from ..measures.volumes import measure_hypothalamus, measure_subunits
from ..stages.fine import FineResult
from ..stages.orientation import turn_back
from .change import Change, change_between, trend_percent_a_year
from .common_frame import common_zoom, frame_in, own_zooms, pose_of
from .matching import match
from .midspace import in_midspace
from .registration import Registration, VisitImage, register
from .repeatability import Repeatability, voxels_are_equal
from .visit import Visit
from .visit_flags import VisitFlag, flags_of

if TYPE_CHECKING:
    from ..pipeline import Segmenter

TOTAL = "hypothalamus_total"
ICV = "icv"


@dataclass(frozen=True)
class MeasuredVisit:
    """One visit in the common frame.

    Attributes
    ----------
    visit : Visit
    labels : VoxelImage
        Left and right hypothalamus (1, 2), 0.5 mm, in the world space of the scan.
    labels_in_midspace : VoxelImage
    volumes_mm3 : dict of str to float
    zoom : float
    """

    visit: Visit
    labels: VoxelImage
    labels_in_midspace: VoxelImage
    volumes_mm3: dict[str, float]
    zoom: float


@dataclass(frozen=True)
class FollowUp:
    """The visits of one person and the changes between them.

    Attributes
    ----------
    visits : tuple of MeasuredVisit
    registration : Registration
    changes : tuple of tuple of Change
        For each visit but the first, against the first.
    alone_changes : tuple of dict of str to float
        Differences of the single runs in percent, for each visit but the first.
    trends : dict of str to float or None
        Percent a year over all visits.
    flags : tuple of VisitFlag
    protocol : Protocol
        By which the networks draw.
    """

    visits: tuple[MeasuredVisit, ...]
    registration: Registration
    changes: tuple[tuple[Change, ...], ...]
    alone_changes: tuple[dict[str, float], ...]
    trends: dict[str, float | None]
    flags: tuple[VisitFlag, ...]
    protocol: Protocol


def compare(
    segmenter: Segmenter,
    visits: Sequence[Visit],
    repeatability: Repeatability,
    on_step: Callable[[float], None] = lambda share: None,
) -> FollowUp:
    """Measure all visits in one frame and compare each with the first.

    Parameters
    ----------
    segmenter : Segmenter
        The one that segmented the visits.
    visits : sequence of Visit
        Two or more, in the order of time.
    repeatability : Repeatability
    on_step : callable
        Told the share that is done, 0–1.

    Raises
    ------
    RegistrationError
        If the visits have too little of the brain in common.
    """
    # A fixed order: sums of floating-point numbers depend on the order of their terms.
    order = sorted(range(len(visits)), key=lambda index: visits[index].voxels_sha256)
    registration = _register([visits[index] for index in order], order)
    on_step(0.5)
    poses = registration.from_midspace
    images = match([visit.volume for visit in visits], registration)
    paths = [visit.scan.path for visit in visits]

    def look(zooms: Sequence[float]) -> list[FineResult]:
        return [
            segmenter.segment_in_frame(image, frame_in(pose, zoom), path)
            for image, pose, zoom, path in zip(images, poses, zooms, paths, strict=True)
        ]

    zoom = common_zoom([visits[index].frame for index in order])
    zooms = own_zooms(zoom, [_total_mm3(fine) for fine in look([zoom] * len(visits))])
    on_step(0.75)
    fines = look(zooms)
    on_step(1.0)
    measured = tuple(
        _measure(visit, fine, pose, own, segmenter.options.subunits)
        for visit, fine, pose, own in zip(visits, fines, poses, zooms, strict=True)
    )
    flags = flags_of(visits, registration)
    return FollowUp(
        visits=measured,
        registration=registration,
        changes=tuple(_changes(measured[0], m, repeatability, flags) for m in measured[1:]),
        alone_changes=tuple(_alone_changes(visits[0], visit) for visit in visits[1:]),
        trends=_trends(measured),
        flags=flags,
        protocol=segmenter.protocol,
    )


def _register(visits: Sequence[Visit], order: Sequence[int]) -> Registration:
    """Register sorted visits; the result is in the order in which they were given."""
    images = [VisitImage(visit.volume, visit.icv, pose_of(visit.frame)) for visit in visits]
    found = register(images)
    place = np.argsort(order)
    return Registration(
        tuple(found.from_midspace[i] for i in place),
        tuple(found.similarity[i] for i in place),
        tuple(found.mirrored_similarity[i] for i in place),
        tuple(found.log_ratios[i] for i in place),
        found.settled,
    )


def _total_mm3(fine: FineResult) -> float:
    return float(fine.posterior[1:].sum(dtype=np.float64)) * fine.grid.voxel_volume_mm3


def _measure(
    visit: Visit, fine: FineResult, pose: np.ndarray, zoom: float, with_subunits: bool
) -> MeasuredVisit:
    found = label_grids.hypothalamus_labels(fine, fine.grid)
    voxel_mm3 = fine.grid.voxel_volume_mm3
    volumes = measure_hypothalamus(fine, found.array, voxel_mm3, None)
    if with_subunits:
        subunits = label_grids.subunit_labels(fine, fine.grid)
        volumes += measure_subunits(fine, subunits.array, voxel_mm3, None)
    return MeasuredVisit(
        visit=visit,
        labels=found if visit.rotation is None else turn_back(found, visit.rotation),
        labels_in_midspace=in_midspace(found, pose),
        volumes_mm3={volume.structure: volume.volume_mm3 for volume in volumes},
        zoom=zoom,
    )


def _changes(
    first: MeasuredVisit,
    later: MeasuredVisit,
    repeatability: Repeatability,
    flags: Sequence[VisitFlag],
) -> tuple[Change, ...]:
    is_trusted = not any(flag.is_severe for flag in flags)
    is_equal = voxels_are_equal(
        first.visit.scan.volume.spacing_mm, later.visit.scan.volume.spacing_mm
    )
    start, end = first.visit.acquired, later.visit.acquired
    days = None if start is None or end is None else (end - start).days
    pairs = {name: (first.volumes_mm3[name], later.volumes_mm3[name]) for name in first.volumes_mm3}
    if ICV in first.visit.alone_mm3 and ICV in later.visit.alone_mm3:
        pairs[ICV] = first.visit.alone_mm3[ICV], later.visit.alone_mm3[ICV]
    changes = (
        change_between(
            name, *volumes, days, repeatability.smallest_change_percent(name, is_equal), is_trusted
        )
        for name, volumes in pairs.items()
    )
    return tuple(change for change in changes if change is not None)


def _alone_changes(first: Visit, later: Visit) -> dict[str, float]:
    """Difference of the single runs, in percent of the first."""
    return {
        name: 100 * (later.alone_mm3[name] / volume - 1)
        for name, volume in first.alone_mm3.items()
        if volume > 0 and name in later.alone_mm3
    }


def _trends(measured: Sequence[MeasuredVisit]) -> dict[str, float | None]:
    dates = [m.visit.acquired for m in measured]
    return {
        name: trend_percent_a_year(dates, [m.volumes_mm3[name] for m in measured])
        for name in measured[0].volumes_mm3
    }
