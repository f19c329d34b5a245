"""Intervals around the volumes that hold the label's volume in a known share of unseen scans.

They come with the weights: in cross-validation, the volume found and the label's volume differed by
no more than a factor ``exp(log_ratio)`` (split conformal prediction, Vovk et al. 2005; made by
Training/intervals.py). Where the folds disagree more than they do in nine of ten scans, the
interval grows with their spread.
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

# Share of unseen scans whose label's volume the interval holds, as the manifest's numbers are made.
COVERAGE = 0.9
MANIFEST_KEY = "intervals"
ICV = "icv"
# These say that intracranial space is missing from the scan; of the hypothalamus they say nothing.
ICV_ONLY_CODES = frozenset(("skull_stripped", "fov_cut"))


@dataclass(frozen=True)
class VolumeInterval:
    """How far the label's volume may lie from what was found.

    Attributes
    ----------
    log_ratio : float
        Half-width on the logarithm of the volume.
    usual_fold_spread : float or None
        Standard deviation of the folds over the volume that nine of ten scans stay below.
    """

    log_ratio: float
    usual_fold_spread: float | None = None

    def around(self, volume_mm3: float, fold_sd_mm3: float | None) -> tuple[float, float] | None:
        """Lower and upper limit in mm³; None where nothing was found."""
        if not volume_mm3 > 0:
            return None
        reach = self.log_ratio
        if fold_sd_mm3 is not None and self.usual_fold_spread:
            reach *= max(1.0, fold_sd_mm3 / volume_mm3 / self.usual_fold_spread)
        return volume_mm3 * math.exp(-reach), volume_mm3 * math.exp(reach)


def read_intervals(folder: Path) -> dict[str, VolumeInterval]:
    """The intervals in a manifest, by structure; what it does not name has none.

    Raises
    ------
    WeightsError
        If they are not understood.
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


def with_intervals(
    volumes: Iterable[StructureVolume],
    intervals: Mapping[str, VolumeInterval],
    flags: Sequence[Flag],
) -> list[StructureVolume]:
    """Give each volume its interval; none where a severe flag says that the number is wrong.

    Such a scan is unlike those that the intervals were made on, and nothing is known of its error.
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
