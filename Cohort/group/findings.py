"""Something that was found while data were checked, for the report and the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

WARNING, NOTE = "warning", "note"
LISTED_IN_A_LINE = 8


class Topic(Enum):
    """What a finding is about; a report picks findings by it, never by their words."""

    PARTICIPANTS = "participants"
    MATCHING = "matching"
    COVARIATES = "covariates"
    GROUPS = "groups"
    ICV = "icv"
    SESSION_TIMES = "session_times"
    RUNS = "runs"
    REVIEW = "review"
    PLAN = "plan"


@dataclass(frozen=True)
class Finding:
    """One remark about the data.

    Attributes
    ----------
    severity : str
        ``WARNING``: may change a result; ``NOTE``: good to know.
    topic : Topic
    text : str
        A sentence that stands without the list.
    items : tuple of str
        Subjects, scans or rows that it is about.
    """

    severity: str
    topic: Topic
    text: str
    items: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The sentence with the first few items, for a terminal."""
        if not self.items:
            return self.text
        shown = ", ".join(self.items[:LISTED_IN_A_LINE])
        more = len(self.items) - LISTED_IN_A_LINE
        return f"{self.text} ({shown}{f' and {more} more' if more > 0 else ''})"
