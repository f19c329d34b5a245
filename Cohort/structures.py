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
# Names of columns are made here and nowhere else, and never taken apart.
VOLUME_SUFFIX, ADJUSTED = "_mm3", "_adjusted_"
MM3, PERCENT = "mm3", "percent"
# ICV is shown in mL, and the asymmetry index, a ratio, in percent.
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
        """The unit in tables, in ASCII; 1 for a ratio."""
        return self.unit.replace("³", "^3") or "1"

    @property
    def shown_factor(self) -> float:
        """The factor from a table's value to the one shown."""
        return SHOWN_FACTORS.get(self.kind, 1.0)

    @property
    def shown_unit(self) -> str:
        return SHOWN_UNITS.get(self.kind, self.unit)


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
    """The column of a structure's annualized change, in ``MM3`` or ``PERCENT``."""
    return f"{structure.name}_{unit}_per_year"


def with_volume() -> tuple[Structure, ...]:
    """Every structure whose column holds a volume in mm³: all but the asymmetry index.

    Examples
    --------
    >>> [structure.column for structure in with_volume()][:2]
    ['hypothalamus_total_mm3', 'hypothalamus_left_mm3']
    """
    return (*WHOLE, INTRACRANIAL, *subunits())


def subunits() -> tuple[Structure, ...]:
    """The ten subunits, left then right, in the order of FreeSurfer's labels."""
    return tuple(
        Structure(
            name=subunit.structure,
            column=f"{subunit.structure}{VOLUME_SUFFIX}",
            title=f"{subunit.side.capitalize()} {subunit.name.replace('-', ' ')}",
            subunit=True,
        )
        for subunit in labels.SUBUNITS
    )


def measured_structures(results: pd.DataFrame) -> tuple[Structure, ...]:
    """The structures with at least one number in a table of results."""
    everything = (*WHOLE, ASYMMETRY_INDEX, INTRACRANIAL, *subunits())
    return tuple(s for s in everything if s.column in results and results[s.column].notna().any())
