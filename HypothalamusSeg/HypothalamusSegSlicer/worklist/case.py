"""One case of a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class WorklistError(Exception):
    """A list, a case or a review cannot be read or written; the message says what to do."""


@dataclass(frozen=True)
class FinishedResult:
    """A result on disk.

    Attributes
    ----------
    description : dict
        The engine's description, the content of ``*_volumes.json``.
    label_maps : mapping of str to Path
        By role: hypothalamus, subunits, icv.
    """

    description: dict
    label_maps: Mapping[str, Path]


@dataclass(frozen=True)
class Case:
    """A scan to review.

    Attributes
    ----------
    name : str
        Unique in its list; the cohort tool has the same name for the same scan.
    scan : Path
        A file, or a folder of DICOM slices.
    result : FinishedResult or None
        None: it is still to be segmented.
    series_uid : str
        Of a series in Slicer's DICOM database; empty for files.
    """

    name: str
    scan: Path
    result: FinishedResult | None = field(default=None, compare=False)
    series_uid: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """Codes of the flags of a result on disk."""
        return flag_codes(self.result.description) if self.result is not None else ()


def flag_codes(description: dict) -> tuple[str, ...]:
    """Codes of the quality flags in the engine's description of a result."""
    return tuple(flag["code"] for flag in description.get("quality", {}).get("flags", ()))
