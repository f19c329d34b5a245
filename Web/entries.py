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
        Folder of this scan only.
    state : EntryState
    held_bytes : int
        Disk space reserved for its files.
    checked : dict
        Result of the check: name, shape, spacing_mm, flags, path.
    series : tuple of dict
        Series to choose from, if the upload has several: number, description, images, size.
    ticket : fair_queue.Ticket or None
        Ticket of the running check or segmentation.
    options : dict
        Options of the result.
    result : dict or None
        The engine's description.
    files : tuple of str
        Names of the files in ``results``.
    dicom_failure : str
        Why a DICOM upload has no DICOM objects; empty if it has them, or was not DICOM.
    error : dict or None
        Code, message and sometimes reference number of a failure.
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
    dicom_failure: str = ""
    error: dict | None = None

    @property
    def input(self) -> Path:
        """Folder with the upload, or what was unpacked from it, and nothing else."""
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
        """Pictures of the series, by the last part of their URL."""
        numbers = [series["number"] for series in self.series]
        return {f"series-{n}.png": self.folder / "series" / f"{n}.png" for n in numbers}

    @property
    def is_busy(self) -> bool:
        return self.state in (EntryState.CHECKING, EntryState.SEGMENTING)

    @property
    def can_start(self) -> bool:
        return self.state in STARTABLE
