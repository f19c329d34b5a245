"""The table node: columns with titles, units and descriptions, a dash where a number is missing.

Slicer's table view shows all digits of a number and "nan" for a missing one; columns that can lack
one are therefore text, rounded for reading. Exact numbers are in the rows (`volume_rows`), in what
is copied, and in the exports.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import slicer
import vtk
from HypothalamusSegLib.measures.intervals import COVERAGE

from .rows import VolumeRow

MISSING = "–"


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    field : str
        The attribute of `VolumeRow` that it shows.
    title, unit, description : str
    form : str or None
        How a number that can be missing is written; None: as it is.
    """

    field: str
    title: str
    unit: str
    description: str
    form: str | None = None

    def value(self, row: VolumeRow) -> float | str:
        """The content of a cell."""
        value = getattr(row, self.field)
        if self.form is None:
            return value
        return MISSING if math.isnan(value) else format(value, self.form)


def columns(reference_icv_mm3: float) -> tuple[Column, ...]:
    """All columns; a title includes the reference ICV, without which the numbers mean nothing."""
    reference = f"{reference_icv_mm3 / 1000:.0f} mL"
    percent = f"{100 * COVERAGE:.0f}"
    interval = f"the interval that contains the reference volume in {percent} % of new scans"
    return (
        Column("name", "Structure", "", "What was measured"),
        Column(
            "value", "Volume", "", "Posterior-weighted volume, or the asymmetry index (see Unit)"
        ),
        Column("unit", "Unit", "", "Unit of volume, spread and difference"),
        Column("percent_of_icv", "% of ICV", "%", "Volume as a share of the ICV", ".4f"),
        Column(
            "adjusted_mm3",
            f"At {reference} ICV (mm³)",
            "mm3",
            f"Volume × {reference} / ICV (proportion method, for single cases only)",
            ".1f",
        ),
        Column(
            "fold_sd",
            "Fold SD",
            "",
            "Standard deviation of the networks' volumes, in the unit of the row",
            ".2f",
        ),
        Column(
            "low",
            f"From ({percent} %)",
            "",
            f"Lower limit of {interval}, in the unit of the row",
            ".1f",
        ),
        Column(
            "high",
            f"To ({percent} %)",
            "",
            f"Upper limit of {interval}, in the unit of the row",
            ".1f",
        ),
        Column(
            "difference",
            "Edited by",
            "",
            "Difference from the network output, in the unit of the row",
            "+.2f",
        ),
        Column(
            "difference_percent",
            "Edited by (%)",
            "%",
            "Difference from the network output in percent",
            "+.2f",
        ),
        Column("dice", "Dice", "", "Overlap with the network output; 1 = not edited", ".3f"),
        Column("status", "Status", "", "As segmented, edited or deleted"),
    )


def write_table(
    node: slicer.vtkMRMLTableNode, rows: Sequence[VolumeRow], reference_icv_mm3: float
) -> None:
    """Fill a table node; its content is replaced in one step."""
    was_modifying = node.StartModify()
    node.RemoveAllColumns()
    for column in columns(reference_icv_mm3):
        cells = [column.value(row) for row in rows]
        is_text = any(isinstance(cell, str) for cell in cells)
        array = vtk.vtkStringArray() if is_text else vtk.vtkDoubleArray()
        array.SetName(column.field)
        for cell in cells:
            array.InsertNextValue(cell)
        node.AddColumn(array)
        node.SetColumnTitle(column.field, column.title)
        node.SetColumnUnitLabel(column.field, column.unit)
        node.SetColumnDescription(column.field, column.description)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    node.EndModify(was_modifying)


def as_text(rows: Sequence[VolumeRow], separator: str) -> str:
    """The table as separated values: a header, then one line per structure; NaN is empty."""
    names = [field.name for field in fields(VolumeRow)]
    lines = [separator.join(names)]
    for row in rows:
        cells = [getattr(row, name) for name in names]
        lines.append(separator.join("" if cell != cell else str(cell) for cell in cells))
    return "\n".join(lines) + "\n"
