"""Change over time from volumes that were measured in one frame for all sessions of a subject.

The follow level (`Cohort.follow_up`) writes them. The models are those of the single runs, and both
are reported. ICV and all other values of a scan stay as they are.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..index.followed_volumes import read_followed_volumes
from ..structures import with_volume
from .contrast import Contrast
from .covariates import Covariate
from .findings import NOTE, WARNING, Finding, Topic
from .longitudinal import Longitudinal, analyse_change

FOLLOWED = "measured in one frame"
KEYS = ["participant_id", "session_id", "scan"]


def analyse_followed(
    scans: pd.DataFrame,
    output: Path,
    contrast: Contrast | None,
    covariates: tuple[Covariate, ...],
) -> tuple[Longitudinal, list[Finding]]:
    """Annualized changes and models of the followed volumes.

    Parameters
    ----------
    scans : DataFrame
        As for `Cohort.group.longitudinal.analyse_change`, with the volumes of single runs.
    output : Path
        Root of the derivatives.
    contrast : Contrast or None
    covariates : tuple of Covariate

    Returns
    -------
    Longitudinal
    list of Finding
        Who is not in it, and why.

    Raises
    ------
    FollowedVolumesError
        If the follow level has not run.
    """
    followed = read_followed_volumes(output)
    severe = followed["severe"].astype(str).str.lower() == "true"
    findings = []
    if severe.any():
        text = (
            "Sessions of these subjects cannot be compared (see their page in the folder follow); "
            "they are left out of the change measured in one frame"
        )
        names = tuple(sorted(set(followed.loc[severe, "participant_id"])))
        findings.append(Finding(WARNING, Topic.SESSION_TIMES, text, names))
    volumes = [s.column for s in with_volume() if s.column in followed and s.column in scans]
    replaced = scans.drop(columns=volumes).merge(
        followed.loc[~severe, [*KEYS, *volumes]], on=KEYS, how="inner"
    )
    several = scans["participant_id"].duplicated(keep=False)
    missing = scans[several & ~scans["participant_id"].isin(followed["participant_id"])]
    if len(missing):
        text = "Subjects with several sessions who were not followed: run the follow level again"
        names = tuple(sorted(set(missing["participant_id"])))
        findings.append(Finding(NOTE, Topic.SESSION_TIMES, text, names))
    return analyse_change(replaced, contrast, covariates, FOLLOWED), findings
