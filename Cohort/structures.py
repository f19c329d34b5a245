"""The measured structures: their columns, their names for readers, their place in the analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from HypothalamusSegLib import labels
from HypothalamusSegLib.units import MM3_PER_ML

if TYPE_CHECKING:
    import pandas as pd

VOLUME, ASYMMETRY, ICV = "volume", "asymmetry", "icv"
ML_PER_MM3 = 1 / MM3_PER_ML
# Names of columns are made and read here and nowhere else.
VOLUME_SUFFIX, ADJUSTED = "_mm3", "_adjusted_"
MM3, PERCENT = "mm3", "percent"
# ICV is read in mL, the asymmetry index, a ratio, in percent.
SHOWN_FACTORS = {ICV: ML_PER_MM3, ASYMMETRY: 100.0}
SHOWN_UNITS = {ICV: "mL", ASYMMETRY: "%"}


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

    @property
    def table_unit(self) -> str:
        """The unit as tables have it, in ASCII; 1 for a ratio."""
        return self.unit.replace("³", "^3") or "1"

    @property
    def shown_factor(self) -> float:
        """What a value is multiplied by where people read it."""
        return SHOWN_FACTORS.get(self.kind, 1.0)

    @property
    def shown_unit(self) -> str:
        return SHOWN_UNITS.get(self.kind, self.unit)


@dataclass(frozen=True)
class VolumeColumn:
    """What a column of volumes holds: a structure, as measured or adjusted for ICV by a method."""

    structure: str
    adjustment: str = ""


TOTAL = Structure("hypothalamus_total", "hypothalamus_total_mm3", "Total hypothalamus")
LEFT = Structure("hypothalamus_left", "hypothalamus_left_mm3", "Left hypothalamus")
RIGHT = Structure("hypothalamus_right", "hypothalamus_right_mm3", "Right hypothalamus")
ASYMMETRY_INDEX = Structure("asymmetry_index", "asymmetry_index", "Asymmetry index", ASYMMETRY, "")
INTRACRANIAL = Structure("icv", "icv_mm3", "Intracranial volume", ICV)
WHOLE = (TOTAL, LEFT, RIGHT)


def adjusted_column(structure: Structure, method: str) -> str:
    """The column of a structure's volume, adjusted for ICV."""
    return f"{structure.name}{ADJUSTED}{method}{VOLUME_SUFFIX}"


def change_column(structure: Structure, unit: str) -> str:
    """The column of a structure's annualised change, in ``MM3`` or ``PERCENT``."""
    return f"{structure.name}_{unit}_per_year"


def volume_column(column: str) -> VolumeColumn | None:
    """What a column holds, from its name; None if it holds no volume.

    Examples
    --------
    >>> volume_column("icv_mm3")
    VolumeColumn(structure='icv', adjustment='')
    >>> volume_column("left_posterior_adjusted_residuals_mm3")
    VolumeColumn(structure='left_posterior', adjustment='residuals')
    """
    if not column.endswith(VOLUME_SUFFIX):
        return None
    structure, _, adjustment = column.removesuffix(VOLUME_SUFFIX).partition(ADJUSTED)
    return VolumeColumn(structure, adjustment)


def subunits() -> tuple[Structure, ...]:
    """The ten subunits, left then right, in the order of FreeSurfer's labels."""
    names = [labels.subunit_structure(label) for label in labels.SUBUNIT_LABELS]
    return tuple(
        Structure(n, f"{n}{VOLUME_SUFFIX}", _subunit_title(n), subunit=True) for n in names
    )


def measured(results: pd.DataFrame) -> tuple[Structure, ...]:
    """The structures of which a table of results holds at least one number."""
    everything = (*WHOLE, ASYMMETRY_INDEX, INTRACRANIAL, *subunits())
    return tuple(s for s in everything if s.column in results and results[s.column].notna().any())


def _subunit_title(name: str) -> str:
    side, _, part = name.partition("_")
    return f"{side.capitalize()} {part.replace('-', ' ')}"
