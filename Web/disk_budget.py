"""How much of the server's disk visitors may fill: one of them, and all together.

Bytes are held before they are written: by what a request announces, by what an archive may become,
by what a segmentation may write. What then is smaller is given back. So twenty uploads that arrive
at once cannot each be measured against the same free place.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

# Left on the disk for everything else.
SPARE_BYTES = 1 << 30
# Of what was free at the start; other programs write, too.
SHARE_OF_FREE = 0.9
# Of that, for all sessions of one user or address.
SHARE_OF_GROUP = 0.5
log = logging.getLogger("hypothalamus_seg.web.disk")


class ShareSpentError(Exception):
    """A visitor has as much as one visitor may have.

    Attributes
    ----------
    left_bytes : int
        What still could be held.
    """

    def __init__(self, left_bytes: int) -> None:
        super().__init__(left_bytes)
        self.left_bytes = left_bytes


class DiskFullError(Exception):
    """The disk has no place for more, whoever asks."""


@dataclass
class DiskBudget:
    """Bytes held, by their owners.

    Parameters
    ----------
    folder : Path
        On the disk in question.
    share_bytes : int
        Of one owner.
    """

    folder: Path
    share_bytes: int
    _held: Counter[str] = field(default_factory=Counter)
    _groups: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.total_bytes = int(SHARE_OF_FREE * max(0, self._free() - SPARE_BYTES))

    def held_by(self, owner: str) -> int:
        return self._held[owner]

    def join(self, owner: str, group: str) -> None:
        """Count an owner's bytes with those of a group, too."""
        self._groups[owner] = group

    def left(self, owner: str) -> int:
        """What one owner may still hold."""
        share = self.share_bytes - self._held[owner]
        group = self._groups.get(owner, owner)
        others = sum(n for o, n in self._held.items() if self._groups.get(o, o) == group)
        groups = int(SHARE_OF_GROUP * self.total_bytes) - others
        return max(0, min(share, groups, self.total_bytes - self._held.total()))

    def hold(self, owner: str, count: int, beyond_share: bool = False) -> None:
        """Hold ``count`` bytes more; results may go ``beyond_share``, uploads not.

        Raises
        ------
        ShareSpentError, DiskFullError
            Nothing is held then.
        """
        is_full = self._held.total() + count > self.total_bytes
        if not beyond_share and not is_full and count > self.left(owner):
            raise ShareSpentError(self.left(owner))
        if is_full or self._free() < count + SPARE_BYTES:
            log.error("No place left on the disk")
            raise DiskFullError
        self._held[owner] += count

    def release(self, owner: str, count: int) -> None:
        """Give back what was held."""
        self._held[owner] -= count
        if self._held[owner] <= 0:
            del self._held[owner]

    def leave(self, owner: str) -> None:
        self._groups.pop(owner, None)

    def _free(self) -> int:
        return shutil.disk_usage(self.folder).free


def bytes_below(folder: Path) -> int:
    """What the files in a folder and below take; some may vanish meanwhile."""
    size = 0
    for top, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(top, name)).st_size
    return size
