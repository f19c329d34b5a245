"""The record of a result: its numbers, rounded once, as every file and message shows them.

Examples
--------
>>> volume = StructureVolume("icv", 1500000.04, 1499000.0, (1499000.0, 1501000.0), 1500000.04)
>>> row = table_row(volume)
>>> row["volume_mm3"], row["fold_min_mm3"]
(1500000.04, 1499000.0)
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import labels
from ..measures.intervals import COVERAGE
from ..measures.segmentation import Segmentation
from ..measures.volumes import REFERENCE_ICV_MM3, StructureVolume, asymmetry_index

CSV_COLUMNS = (
    "structure",
    "volume_mm3",
    "mask_volume_mm3",
    "fraction_of_icv",
    "icv_adjusted_mm3",
    "fold_sd_mm3",
    "fold_min_mm3",
    "fold_max_mm3",
    "volume_low_mm3",
    "volume_high_mm3",
)
# In the table of volumes only: whose outlines the hypothalamic volumes are.
PROTOCOL_COLUMN = "protocol"
VOLUME_DIGITS, FRACTION_DIGITS = 3, 9


@dataclass(frozen=True)
class ResultRecord:
    """A segmentation with what is said of it.

    Attributes
    ----------
    segmentation : Segmentation
    rows : tuple of dict
        One for each structure, with the keys `CSV_COLUMNS`; missing numbers are None.
    description : dict
        For JSON; Docs/COMMAND_LINE.md lists the keys.
    """

    segmentation: Segmentation
    rows: tuple[dict, ...]
    description: dict

    @classmethod
    def of(cls, segmentation: Segmentation) -> ResultRecord:
        """Describe a segmentation."""
        rows = tuple(table_row(volume) for volume in segmentation.volumes)
        return cls(segmentation, rows, describe(segmentation))

    @property
    def table_rows(self) -> list[dict]:
        """The rows with the name of the protocol, where it concerns a structure: not the ICV."""
        protocol = self.segmentation.protocol.name
        return [
            {**row, PROTOCOL_COLUMN: None if row["structure"] == "icv" else protocol}
            for row in self.rows
        ]


def table_row(volume: StructureVolume) -> dict:
    """Round the numbers of one structure, for both table and JSON."""
    folds = volume.per_fold_mm3
    low, high = volume.interval_mm3 or (None, None)
    return {
        "structure": volume.structure,
        "volume_mm3": round(volume.volume_mm3, VOLUME_DIGITS),
        "mask_volume_mm3": round(volume.mask_volume_mm3, VOLUME_DIGITS),
        "fraction_of_icv": _round(volume.fraction_of_icv, FRACTION_DIGITS),
        "icv_adjusted_mm3": _round(volume.icv_adjusted_mm3, VOLUME_DIGITS),
        "fold_sd_mm3": _round(volume.fold_sd_mm3, VOLUME_DIGITS),
        "fold_min_mm3": round(min(folds), VOLUME_DIGITS),
        "fold_max_mm3": round(max(folds), VOLUME_DIGITS),
        "volume_low_mm3": _round(low, VOLUME_DIGITS),
        "volume_high_mm3": _round(high, VOLUME_DIGITS),
    }


def describe(result: Segmentation) -> dict:
    """Describe a result for JSON; missing numbers are None, never 0."""
    by_name = {volume.structure: volume for volume in result.volumes}
    description: dict = {"name": result.scan.name, "icv_mm3": None}
    if "icv" in by_name:
        description["icv_mm3"] = round(by_name["icv"].volume_mm3, VOLUME_DIGITS)
        description["icv"] = _entry(by_name["icv"])
    description["reference_icv_mm3"] = REFERENCE_ICV_MM3
    description["interval_coverage"] = COVERAGE
    description["protocol"] = result.protocol.as_json()
    if "hypothalamus_left" in by_name:
        left, right = by_name["hypothalamus_left"], by_name["hypothalamus_right"]
        description["hypothalamus"] = {
            part: _entry(by_name[f"hypothalamus_{part}"]) for part in ("left", "right", "total")
        }
        index = asymmetry_index(left.volume_mm3, right.volume_mm3)
        description["asymmetry_index"] = _round(index, FRACTION_DIGITS)
    if result.subunits is not None:
        description["subunits"] = {
            str(label): _entry(by_name[labels.subunit_structure(label)])
            for label in labels.SUBUNIT_LABELS
        }
    quality = result.quality
    description["quality"] = {
        "fold_dice": None if quality.fold_dice is None else _list(quality.fold_dice),
        "confidence": _round(quality.confidence, 4),
        "icv_fold_dice": _list(quality.icv_fold_dice),
        "place_confidence": round(quality.place_confidence, 4),
        "flags": [{"code": flag.code, "message": flag.message} for flag in quality.flags],
    }
    description["provenance"] = result.provenance
    return description


def _entry(volume: StructureVolume) -> dict:
    entry = table_row(volume)
    entry["per_fold_mm3"] = [round(v, VOLUME_DIGITS) for v in volume.per_fold_mm3]
    return entry


def _list(values: tuple[float, ...]) -> list[float]:
    return [round(value, 4) for value in values]


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
