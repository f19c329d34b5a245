"""The measured structures: their columns, their names for readers, their place in the analysis."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from HypothalamusSegLib import labels

VOLUME, ASYMMETRY, ICV = "volume", "asymmetry", "icv"


@dataclass(frozen=True)
class Structure:
    """One outcome of the group analysis.

    Attributes
    ----------
    name : str
        As in the volume tables: ``hypothalamus_total``, ``left_posterior`` …
    column : str
        Its column in the table of results.
    title : str
        For readers.
    kind : str
        ``VOLUME``, ``ASYMMETRY`` or ``ICV``; only volumes are adjusted for ICV.
    unit : str
        ``mm³``, or empty for the asymmetry index, which is a ratio.
    subunit : bool
        Belongs to the family over which the false discovery rate is controlled.
    """

    name: str
    column: str
    title: str
    kind: str = VOLUME
    unit: str = "mm³"
    subunit: bool = False


TOTAL = Structure("hypothalamus_total", "hypothalamus_total_mm3", "Total hypothalamus")
LEFT = Structure("hypothalamus_left", "hypothalamus_left_mm3", "Left hypothalamus")
RIGHT = Structure("hypothalamus_right", "hypothalamus_right_mm3", "Right hypothalamus")
ASYMMETRY_INDEX = Structure("asymmetry_index", "asymmetry_index", "Asymmetry index", ASYMMETRY, "")
INTRACRANIAL = Structure("icv", "icv_mm3", "Intracranial volume", ICV)
WHOLE = (TOTAL, LEFT, RIGHT)


def subunits() -> tuple[Structure, ...]:
    """The ten subunits, left then right, in the order of FreeSurfer's labels."""
    names = [labels.subunit_structure(label) for label in labels.SUBUNIT_LABELS]
    return tuple(Structure(n, f"{n}_mm3", _subunit_title(n), subunit=True) for n in names)


def measured(results: pd.DataFrame) -> tuple[Structure, ...]:
    """The structures of which a table of results holds at least one number."""
    everything = (*WHOLE, ASYMMETRY_INDEX, INTRACRANIAL, *subunits())
    return tuple(s for s in everything if s.column in results and results[s.column].notna().any())


def _subunit_title(name: str) -> str:
    side, _, part = name.partition("_")
    return f"{side.capitalize()} {part.replace('-', ' ')}"
