"""Reliability of a volume, from repeat scans of the same people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..structures import TOTAL
from .errors import RepeatScansError

NAN = float("nan")


@dataclass(frozen=True)
class Reliability:
    """Error of a single volume.

    Attributes
    ----------
    cv_percent : float
        Within-person coefficient of variation.
    pairs : int
    source : str
    """

    cv_percent: float
    pairs: int
    source: str

    def error_share(self, mean: float, residual_sd: float) -> float:
        """The share of a model's residual variance that is measurement error, at most 1."""
        return min((self.cv_percent / 100 * mean / residual_sd) ** 2, 1.0)

    def true_d(self, d: float, mean: float, residual_sd: float) -> float:
        """A standardized difference, if volumes had no error: d / √reliability."""
        reliability = 1 - self.error_share(mean, residual_sd)
        return d / math.sqrt(reliability) if reliability > 0 else NAN


def read_reliability(path: Path) -> Reliability:
    """The error of the total volume from compare_agreement.tsv of two runs of repeat scans.

    Raises
    ------
    RepeatScansError
        If the file is missing or is not such a table.
    """
    try:
        table = pd.read_csv(path, sep="\t", na_values="n/a")
        row = table.set_index("structure").loc[TOTAL.name]
        return Reliability(float(row["cv_percent"]), int(row["n"]), path.name)
    except (OSError, ValueError, KeyError) as reason:
        raise RepeatScansError(
            f"{path} is not the table compare_agreement.tsv that `hypothalamus-seg cohort compare` "
            f"writes for two runs of repeat scans ({reason})."
        ) from reason
