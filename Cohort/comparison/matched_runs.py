"""Which scans of two runs are pairs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from ..group.errors import RunsDoNotMatchError

if TYPE_CHECKING:
    import pandas as pd

REPORT_NAME, AGREEMENT_NAME = "compare_report.html", "compare_agreement.tsv"
SCANS_NAME = "compare_scans.tsv"


@dataclass(frozen=True)
class CompareOptions:
    """The two folders that the participant level wrote to, and where the comparison goes."""

    run_a: Path
    run_b: Path
    output: Path


class MatchedBy(Enum):
    """What the two scans of a pair have in common: these columns of the results."""

    SCAN = ("scan",)
    SESSION = ("participant_id", "session_id")
    SUBJECT = ("participant_id",)


@dataclass(frozen=True)
class MatchedRuns:
    """Pairs of scans.

    Attributes
    ----------
    names : Series of str
        One for each pair.
    a, b : DataFrame
        The results of the two runs, one row per pair, in the order of ``names``.
    matched_by : MatchedBy
    only_a, only_b : tuple of str
        Scans without a partner.
    """

    names: pd.Series
    a: pd.DataFrame
    b: pd.DataFrame
    matched_by: MatchedBy
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def match_runs(a: pd.DataFrame, b: pd.DataFrame, options: CompareOptions) -> MatchedRuns:
    """Pair the scans of two runs by name, else by subject and session, else by subject.

    Raises
    ------
    RunsDoNotMatchError
        If none of them finds a pair.
    """
    for matched_by in MatchedBy:
        keys = list(matched_by.value)
        firsts = [t.sort_values("scan").drop_duplicates(keys, keep="first") for t in (a, b)]
        names = [table[keys].agg(" ".join, axis=1).str.strip() for table in firsts]
        rows = [
            name.rename("pair").reset_index(drop=True).rename_axis("row").reset_index()
            for name in names
        ]
        pairs = rows[0].merge(rows[1], on="pair", suffixes=("_a", "_b")).sort_values("pair")
        if len(pairs):
            paired_a = firsts[0].iloc[pairs["row_a"]].reset_index(drop=True)
            paired_b = firsts[1].iloc[pairs["row_b"]].reset_index(drop=True)
            only_a = a.loc[~a["scan"].isin(paired_a["scan"]), "scan"]
            only_b = b.loc[~b["scan"].isin(paired_b["scan"]), "scan"]
            pair_names = pairs["pair"].reset_index(drop=True)
            only = (tuple(only_a), tuple(only_b))
            return MatchedRuns(pair_names, paired_a, paired_b, matched_by, *only)
    raise RunsDoNotMatchError(
        f"{options.run_a} and {options.run_b} have no scan and no subject in common (for example "
        f"{a['scan'].iloc[0]} and {b['scan'].iloc[0]}). Compare two runs over the same data set."
    )
