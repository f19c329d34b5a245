"""The review of one result: status, note, reviewer and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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
    masks : dict of str to str
        Checksums of the segmentations that the status is about, by role.
    """

    status: str = STATUSES[0]
    note: str = ""
    reviewer: str = ""
    time: str = ""
    masks: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"unknown review status {self.status!r}; known: {STATUSES}")

    @property
    def is_judged(self) -> bool:
        return self.status != STATUSES[0]

    def changed(
        self, status: str, note: str, reviewer: str, masks: Mapping[str, str] | None = None
    ) -> Review:
        """Return this review, or a new one with the current time if anything differs.

        ``masks`` are the checksums at the time of a verdict; None: the verdict is not renewed.
        """
        kept = self.masks if masks is None else dict(masks)
        if (status, note, reviewer, kept) == (self.status, self.note, self.reviewer, self.masks):
            return self
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        return Review(status, note, reviewer, now, kept if status != STATUSES[0] else {})

    def changed_since(self, masks: Mapping[str, str]) -> list[str]:
        """Roles whose segmentation has changed since the verdict."""
        if not self.is_judged or not self.masks:
            return []
        return sorted(
            role for role in {*self.masks, *masks} if self.masks.get(role) != masks.get(role)
        )

    def as_dict(self) -> dict:
        return asdict(self)
