"""A scan of a visitor: its state and its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from .fair_queue import Ticket

SCENE_NAME = "scene.bin.gz"


class EntryState(Enum):
    """State of an uploaded file."""

    CHECKING = "checking"
    CHOOSING = "choosing"
    REFUSED = "refused"
    READY = "ready"
    SEGMENTING = "segmenting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


STARTABLE = (EntryState.READY, EntryState.FAILED, EntryState.CANCELLED, EntryState.DONE)


@dataclass(eq=False)
class Entry:
    """One scan of a visitor.

    Attributes
    ----------
    identifier : str
        Unguessable, because it is part of URLs.
    file_name : str
        Sanitized upload name.
    folder : Path
        Of this scan alone.
    state : EntryState
    held_bytes : int
        Of the disk's budget: what its files take, or may take while they are being written.
    checked : dict
        Result of the check: name, shape, spacing_mm, flags, path.
    series : tuple of dict
        Where the upload holds several: number, description, images, size; one must be chosen.
    ticket : fair_queue.Ticket or None
        Of the check or the segmentation that goes on.
    options : dict
        With which the result was made.
    result : dict or None
        The engine's description.
    files : tuple of str
        Names of the files in ``results``.
    error : dict or None
        Code, message and perhaps reference of what went wrong.
    """

    identifier: str
    file_name: str
    folder: Path
    state: EntryState = EntryState.CHECKING
    held_bytes: int = 0
    series: tuple[dict, ...] = ()
    checked: dict = field(default_factory=dict)
    ticket: Ticket | None = None
    options: dict = field(default_factory=dict)
    result: dict | None = None
    files: tuple[str, ...] = ()
    error: dict | None = None

    @property
    def input(self) -> Path:
        """Folder of what was uploaded and unpacked, whatever its name: nothing else is in it."""
        return self.folder / "input"

    @property
    def upload(self) -> Path:
        """The file as it arrived."""
        return self.input / self.file_name

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def scene(self) -> Path:
        """Path of the viewer file."""
        return self.results / SCENE_NAME

    @property
    def series_pictures(self) -> dict[str, Path]:
        """Of the series to choose from, by the last part of their addresses."""
        numbers = [series["number"] for series in self.series]
        return {f"series-{n}.png": self.folder / "series" / f"{n}.png" for n in numbers}

    @property
    def is_busy(self) -> bool:
        return self.state in (EntryState.CHECKING, EntryState.SEGMENTING)

    @property
    def can_start(self) -> bool:
        return self.state in STARTABLE
