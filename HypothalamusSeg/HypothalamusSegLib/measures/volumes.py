"""Volumes and their normalization to the intracranial volume.

A volume is the sum of the mean posterior of the folds over the label and the few millimeters
around it where the posterior falls off (as in FreeSurfer's hypothalamic subunits, Billot et al.
2020). The sum over the label alone would be too small: it would count uncertain voxels inside only
in part and miss those just outside. The volume of the mask is reported as well.

Examples
--------
>>> round(asymmetry_index(420.0, 400.0), 4)
0.0488
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import labels
from ..stages.coarse import CoarseResult
from ..stages.fine import FineResult

REFERENCE_ICV_MM3 = 1_500_000.0


@dataclass(frozen=True)
class StructureVolume:
    """The volume of one structure.

    Attributes
    ----------
    structure : str
        ``hypothalamus_left``, ``left_posterior``, ``icv`` …
    volume_mm3 : float
        Posterior-weighted.
    mask_volume_mm3 : float
        Voxel count of the written mask times the voxel's volume.
    per_fold_mm3 : tuple of float
        Posterior-weighted volume of each fold.
    icv_mm3 : float or None
        Reference of the fractions; None if the ICV was not requested.
    interval_mm3 : tuple of float or None
        Contains the reference volume in nine of ten new scans (intervals.py); None: unknown.
    """

    structure: str
    volume_mm3: float
    mask_volume_mm3: float
    per_fold_mm3: tuple[float, ...]
    icv_mm3: float | None
    interval_mm3: tuple[float, float] | None = None

    @property
    def fraction_of_icv(self) -> float | None:
        return self.volume_mm3 / self.icv_mm3 if self.icv_mm3 else None

    @property
    def icv_adjusted_mm3(self) -> float | None:
        """Volume × reference ICV / ICV (proportion method, for single cases)."""
        fraction = self.fraction_of_icv
        return None if fraction is None else fraction * REFERENCE_ICV_MM3

    @property
    def fold_sd_mm3(self) -> float | None:
        """Sample standard deviation over the folds; None with a single fold."""
        if len(self.per_fold_mm3) < 2:
            return None
        return float(np.std(self.per_fold_mm3, ddof=1))


def measure_hypothalamus(
    fine: FineResult, label_array: np.ndarray, voxel_volume_mm3: float, icv_mm3: float | None
) -> list[StructureVolume]:
    """Measure the volumes of left, right and both sides.

    Parameters
    ----------
    fine : FineResult
    label_array : ndarray
        The written labels, 1 = left, 2 = right, on a grid with voxels of ``voxel_volume_mm3``.
    icv_mm3 : float or None
    """
    sides = []
    for side, label, channels in (
        ("left", labels.LEFT, labels.LEFT_CHANNELS),
        ("right", labels.RIGHT, labels.RIGHT_CHANNELS),
    ):
        mask_mm3 = float((label_array == label).sum()) * voxel_volume_mm3
        sides.append(_measure(fine, f"hypothalamus_{side}", channels, mask_mm3, icv_mm3))
    left, right = sides
    total = StructureVolume(
        structure="hypothalamus_total",
        volume_mm3=left.volume_mm3 + right.volume_mm3,
        mask_volume_mm3=left.mask_volume_mm3 + right.mask_volume_mm3,
        per_fold_mm3=tuple(np.add(left.per_fold_mm3, right.per_fold_mm3).tolist()),
        icv_mm3=icv_mm3,
    )
    return [left, right, total]


def measure_subunits(
    fine: FineResult, label_array: np.ndarray, voxel_volume_mm3: float, icv_mm3: float | None
) -> list[StructureVolume]:
    """Measure the ten subunits; parameters as in `measure_hypothalamus`, labels 801–810."""
    measured = []
    for channel, label in enumerate(labels.SUBUNIT_LABELS, start=1):
        mask_mm3 = float((label_array == label).sum()) * voxel_volume_mm3
        name = labels.subunit_structure(label)
        measured.append(_measure(fine, name, slice(channel, channel + 1), mask_mm3, icv_mm3))
    return measured


def measure_icv(coarse: CoarseResult, mask_volume_mm3: float) -> StructureVolume:
    """Measure the intracranial volume."""
    return StructureVolume(
        structure="icv",
        volume_mm3=coarse.icv_mm3,
        mask_volume_mm3=mask_volume_mm3,
        per_fold_mm3=tuple(coarse.fold_icv_mm3),
        icv_mm3=coarse.icv_mm3,
    )


def asymmetry_index(left_mm3: float, right_mm3: float) -> float | None:
    """Compute (left − right) / mean; positive if left is larger, None if both are empty."""
    mean = (left_mm3 + right_mm3) / 2
    return (left_mm3 - right_mm3) / mean if mean > 0 else None


def _measure(
    fine: FineResult, structure: str, channels: slice, mask_mm3: float, icv_mm3: float | None
) -> StructureVolume:
    voxel_mm3 = fine.grid.voxel_volume_mm3
    posterior = fine.posterior[channels].sum(0)
    near = posterior > 0
    folds = [float(f[channels][:, near].sum(dtype=np.float64)) for f in fine.fold_posteriors]
    return StructureVolume(
        structure=structure,
        volume_mm3=float(posterior.sum(dtype=np.float64)) * voxel_mm3,
        mask_volume_mm3=mask_mm3,
        per_fold_mm3=tuple(v * voxel_mm3 for v in folds),
        icv_mm3=icv_mm3,
    )
