"""Numbers covered by a severe flag; they are always shown in gray and struck through.

Examples
--------
>>> "icv_adjusted_mm3" in covered_columns(["skull_stripped"], "hypothalamus_total")
True
>>> "volume_mm3" in covered_columns(["skull_stripped"], "hypothalamus_total")
False
"""

from __future__ import annotations

from collections.abc import Iterable

from ..flags import SEVERE_CODES

VOLUME_COLUMNS = (
    "volume_mm3",
    "mask_volume_mm3",
    "fold_sd_mm3",
    "fold_min_mm3",
    "fold_max_mm3",
    "volume_low_mm3",
    "volume_high_mm3",
)
RATIO_COLUMNS = ("fraction_of_icv", "icv_adjusted_mm3")
# What a flag covers: the ICV and all ratios to it, everything named left or right, or all.
ICV, SIDES, EVERYTHING = "icv", "sides", "everything"
COVERAGE = {
    "fov_cut": ICV,
    "skull_stripped": ICV,
    "left_right_suspect": SIDES,
    "orientation_suspect": SIDES,
    "not_t1_like": EVERYTHING,
}
WITHOUT_SIDE = ("icv", "hypothalamus_total")


def covered_columns(codes: Iterable[str], structure: str) -> frozenset[str]:
    """Find the columns in the row of a structure that must not be used as results.

    Parameters
    ----------
    codes : iterable of str
        Codes of the quality flags.
    structure : str
        Name in the volume table: ``icv``, ``hypothalamus_left``, ``left_posterior`` …

    Returns
    -------
    frozenset of str
        Names of columns in the volume table.
    """
    covered: set[str] = set()
    for code in SEVERE_CODES.intersection(codes):
        what = COVERAGE[code]
        is_whole_row = (
            what == EVERYTHING
            or (what == ICV and structure == "icv")
            or (what == SIDES and structure not in WITHOUT_SIDE)
        )
        if is_whole_row:
            covered.update(VOLUME_COLUMNS)
        if is_whole_row or what == ICV:
            covered.update(RATIO_COLUMNS)
    return frozenset(covered)
