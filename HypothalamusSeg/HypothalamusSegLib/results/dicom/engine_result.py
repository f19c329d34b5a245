"""The contents of the DICOM objects of a result of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ...flags import FLAG_TITLES, SEVERE_CODES, Flag, sort_by_severity
from ...geometry.voxel_image import VoxelImage
from ...measures.protocol import protocol_name
from ...units import MM3_PER_ML
from ..flag_coverage import covered_columns
from .contents import DicomContents, MeasuredStructure, masks_of

WITHHELD = (
    "Numbers covered by a severe flag are left out of this report. The table marks them; see the "
    "flags."
)
MEASURED_COLUMNS = (
    ("volume_mm3", "volume_mm3"),
    ("low_mm3", "volume_low_mm3"),
    ("high_mm3", "volume_high_mm3"),
    ("fraction_of_icv", "fraction_of_icv"),
    ("icv_adjusted_mm3", "icv_adjusted_mm3"),
)


def contents_of(
    description: dict, rows: Iterable[dict], images: tuple[VoxelImage | None, ...]
) -> DicomContents:
    """Collect what the objects say.

    Parameters
    ----------
    description : dict
        The result as in ``NAME_volumes.json``.
    rows : iterable of dict
        Of the volume table.
    images : tuple of three VoxelImage or None
        Labels of the sides, of the subunits, and the ICV mask, on the grid of the scan.
    """
    flags = sort_by_severity(Flag(**flag) for flag in description["quality"]["flags"])
    codes = [flag.code for flag in flags]
    measured = tuple(measured_structure(row, codes) for row in rows)
    provenance = description["provenance"]
    sides = covered_columns(codes, "hypothalamus_left")
    return DicomContents(
        version=provenance["version"],
        weights_sha256=tuple(provenance["weights_sha256"].values()),
        protocol=protocol_name(description),
        masks=masks_of(images),
        measured=measured,
        flags=flag_texts(flags),
        reference_icv_ml=description["reference_icv_mm3"] / MM3_PER_ML,
        coverage=description["interval_coverage"],
        asymmetry_index=None if "volume_mm3" in sides else description.get("asymmetry_index"),
        withheld=WITHHELD if SEVERE_CODES.intersection(codes) else "",
    )


def flag_texts(flags: Iterable[Flag]) -> tuple[tuple[str, str, str], ...]:
    """Give code, title and message of each flag."""
    return tuple((flag.code, FLAG_TITLES[flag.code], flag.message) for flag in flags)


def measured_structure(
    row: dict, flag_codes: Iterable[str], is_edited: bool = False
) -> MeasuredStructure:
    """Take the numbers of a row of the volume table that no severe flag covers.

    Examples
    --------
    >>> row = {"structure": "icv", "volume_mm3": 1.4e6, "fraction_of_icv": 1.0}
    >>> measured_structure(row, ["skull_stripped"]).volume_mm3 is None
    True
    """
    covered = covered_columns(flag_codes, row["structure"])
    numbers = {
        field: None if column in covered else row.get(column) for field, column in MEASURED_COLUMNS
    }
    return MeasuredStructure(row["structure"], **numbers, is_edited=is_edited)


def read_picture(path: Path) -> np.ndarray:
    """Read a PNG as red, green and blue, uint8, shape (rows, columns, 3)."""
    from matplotlib.image import imread

    return np.round(255 * imread(path)[..., :3]).astype(np.uint8)
