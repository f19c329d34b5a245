"""Join finished scans with participants.tsv, and write group_volumes.tsv.

Of several scans in one session the first by name is used; of several sessions the first in time
(or by name) enters the comparison of groups, all enter the longitudinal analysis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

import pandas as pd

from ..structures import VOLUME, adjusted_column, with_volume
from ..tables import write_table
from .errors import NoResultsError, SameImageError
from .findings import LISTED_IN_A_LINE, NOTE, WARNING, Finding, Topic
from .icv_adjustment import ADJUSTMENTS
from .outliers import reasons_in_words
from .participants_table import Participants

VOLUME_DIGITS, RATIO_DIGITS = 3, 6


@dataclass(frozen=True)
class GroupTable:
    """The scans that an analysis may use.

    Attributes
    ----------
    scans : DataFrame
        One row per subject and session; the columns of the results and of participants.tsv.
    described : tuple of str
        The columns that came from participants.tsv, under the names they have here.
    findings : tuple of Finding
    """

    scans: pd.DataFrame
    described: tuple[str, ...]
    findings: tuple[Finding, ...]


def join(
    results: pd.DataFrame,
    participants: Participants | None,
    folder: Path,
    rejected: frozenset[str] = frozenset(),
) -> GroupTable:
    """Match scans and participants, and list what does not match.

    Parameters
    ----------
    results : DataFrame
        From `Cohort.index.results_table.read_results`.
    participants : Participants or None
    folder : Path
        Where the results come from, for messages.
    rejected : frozenset of str
        Participants who have no scan here since a review rejected it.

    Raises
    ------
    NoResultsError
        If there is no finished scan.
    SameImageError
        If two subjects or sessions have the same image.
    """
    if results.empty:
        raise NoResultsError(
            f"{folder} holds no finished scan. Run the participant level first: "
            f"hypothalamus-seg cohort BIDS_DIR {folder} participant"
        )
    findings = list(participants.findings) if participants else []
    scans = _one_a_session(results, findings)
    refuse_same_images(scans)
    described: tuple[str, ...] = ()
    if participants is not None:
        scans, described = _match_participants(scans, participants, findings, rejected)
    return GroupTable(scans, described, tuple(findings))


def first_sessions(scans: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """One row per subject: the earliest session by ``years``, or the first by name.

    By name if a session of the subject has no time: it may be the earliest, and a later one must
    not replace it unnoticed.

    Parameters
    ----------
    scans : DataFrame
        In the order of their names.
    """
    subjects = scans["participant_id"]
    has_undated = scans["years"].isna().groupby(subjects).transform("any")
    order = scans.assign(years=scans["years"].mask(has_undated)).sort_values(
        "years", kind="stable", na_position="last"
    )
    first = scans.loc[order.drop_duplicates("participant_id", keep="first").index].sort_index()
    later = scans.index.difference(first.index)
    findings = []
    is_dated = scans["years"].notna().groupby(subjects).any()
    undated = first[first["years"].isna() & first["participant_id"].map(is_dated)]
    if len(undated):
        text = (
            "The first session by name has no time although a later one has. It is still compared "
            "as the first session, and is left out of the change over time"
        )
        findings.append(Finding(WARNING, Topic.MATCHING, text, tuple(undated["scan"])))
    if len(later):
        text = (
            f"{len(later)} later sessions are left out of the group comparison, which uses each "
            "subject's first session"
        )
        findings.append(Finding(NOTE, Topic.MATCHING, text, tuple(scans.loc[later, "scan"])))
    return first.reset_index(drop=True), findings


def write_group_volumes(table: pd.DataFrame, described: tuple[str, ...], path: Path) -> list[Path]:
    """Write one row per scan as tab-separated text, and a JSON file that explains the columns."""
    # BIDS requires the participant first. The input's folder would reveal paths of this machine.
    first = [name for name in ("participant_id", "session_id", "scan") if name in table]
    table = table[[*first, *table.columns.difference(first, sort=False)]]
    table = table.drop(columns=["flag_messages", "input_sha256"], errors="ignore")
    if "input" in table:
        table = table.assign(input=table["input"].map(lambda path: PurePath(path).name))
    in_words = table["listed"].map(reasons_in_words)
    # BIDS has no empty cells.
    written = table.assign(listed=in_words).replace({"": None})
    meanings = _volume_columns()
    for column in written.columns[[d.kind == "f" for d in written.dtypes]]:
        digits = VOLUME_DIGITS if column in meanings else RATIO_DIGITS
        written[column] = written[column].round(digits)
    explained = {
        column: {"Description": "As in participants.tsv"}
        if column in described
        else meanings.get(column, {"Description": COLUMN_DESCRIPTIONS.get(column, column)})
        for column in table.columns
    }
    return write_table(written, path, explained)


def refuse_same_images(scans: pd.DataFrame) -> None:
    """Refuse a table in which one image stands for two subjects or sessions.

    It would count twice, or show a change of exactly 0; it is unclear whose image it is.

    Raises
    ------
    SameImageError
        Names all scans whose images have the same SHA-256.
    """
    if "input_sha256" not in scans:
        return
    known = scans[scans["input_sha256"].fillna("") != ""]
    same = known[known.duplicated("input_sha256", keep=False)]
    if same.empty:
        return
    pairs = [" = ".join(group["scan"]) for _, group in same.groupby("input_sha256", sort=False)]
    shown = "; ".join(pairs[:LISTED_IN_A_LINE])
    more = f"; and {len(pairs) - LISTED_IN_A_LINE} more" if len(pairs) > LISTED_IN_A_LINE else ""
    raise SameImageError(
        f"The same image (SHA-256) stands for different subjects or sessions: {shown}{more}. "
        "Correct the data set and run the participant level again, or reject the wrong ones with "
        "--review FILE."
    )


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """A sorting key that puts ses-2 before ses-10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def _one_a_session(results: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    results = results.reset_index(drop=True)
    results["session_id"] = results["session_id"].fillna("")
    keys = ["participant_id", "session_id", "scan"]
    order = sorted(results.index, key=lambda i: [natural_order(results.at[i, k]) for k in keys])
    results = results.loc[order].reset_index(drop=True)
    repeated = results.duplicated(["participant_id", "session_id"], keep="first")
    if repeated.any():
        findings.append(
            Finding(
                NOTE,
                Topic.MATCHING,
                "If a session has several scans of a subject, the first by name is used. These "
                "are not used",
                tuple(results.loc[repeated, "scan"]),
            )
        )
    return results[~repeated].reset_index(drop=True)


def _match_participants(
    scans: pd.DataFrame,
    participants: Participants,
    findings: list[Finding],
    rejected: frozenset[str],
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    table, keys = participants.frame, participants.keys
    renamed = {c: f"{c}_participants" for c in participants.columns if c in scans}
    if renamed:
        findings.append(
            Finding(
                NOTE,
                Topic.MATCHING,
                "Columns of participants.tsv that share a name with a result get the suffix "
                "_participants in group_volumes.tsv",
                tuple(renamed),
            )
        )
    joined = scans.merge(table.rename(columns=renamed), on=keys, how="left", indicator=True)
    unmatched = joined["_merge"] == "left_only"
    if unmatched.any():
        findings.append(
            Finding(
                WARNING,
                Topic.MATCHING,
                f"Scans without a row in {participants.path.name} are described, but are in no "
                "model",
                tuple(joined.loc[unmatched, "scan"]),
            )
        )
    seen = set(map(tuple, scans[keys].to_numpy()))
    absent = [
        row
        for row in map(tuple, table[keys].to_numpy())
        if row not in seen and row[0] not in rejected
    ]
    if absent:
        findings.append(
            Finding(
                WARNING,
                Topic.MATCHING,
                f"Participants in {participants.path.name} without a finished scan",
                tuple(" ".join(filter(None, row)) for row in absent),
            )
        )
    columns = tuple(renamed.get(c, c) for c in participants.columns)
    return joined.drop(columns="_merge"), columns


def _volume_columns() -> dict[str, dict[str, str]]:
    """Every column of a volume, measured or adjusted for ICV, with its explanation."""
    explained = {}
    for structure in with_volume():
        explained[structure.column] = f"Volume of {structure.name}, posterior-weighted"
        for method in ADJUSTMENTS if structure.kind == VOLUME else ():
            explained[adjusted_column(structure, method)] = (
                f"{structure.name} adjusted for intracranial volume ({method}), at the mean "
                "intracranial volume of the controls"
            )
    return {column: {"Description": text, "Units": "mm^3"} for column, text in explained.items()}


COLUMN_DESCRIPTIONS = {
    "participant_id": "Subject",
    "session_id": "Session; n/a if the data set has none",
    "scan": "Beginning of the names of the scan's result files",
    "input": "The T1-weighted image",
    "overview": "Overview picture, relative to this folder",
    "asymmetry_index": "(left - right) / mean of both; positive: left is larger",
    "segmentation_protocol": "Protocol of the hypothalamic outlines",
    "fold_dice": "Dice of each network's result with their mean, averaged over the networks",
    "confidence": "Mean posterior inside the hypothalamus, 0 to 1",
    "place_confidence": "Confidence in the position of the hypothalamus, 0 to 1",
    "flags": "Quality flags, separated by semicolons; n/a: none",
    "robust_z": "Robust z of the scan's most extreme measure; listed beyond 3.5",
    "robust_z_of": "The measure that robust_z belongs to",
    "robust_z_total": "Robust z of the total volume",
    "listed": "Why the scan is listed for review, separated by semicolons; n/a: it is not",
    "years": "Time since the subject's first session, in years",
}
