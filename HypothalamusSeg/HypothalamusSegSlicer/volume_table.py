"""The table node: columns with titles, units and descriptions, NaN where a number is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import slicer
import vtk

from .volume_rows import VolumeRow


@dataclass(frozen=True)
class Column:
    """A column of the table; ``field`` is the attribute of `VolumeRow` that it shows."""

    field: str
    title: str
    unit: str
    description: str
    is_number: bool = True


def columns(reference_icv_mm3: float) -> tuple[Column, ...]:
    """All columns; the reference ICV stands in a title, since numbers without it mean nothing."""
    reference = f"{reference_icv_mm3 / 1000:.0f} mL"
    return (
        Column("name", "Structure", "", "What was measured", False),
        Column("value", "Volume", "", "Posterior-weighted volume, or the index; see Unit"),
        Column("unit", "Unit", "", "Unit of volume, spread and difference", False),
        Column("percent_of_icv", "% of ICV", "%", "Volume as a share of the ICV"),
        Column(
            "adjusted_mm3",
            f"At {reference} ICV (mm³)",
            "mm3",
            f"Volume × {reference} / ICV: the proportion method, for a single case",
        ),
        Column("fold_sd", "Fold SD", "", "Spread of the networks' volumes, in the row's unit"),
        Column("difference", "Edited by", "", "Difference to the networks' output, row's unit"),
        Column("difference_percent", "Edited by (%)", "%", "The same in percent"),
        Column("dice", "Dice", "", "Overlap with the networks' output; 1 = not edited"),
        Column("status", "Status", "", "As segmented, edited or deleted", False),
    )


def write_table(
    node: slicer.vtkMRMLTableNode, rows: Sequence[VolumeRow], reference_icv_mm3: float
) -> None:
    """Fill a table node; what was in it is replaced in one step."""
    was_modifying = node.StartModify()
    node.RemoveAllColumns()
    for column in columns(reference_icv_mm3):
        array = vtk.vtkDoubleArray() if column.is_number else vtk.vtkStringArray()
        array.SetName(column.field)
        for row in rows:
            array.InsertNextValue(getattr(row, column.field))
        node.AddColumn(array)
        node.SetColumnTitle(column.field, column.title)
        node.SetColumnUnitLabel(column.field, column.unit)
        node.SetColumnDescription(column.field, column.description)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    node.EndModify(was_modifying)


def as_text(rows: Sequence[VolumeRow], separator: str) -> str:
    """The table as separated values: a line of names, then a line a structure; NaN left empty."""
    names = [field.name for field in fields(VolumeRow)]
    lines = [separator.join(names)]
    for row in rows:
        cells = [getattr(row, name) for name in names]
        lines.append(separator.join("" if cell != cell else str(cell) for cell in cells))
    return "\n".join(lines) + "\n"
