"""The two groups that are compared: ``group:als-control`` means ALS minus control."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .errors import ContrastError
from .participants_table import Participants


@dataclass(frozen=True)
class Contrast:
    """A difference between two levels of a column.

    Attributes
    ----------
    column : str
    level_a, level_b : str
        The difference is a minus b; b are the controls, on whom ICV adjustments are fitted.
    """

    column: str
    level_a: str
    level_b: str

    @property
    def title(self) -> str:
        return f"{self.level_a} − {self.level_b}"

    def is_a(self, frame: pd.DataFrame) -> pd.Series:
        return frame[self.column] == self.level_a

    def members(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that belong to one of the two groups."""
        return frame[frame[self.column].isin([self.level_a, self.level_b])]


def resolve_contrast(text: str, participants: Participants) -> Contrast:
    """Find column and levels of ``COLUMN:A-B`` in participants.tsv.

    Names of levels may contain hyphens: the text is split where both parts are levels.

    Raises
    ------
    ContrastError
        If the text is malformed, or the column or a level is not in the table.
    """
    column, colon, levels_text = (part.strip() for part in text.partition(":"))
    if not (colon and column and "-" in levels_text):
        raise ContrastError(
            f"The contrast {text!r} cannot be read. Write COLUMN:A-B, for example "
            "group:als-control, which means ALS minus control."
        )
    table = participants.frame
    if column not in participants.columns:
        raise ContrastError(
            f"{participants.path} has no column {column!r} for the contrast {text!r}. Its columns: "
            f"{', '.join(participants.columns) or 'none'}."
        )
    counts = table[column].value_counts()
    pieces = levels_text.split("-")
    cuts = [
        ("-".join(pieces[:cut]).strip(), "-".join(pieces[cut:]).strip())
        for cut in range(1, len(pieces))
    ]
    fitting = [(a, b) for a, b in cuts if a in counts.index and b in counts.index]
    if len(fitting) != 1:
        known = ", ".join(f"{level} ({count})" for level, count in counts.items())
        problem = "can be read in two ways" if fitting else "names a level that does not occur"
        raise ContrastError(
            f"The contrast {text!r} {problem}. Levels of {column!r} in {participants.path}, with "
            f"their number of participants: {known or 'none'}. Names are case-sensitive."
        )
    level_a, level_b = fitting[0]
    if level_a == level_b:
        raise ContrastError(f"The contrast {text!r} compares a group with itself.")
    return Contrast(column, level_a, level_b)
