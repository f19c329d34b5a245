"""Options of the group level."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .icv_adjustment import ANCOVA


@dataclass(frozen=True)
class GroupOptions:
    """What to compare, and how.

    Attributes
    ----------
    output : Path
        Folder that the participant level wrote to; the group's files go there as well.
    participants : Path or None
        participants.tsv; None if there is none, which is enough for a description.
    data_root : Path or None
        Folder with sub-X/sub-X_sessions.tsv.
    contrast : str or None
        ``group:als-control``: ALS minus control.
    covariates : tuple of str
        Columns of participants.tsv.
    categorical, numeric : tuple of str
        Columns of numbers that are categories, and of few integers that are quantities.
    splines : tuple of str
        Covariates that enter as natural splines.
    predictors : tuple of str
        Columns of numbers with which volumes are associated.
    site : str or None
        Column of sites: a covariate, and each is left out in turn.
    equivalence_percent : float or None
        Margin within which groups count as equal, in percent of the controls' mean.
    repeat_scans : Path or None
        compare_agreement.tsv of repeat scans, for the error of a volume.
    adjustment : str
        The way to adjust for ICV that the report leads with; the others are shown beside it.
    exclude_flagged : bool
        Give every result a second time without the scans that are listed for review.
    ignored_flags : tuple of str
        Flags that do not list a scan.
    reviews : tuple of Path
        Tables of marks; a rejected scan is in no result.
    folder : Path or None
        Where the group's files go; None: ``output``.
    freeze : bool
        Keep the plan and look at no group.
    blinded : bool
        Also write a contact sheet for raters, without names, numbers, flags and groups.
    command : tuple of str
        As it was typed, for the record.
    followed : bool
        Also show change over time by the volumes of the follow level.
    time_column : str or None
        Column with each session's time in years.
    participant_labels, session_labels : tuple of str
        Only these; empty: all.
    """

    output: Path
    participants: Path | None = None
    data_root: Path | None = None
    contrast: str | None = None
    covariates: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    splines: tuple[str, ...] = ()
    predictors: tuple[str, ...] = ()
    site: str | None = None
    equivalence_percent: float | None = None
    repeat_scans: Path | None = None
    adjustment: str = ANCOVA
    exclude_flagged: bool = False
    ignored_flags: tuple[str, ...] = ()
    reviews: tuple[Path, ...] = ()
    folder: Path | None = None
    freeze: bool = False
    blinded: bool = False
    command: tuple[str, ...] = ()
    followed: bool = False
    time_column: str | None = None
    participant_labels: tuple[str, ...] = ()
    session_labels: tuple[str, ...] = ()

    @property
    def group_folder(self) -> Path:
        """Where the group's files go."""
        return self.folder or self.output
