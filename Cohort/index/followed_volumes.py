"""The volumes of followed sessions, read from the table that the follow level writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FollowedVolumesError
from ..tables import MISSING_CELL

if TYPE_CHECKING:
    import pandas as pd

TABLE_NAME = "follow_volumes.tsv"


def read_followed_volumes(output: Path) -> pd.DataFrame:
    """Read the table.

    Returns
    -------
    DataFrame
        ``participant_id``, ``session_id`` (empty if there is none), ``severe``, and a column
        ``<structure>_mm3`` for each structure.

    Raises
    ------
    FollowedVolumesError
        If it is missing or malformed.
    """
    import pandas as pd

    path = output / TABLE_NAME
    try:
        table = pd.read_csv(
            path,
            sep="\t",
            na_values=[MISSING_CELL],
            dtype={"participant_id": str, "session_id": str, "scan": str},
            keep_default_na=False,
        )
    except (OSError, ValueError) as error:
        raise FollowedVolumesError(
            f"{path} cannot be read ({error}). Run the follow level first: hypothalamus-seg cohort "
            f"BIDS_DIR {output} follow"
        ) from error
    missing = {"participant_id", "session_id", "scan", "severe"} - set(table)
    if missing:
        raise FollowedVolumesError(f"{path} has no column {sorted(missing)[0]!r}.")
    return table.assign(session_id=table["session_id"].fillna(""))
