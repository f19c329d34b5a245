"""The table node: columns with titles and descriptions, a dash where a number is missing.

Slicer's table view shows all digits of a number and "nan" for a missing one; all columns are
therefore text, rounded for reading. Exact numbers are in the rows (`volume_rows`), in what
is copied, and in the exports.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

import slicer
import vtk
from HypothalamusSegLib.measures.intervals import COVERAGE
from HypothalamusSegLib.results.flag_coverage import covered_columns
from HypothalamusSegLib.units import MM3_PER_ML

from .rows import EDITED, UNCHANGED, VolumeRow

MISSING = "–"
# A cell of Slicer's table view cannot be struck through. The mark is that of severe flags.
COVERED_MARK = "■"


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    field : str
        The attribute of `VolumeRow` that it shows.
    title, description : str
    form : str or callable
        How a number is written; or what makes the cell from the row.
    is_detail : bool
        Shown only with all columns.
    engine_column : str
        The column of the engine's table that it shows; empty if none.
    """

    field: str
    title: str
    description: str
    form: str | Callable[[VolumeRow], str] = ""
    is_detail: bool = False
    engine_column: str = ""

    def value(self, row: VolumeRow, flag_codes: Iterable[str] = ()) -> str:
        """The content of a cell; marked if a severe flag covers it."""
        text = self._text(row)
        is_covered = self.engine_column in covered_columns(flag_codes, row.structure)
        return f"{COVERED_MARK} {text}" if is_covered and text != MISSING else text

    def _text(self, row: VolumeRow) -> str:
        if callable(self.form):
            return self.form(row)
        value = getattr(row, self.field)
        return _format(value, self.form) if self.form else value


def columns(reference_icv_mm3: float) -> tuple[Column, ...]:
    """All columns; a title includes the reference ICV, without which the numbers mean nothing."""
    reference = f"{reference_icv_mm3 / MM3_PER_ML:.0f} mL"
    percent = f"{100 * COVERAGE:.0f}"
    interval = f"the interval that contains the reference volume in {percent} % of new scans"
    return (
        Column("name", "Structure", "What was measured"),
        Column(
            "shown_value",
            f"Volume ({percent} % range)",
            f"Posterior-weighted volume, or the asymmetry index; in brackets {interval}",
            _volume_and_range,
            engine_column="volume_mm3",
        ),
        Column(
            "percent_of_icv",
            "% of ICV",
            f"Volume as a share of the ICV; {COVERED_MARK} wrong because of a severe flag",
            ".4f",
            engine_column="fraction_of_icv",
        ),
        Column(
            "change",
            "Edited by",
            "Difference from the network output, in the unit of the row; – if not edited",
            _change,
        ),
        Column("status", "Status", "As segmented, edited or deleted", is_detail=True),
        Column(
            "value",
            "Value",
            "The volume as a plain number",
            ".3f",
            is_detail=True,
            engine_column="volume_mm3",
        ),
        Column("unit", "Unit", "Unit of volume, spread and difference", is_detail=True),
        Column(
            "adjusted_mm3",
            f"At {reference} ICV (mm³)",
            f"Volume × {reference} / ICV (proportion method, for single cases only)",
            ".1f",
            is_detail=True,
            engine_column="icv_adjusted_mm3",
        ),
        Column(
            "fold_sd",
            "Fold SD",
            "Standard deviation of the networks' volumes, in the unit of the row",
            ".2f",
            is_detail=True,
            engine_column="fold_sd_mm3",
        ),
        Column(
            "difference_percent",
            "Edited by (%)",
            "Difference from the network output in percent",
            "+.2f",
            is_detail=True,
        ),
        Column(
            "dice",
            "Dice",
            "Overlap with the network output; 1 = not edited",
            ".3f",
            is_detail=True,
        ),
        Column(
            "protocol",
            "Protocol",
            "Whose outlines these are; volumes of different protocols must not be compared",
            _protocol,
            is_detail=True,
        ),
    )


def _format(value: float, form: str) -> str:
    return MISSING if math.isnan(value) else format(value, form)


def _volume_and_range(row: VolumeRow) -> str:
    """With meaningful digits only: the range is several percent wide."""
    if math.isnan(row.value):
        return MISSING
    text = f"{row.value:.1f} {row.unit}".replace("-", "−")
    is_known = not (math.isnan(row.low) or math.isnan(row.high))
    return f"{text} ({row.low:.0f}–{row.high:.0f})" if is_known else text


def _protocol(row: VolumeRow) -> str:
    return row.protocol or MISSING


def _change(row: VolumeRow) -> str:
    """A dash where nothing was edited: a column of zeros would hide the one that is not."""
    if row.status != EDITED:
        return MISSING if row.status == UNCHANGED else row.status
    return EDITED if math.isnan(row.difference) else f"{row.difference:+.1f}".replace("-", "−")


def write_table(
    node: slicer.vtkMRMLTableNode,
    rows: Sequence[VolumeRow],
    reference_icv_mm3: float,
    flag_codes: Sequence[str] = (),
) -> None:
    """Fill a table node, with what severe flags cover marked; replaced in one step."""
    was_modifying = node.StartModify()
    node.RemoveAllColumns()
    for column in columns(reference_icv_mm3):
        array = vtk.vtkStringArray()
        array.SetName(column.field)
        for row in rows:
            array.InsertNextValue(column.value(row, flag_codes))
        node.AddColumn(array)
        # Units are in the titles: Slicer would add a unit label in brackets, "% of ICV [%]".
        node.SetColumnTitle(column.field, column.title)
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
