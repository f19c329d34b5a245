"""Quality flags: possible problems with a scan or a result; they never stop a run.

Examples
--------
>>> found = [Flag("noisy", "Much noise."), Flag("not_t1_like", "Another contrast.")]
>>> [flag.code for flag in sort_by_severity(found)]
['not_t1_like', 'noisy']
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Title of each flag, shown before its message.
FLAG_TITLES = {
    "skull_stripped": "Skull removed",
    "fov_cut": "Head cut off",
    "low_fold_agreement": "Networks disagree",
    "low_confidence": "Low confidence",
    "size_unsettled": "Size uncertain",
    "asymmetry": "Left and right differ",
    "icv_out_of_range": "Unusual ICV",
    "hypothalamus_out_of_range": "Unusual volume",
    "anisotropic": "Thick slices",
    "coarse_resolution": "Large voxels",
    "not_t1_like": "Does not look T1-weighted",
    "left_right_suspect": "Left and right may be swapped",
    "orientation_suspect": "Orientation uncertain",
    "spacing_suspect": "Voxel size uncertain",
    "repaired_values": "Invalid voxel values",
    "low_icv_agreement": "Networks disagree on ICV",
    "noisy": "Noise or motion",
    "contrast_enhanced": "Contrast agent",
}
FLAG_CODES = tuple(FLAG_TITLES)
# Severe: a number is wrong. Doubtful: a number may be wrong. Note: good to know.
SEVERE, DOUBTFUL, NOTE = "severe", "doubtful", "note"
SEVERITIES = (SEVERE, DOUBTFUL, NOTE)
SEVERE_CODES = frozenset(
    ("fov_cut", "skull_stripped", "not_t1_like", "left_right_suspect", "orientation_suspect")
)
DOUBTFUL_CODES = frozenset(
    (
        "low_fold_agreement",
        "low_confidence",
        "size_unsettled",
        "asymmetry",
        "icv_out_of_range",
        "hypothalamus_out_of_range",
        "spacing_suspect",
        "low_icv_agreement",
        "noisy",
    )
)


def severity_of(code: str) -> str:
    """Look up the severity of a flag: ``severe``, ``doubtful`` or ``note``."""
    return SEVERE if code in SEVERE_CODES else DOUBTFUL if code in DOUBTFUL_CODES else NOTE


@dataclass(frozen=True)
class Flag:
    """One quality flag.

    Attributes
    ----------
    code : str
        One of ``FLAG_CODES``.
    message : str
        Sentences for a radiologist: the problem and what to do.

    Raises
    ------
    ValueError
        The code is not one of ``FLAG_CODES``.
    """

    code: str
    message: str

    def __post_init__(self) -> None:
        if self.code not in FLAG_CODES:
            raise ValueError(f"unknown quality flag {self.code!r}; known: {', '.join(FLAG_CODES)}")


def sort_by_severity(flags: Iterable[Flag]) -> list[Flag]:
    """Sort flags by severity: severe, doubtful, note; otherwise keep their order."""
    return sorted(flags, key=lambda flag: SEVERITIES.index(severity_of(flag.code)))
