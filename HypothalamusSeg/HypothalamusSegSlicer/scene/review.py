"""The review of one result: status, note, reviewer and time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

STATUSES = ("unreviewed", "accepted", "corrected", "rejected")


@dataclass(frozen=True)
class Review:
    """Saved with the scene and in every export.

    Attributes
    ----------
    status : str
        One of `STATUSES`.
    note, reviewer : str
    time : str
        ISO 8601 with time zone, of the last change; empty before the first.
    """

    status: str = STATUSES[0]
    note: str = ""
    reviewer: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"unknown review status {self.status!r}; known: {STATUSES}")

    def changed(self, status: str, note: str, reviewer: str) -> Review:
        """Return this review, or a new one with the current time if anything differs."""
        if (status, note, reviewer) == (self.status, self.note, self.reviewer):
            return self
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        return Review(status, note, reviewer, now)

    def as_dict(self) -> dict:
        return asdict(self)
