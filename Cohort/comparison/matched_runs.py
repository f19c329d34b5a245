"""Which scans of two runs are pairs."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class MatchedRuns:
    """Pairs of scans.

    Attributes
    ----------
    pairs : DataFrame
        One row a pair: ``pair`` (its name) and each column of the results with _a and _b.
    matched_by : str
        In words.
    only_a, only_b : tuple of str
        Scans without a partner.
    """

    pairs: pd.DataFrame
    matched_by: str
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def match_runs(a: pd.DataFrame, b: pd.DataFrame, options: CompareOptions) -> MatchedRuns:
    """Pair the scans of two runs by name; where none is common by subject and session, or subject.

    Raises
    ------
    RunsDoNotMatchError
        If none of them finds a pair.
    """
    for keys, words in (
        (["scan"], "name of the scan"),
        (["participant_id", "session_id"], "subject and session"),
        (["participant_id"], "subject, the first scan of each run"),
    ):
        firsts = [t.sort_values("scan").drop_duplicates(keys, keep="first") for t in (a, b)]
        names = [table[keys].agg(" ".join, axis=1).str.strip() for table in firsts]
        left, right = (t.assign(pair=n) for t, n in zip(firsts, names, strict=True))
        pairs = left.merge(right, on="pair", suffixes=("_a", "_b")).sort_values("pair")
        if len(pairs):
            only_a = a.loc[~a["scan"].isin(pairs["scan_a"]), "scan"]
            only_b = b.loc[~b["scan"].isin(pairs["scan_b"]), "scan"]
            return MatchedRuns(pairs.reset_index(drop=True), words, tuple(only_a), tuple(only_b))
    raise RunsDoNotMatchError(
        f"{options.run_a} and {options.run_b} have no scan and no subject in common (for example "
        f"{a['scan'].iloc[0]} and {b['scan'].iloc[0]}). Compare two runs over the same data set."
    )
