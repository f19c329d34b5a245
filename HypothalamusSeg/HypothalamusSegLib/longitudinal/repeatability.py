"""The smallest change between two visits that repeatability does not explain.

It comes with the weights, under ``follow`` in manifest.json: 1.96 times the upper 95 % limit of the
error of changes that `Training.evaluate_follow` measured with these weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import WeightsError
from ..networks.weight_files import MANIFEST_NAME

MANIFEST_KEY = "follow"
# Voxels of two visits count as equal if their sizes differ by less than this factor.
SAME_VOXELS_WITHIN = 1.1


@dataclass(frozen=True)
class Repeatability:
    """Smallest real change in percent by structure, with voxels of one size and of two sizes."""

    same_voxels: dict[str, float] = field(default_factory=dict)
    other_voxels: dict[str, float] = field(default_factory=dict)

    def smallest_change_percent(self, structure: str, voxels_are_equal: bool) -> float | None:
        """Look up a structure; None if it was not measured with these weights."""
        return (self.same_voxels if voxels_are_equal else self.other_voxels).get(structure)


def read_repeatability(folder: Path) -> Repeatability:
    """Read what a weights folder knows; empty if nothing was measured with its weights.

    Raises
    ------
    WeightsError
        If the manifest cannot be read.
    """
    path = folder / MANIFEST_NAME
    try:
        entry = json.loads(path.read_text(encoding="utf-8")).get(MANIFEST_KEY) or {}
        percents = [
            {name: float(value) for name, value in entry.get(key, {}).items()}
            for key in ("same_voxels_percent", "other_voxels_percent")
        ]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} cannot be read ({error}). Reinstall the package.") from error
    return Repeatability(*percents)


def voxels_are_equal(first_mm: Sequence[float], second_mm: Sequence[float]) -> bool:
    """Whether two scans have voxels of about the same size, in whatever order of their axes.

    Examples
    --------
    >>> voxels_are_equal((1.0, 1.0, 1.2), (1.2, 1.0, 1.0)), voxels_are_equal((1, 1, 1), (1, 1, 2))
    (True, False)
    """
    ratio = np.sort(np.asarray(first_mm, float)) / np.sort(np.asarray(second_mm, float))
    return bool(np.exp(np.abs(np.log(ratio))).max() < SAME_VOXELS_WITHIN)
