"""Flow of the participants from the data set to the analysis, as STROBE requires.

Every participant is counted once, where the flow ends: without a scan, failed, rejected, left out
of the models, or analyzed.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .contrast import Contrast
from .participants_table import Participants

FOUND, ANALYSED = "found", "analysed"
UNKNOWN_GROUP = "no group"


@dataclass(frozen=True)
class FlowStep:
    """Participants whose flow ends at the same point.

    Attributes
    ----------
    what : str
    counts : dict
        Group to number of participants.
    participants : tuple of str
    """

    what: str
    counts: dict[str, int]
    participants: tuple[str, ...]


def participants_flow(
    results: pd.DataFrame,
    failures: pd.DataFrame,
    rejected: dict[str, str],
    participants: Participants | None,
    sample: pd.DataFrame,
    contrast: Contrast | None,
) -> list[FlowStep]:
    """Count participants by where their flow ends.

    Parameters
    ----------
    results : DataFrame
        All finished scans, also rejected ones.
    failures : DataFrame
        ``participant_id``, ``scan`` and ``code`` of failed ones.
    rejected : dict
        Scan to who rejected it.
    participants : Participants or None
    sample : DataFrame
        The scans of the models, one a subject.
    contrast : Contrast or None

    Returns
    -------
    list of FlowStep
        First everyone who was found, then each end with its reason, last those analyzed.
    """
    listed = [] if participants is None else participants.frame["participant_id"].tolist()
    everyone = sorted({*listed, *results["participant_id"], *failures["participant_id"]})
    groups = _groups(participants, contrast)
    ends = dict.fromkeys(listed, "listed in participants.tsv, no scan")
    for row in failures.to_dict("records"):
        ends[row["participant_id"]] = f"segmentation failed ({row['code'] or 'unknown reason'})"
    for subject, scans in results.groupby("participant_id")["scan"]:
        by = dict.fromkeys(rejected[scan] for scan in scans if scan in rejected)
        if all(scan in rejected for scan in scans):
            ends[subject] = f"rejected in review by {', '.join(by)}"
        elif participants is not None and subject not in set(listed):
            ends[subject] = "no row in participants.tsv"
        elif contrast is not None and groups.get(subject) not in _levels(contrast):
            ends[subject] = "in neither group"
        else:
            ends[subject] = "a covariate is missing, or no one else shares its category"
    ends.update(dict.fromkeys(sample["participant_id"], ANALYSED))
    steps = [_step(FOUND, everyone, groups)]
    reasons = sorted({*ends.values()} - {ANALYSED})
    for reason in (*reasons, ANALYSED):
        members = [subject for subject in everyone if ends[subject] == reason]
        steps.append(_step(reason, members, groups))
    return steps


def _levels(contrast: Contrast) -> tuple[str, str]:
    return contrast.level_a, contrast.level_b


def _groups(participants: Participants | None, contrast: Contrast | None) -> dict[str, str]:
    if participants is None or contrast is None:
        return {}
    known = participants.frame.dropna(subset=[contrast.column]).drop_duplicates("participant_id")
    return dict(zip(known["participant_id"], known[contrast.column], strict=True))


def _step(what: str, members: list[str], groups: dict[str, str]) -> FlowStep:
    counts: dict[str, int] = {}
    for subject in members:
        group = groups.get(subject, UNKNOWN_GROUP)
        counts[group] = counts.get(group, 0) + 1
    return FlowStep(what, counts, tuple(members))
