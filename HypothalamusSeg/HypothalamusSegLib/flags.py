"""Quality flags: doubts about a scan or a result that do not stop the work."""

from __future__ import annotations

from dataclasses import dataclass

FLAG_CODES = (
    "skull_stripped",
    "fov_cut",
    "low_fold_agreement",
    "low_confidence",
    "asymmetry",
    "icv_out_of_range",
    "hypothalamus_out_of_range",
    "anisotropic",
    "coarse_resolution",
    "not_t1_like",
    "left_right_suspect",
    "orientation_suspect",
    "spacing_suspect",
    "repaired_values",
)


@dataclass(frozen=True)
class Flag:
    """One doubt.

    Attributes
    ----------
    code : str
        One of ``FLAG_CODES``.
    message : str
        A sentence that a radiologist understands.

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
