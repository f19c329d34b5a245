"""One scan of a person as the comparison needs it.

Examples
--------
>>> visit_of("first", scan, segmentation, stages, identity, None)  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from ..geometry import rigid
from ..geometry.voxel_image import VoxelImage
from ..reading import Scan
from ..reading.study_identity import StudyIdentity

if TYPE_CHECKING:
    from ..geometry.canonical_frame import CanonicalFrame
    from ..measures.quality import Quality
    from ..measures.segmentation import Segmentation
    from ..stages.network_output import StageResults


@dataclass(frozen=True)
class Visit:
    """One scan, segmented on its own.

    Attributes
    ----------
    label : str
        ``visit 1``, ``visit 2`` … in the order of time, or as given without dates.
    scan : Scan
    identity : StudyIdentity
    acquired : date or None
        From the user or from the DICOM header.
    voxels_sha256 : str
        Of the intensities, whatever the file around them.
    alone_mm3 : dict of str to float
        Volumes of the single run, by structure.
    quality : Quality
        Of the single run.
    provenance : dict
    volume : VoxelImage
        The scan with the head upright.
    rotation : ndarray, shape (3, 3), or None
        What turned the scan upright.
    icv : VoxelImage
        Intracranial posterior in the world space of ``volume``.
    frame : CanonicalFrame
        Found in this visit alone.
    """

    label: str
    scan: Scan
    identity: StudyIdentity
    acquired: date | None
    voxels_sha256: str
    alone_mm3: dict[str, float]
    quality: Quality
    provenance: dict
    volume: VoxelImage
    rotation: np.ndarray | None
    icv: VoxelImage
    frame: CanonicalFrame


def visit_of(
    label: str,
    scan: Scan,
    alone: Segmentation,
    found: StageResults,
    identity: StudyIdentity,
    acquired: date | None,
) -> Visit:
    """Keep of a segmented scan what the comparison needs."""
    return Visit(
        label=label,
        scan=scan,
        identity=identity,
        acquired=acquired,
        voxels_sha256=hashlib.sha256(np.ascontiguousarray(scan.volume.array)).hexdigest(),
        alone_mm3={volume.structure: volume.volume_mm3 for volume in alone.volumes},
        quality=alone.quality,
        provenance=alone.provenance,
        volume=found.volume,
        rotation=found.rotation,
        icv=VoxelImage(found.coarse.icv_posterior, found.coarse.grid.affine),
        frame=found.fine.frame,
    )


def scan_from_midspace(visit: Visit, pose: np.ndarray) -> np.ndarray:
    """Rigid transform, shape (4, 4), from the midspace to the world of the scan's file."""
    if visit.rotation is None:
        return pose
    return rigid.from_parts(visit.rotation.T, np.zeros(3)) @ pose
