"""Something that was found while data were checked, for the report and the terminal."""

from __future__ import annotations

from dataclasses import dataclass

WARNING, NOTE = "warning", "note"
LISTED_IN_A_LINE = 8


@dataclass(frozen=True)
class Finding:
    """One remark about the data.

    Attributes
    ----------
    severity : str
        ``WARNING``: may change a result; ``NOTE``: good to know.
    text : str
        A sentence that stands without the list.
    items : tuple of str
        Subjects, scans or rows that it is about.
    """

    severity: str
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
