"""Intervals that contain the reference volume in a known share of new scans.

They come with the weights: in cross-validation, the measured and the reference volume differed by
at most a factor of ``exp(log_ratio)`` (split conformal prediction, Vovk et al. 2005; computed by
Training/intervals.py). If the folds disagree more than in nine of ten scans, the interval grows
with their spread.

Examples
--------
>>> low, high = VolumeInterval(log_ratio=0.1).around(800.0, None)
>>> round(low), round(high)
(724, 884)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import WeightsError
from ..flags import SEVERE, Flag, severity_of
from ..networks.weight_files import MANIFEST_NAME

if TYPE_CHECKING:
    from .volumes import StructureVolume

# Share of new scans whose reference volume is in the interval, as set in the manifest.
COVERAGE = 0.9
MANIFEST_KEY = "intervals"
ICV = "icv"
# These flags concern missing intracranial space, not the hypothalamus.
ICV_ONLY_CODES = frozenset(("skull_stripped", "fov_cut"))


@dataclass(frozen=True)
class VolumeInterval:
    """Expected error of a measured volume.

    Attributes
    ----------
    log_ratio : float
        Half-width in the logarithm of the volume.
    usual_fold_spread : float or None
        Ratio of fold standard deviation to volume; nine of ten scans are below it.
    """

    log_ratio: float
    usual_fold_spread: float | None = None

    def around(self, volume_mm3: float, fold_sd_mm3: float | None) -> tuple[float, float] | None:
        """Compute the lower and upper limit in mm³; None for an empty structure."""
        if not volume_mm3 > 0:
            return None
        reach = self.log_ratio
        if fold_sd_mm3 is not None and self.usual_fold_spread:
            reach *= max(1.0, fold_sd_mm3 / volume_mm3 / self.usual_fold_spread)
        return volume_mm3 * math.exp(-reach), volume_mm3 * math.exp(reach)


def read_intervals(folder: Path) -> dict[str, VolumeInterval]:
    """Read the intervals in a manifest, by structure; structures not listed have none.

    Raises
    ------
    WeightsError
        If they cannot be read.
    """
    path = folder / MANIFEST_NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        found = manifest.get(MANIFEST_KEY) or {"structures": {}}
        return {
            structure: VolumeInterval(
                float(entry["log_ratio"]),
                None if entry["usual_fold_spread"] is None else float(entry["usual_fold_spread"]),
            )
            for structure, entry in found["structures"].items()
            if entry["log_ratio"] is not None
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} cannot be read ({error}). Reinstall the package.") from error


def add_intervals(
    volumes: Iterable[StructureVolume],
    intervals: Mapping[str, VolumeInterval],
    flags: Sequence[Flag],
) -> list[StructureVolume]:
    """Add intervals to volumes, except where a severe flag makes the number wrong.

    Such scans differ from those used to derive the intervals, so their error is unknown.
    """
    severe = {flag.code for flag in flags if severity_of(flag.code) == SEVERE}
    found = []
    for volume in volumes:
        codes = severe if volume.structure == ICV else severe - ICV_ONLY_CODES
        interval = intervals.get(volume.structure)
        if interval is not None and not codes:
            limits = interval.around(volume.volume_mm3, volume.fold_sd_mm3)
            volume = replace(volume, interval_mm3=limits)
        found.append(volume)
    return found
