"""Disk space limits: per visitor and for all visitors together.

Bytes are reserved before they are written: the announced size of a request, the unpacked size of
an archive, the output of a segmentation. The unused rest is released later. This way, simultaneous
uploads cannot all claim the same free space.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

# Disk space kept free for everything else.
SPARE_BYTES = 1 << 30
# Share of the free space at the start; other programs write, too.
SHARE_OF_FREE = 0.9
# Share of that for all sessions of one user or address.
SHARE_OF_GROUP = 0.5
log = logging.getLogger("hypothalamus_seg.web.disk")


class ShareSpentError(Exception):
    """A visitor has used up the share of one visitor.

    Attributes
    ----------
    left_bytes : int
        Bytes that can still be reserved.
    """

    def __init__(self, left_bytes: int) -> None:
        super().__init__(left_bytes)
        self.left_bytes = left_bytes


class DiskFullError(Exception):
    """The disk is full for all visitors."""


@dataclass
class DiskBudget:
    """Reserved bytes of each owner.

    Parameters
    ----------
    folder : Path
        A folder on the disk.
    share_bytes : int
        Limit for one owner.
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
        """Also count the bytes of an owner for a group."""
        self._groups[owner] = group

    def left(self, owner: str) -> int:
        """Bytes that an owner can still reserve."""
        share = self.share_bytes - self._held[owner]
        group = self._groups.get(owner, owner)
        others = sum(n for o, n in self._held.items() if self._groups.get(o, o) == group)
        groups = int(SHARE_OF_GROUP * self.total_bytes) - others
        return max(0, min(share, groups, self.total_bytes - self._held.total()))

    def hold(self, owner: str, count: int, beyond_share: bool = False) -> None:
        """Reserve ``count`` more bytes; results may go ``beyond_share``, uploads may not.

        Raises
        ------
        ShareSpentError, DiskFullError
            In this case nothing is reserved.
        """
        is_full = self._held.total() + count > self.total_bytes
        if not beyond_share and not is_full and count > self.left(owner):
            raise ShareSpentError(self.left(owner))
        if is_full or self._free() < count + SPARE_BYTES:
            log.error("The disk is full")
            raise DiskFullError
        self._held[owner] += count

    def release(self, owner: str, count: int) -> None:
        """Release reserved bytes."""
        self._held[owner] -= count
        if self._held[owner] <= 0:
            del self._held[owner]

    def leave(self, owner: str) -> None:
        self._groups.pop(owner, None)

    def _free(self) -> int:
        return shutil.disk_usage(self.folder).free


def bytes_below(folder: Path) -> int:
    """Size of all files in a folder tree; files may vanish meanwhile."""
    size = 0
    for top, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(top, name)).st_size
    return size
