"""Tables as BIDS has them: tab-separated text, ``n/a`` where a value is missing, columns explained.

Every table of the cohort tool is written here. The columns' explanations are in a JSON file of the
same name next to the table (BIDS 1.10, "Tabular files"). pandas is not imported: the participant
level needs none.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MISSING_CELL = "n/a"
CODE_SEPARATOR = ";"


def write_table(
    table: pd.DataFrame,
    path: Path,
    columns: Mapping[str, Mapping[str, str]] | None = None,
    float_format: str | None = None,
) -> list[Path]:
    """Write a table, and a file that explains its columns.

    Parameters
    ----------
    table : DataFrame
        Without its index.
    path : Path
        Ends in ``.tsv``.
    columns : mapping, optional
        Column to its ``Description`` and, where it has one, ``Units``; without it there is no
        JSON file.
    float_format : str, optional
        For example ``%.6g``; all digits without it.

    Returns
    -------
    list of Path
        The files that were written.
    """
    table.to_csv(
        path,
        sep="\t",
        index=False,
        na_rep=MISSING_CELL,
        lineterminator="\n",
        float_format=float_format,
    )
    if columns is None:
        return [path]
    sidecar = path.with_suffix(".json")
    text = json.dumps(columns, indent=2, ensure_ascii=False)
    sidecar.write_text(text + "\n", encoding="utf-8")
    return [path, sidecar]


def describe_columns(columns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Describe columns without units, in the form that `write_table` takes."""
    return {column: {"Description": text} for column, text in columns.items()}


def as_tsv(rows: Sequence[Mapping[str, object]]) -> str:
    r"""Rows with the same keys as the text of a table; None is missing.

    Examples
    --------
    >>> as_tsv([{"index": 1, "mapping": None}])
    'index\tmapping\n1\tn/a\n'
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: MISSING_CELL if value is None else value for key, value in row.items()}
        for row in rows
    )
    return stream.getvalue()


def join_codes(codes: Iterable[str]) -> str:
    """Codes, for example of quality flags, in one cell."""
    return CODE_SEPARATOR.join(codes)


def split_codes(cell: str) -> tuple[str, ...]:
    """The codes in a cell.

    Examples
    --------
    >>> split_codes("low_confidence;anisotropic"), split_codes("")
    (('low_confidence', 'anisotropic'), ())
    """
    return tuple(code for code in cell.split(CODE_SEPARATOR) if code)
