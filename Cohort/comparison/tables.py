"""Tables of the comparison of two runs: agreement by structure, and the pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from ..structures import ASYMMETRY, Structure, measured_structures
from ..tables import describe_columns, write_table
from .agreement import PairAgreement
from .matched_runs import AGREEMENT_NAME, SCANS_NAME, MatchedRuns

FLOAT_FORMAT = "%.6g"
PROTOCOL = "segmentation_protocol"
COLUMNS = {
    "structure": "Measure",
    "unit": "Unit of means, bias and limits",
    "n": "Pairs",
    "mean_a": "Mean of run A",
    "mean_b": "Mean of run B",
    "bias": "Mean of B - A",
    "bias_low": "Lower 95 % confidence limit of the bias",
    "bias_high": "Upper 95 % confidence limit of the bias",
    "sd_difference": "Standard deviation of B - A",
    "lower": "Lower limit of agreement, bias - 1.96 SD",
    "lower_low": "Its lower 95 % confidence limit",
    "lower_high": "Its upper 95 % confidence limit",
    "upper": "Upper limit of agreement, bias + 1.96 SD",
    "upper_low": "Its lower 95 % confidence limit",
    "upper_high": "Its upper 95 % confidence limit",
    "cv_percent": "Within-scan coefficient of variation, percent",
    "icc": "Intraclass correlation ICC(A,1), absolute agreement",
    "icc_low": "Its lower 95 % confidence limit (bootstrap)",
    "icc_high": "Its upper 95 % confidence limit (bootstrap)",
    "equal_spread_p": "p of equal spread of A and B over the scans (Pitman-Morgan)",
    "smallest_change_percent": "Smallest change between two scans of one person that can be "
    "called real, given the repeatability of the pairs: 1.96 * sqrt(2) * CV, percent of their mean",
}


def values_of_pairs(matched: MatchedRuns) -> dict[Structure, pd.DataFrame]:
    """Collect the values of both runs (``a`` and ``b``), by structure that both have measured."""
    return {structure: _pair_values(matched, structure) for structure in _common(matched)}


def write_agreement(found: Mapping[Structure, PairAgreement | None], folder: Path) -> None:
    """Write compare_agreement.tsv: one row per structure with enough pairs."""
    rows = []
    for structure, agreement in found.items():
        if agreement is not None:
            row = {"structure": structure.name, "unit": structure.table_unit, **asdict(agreement)}
            row["smallest_change_percent"] = agreement.smallest_change_percent
            if structure.kind == ASYMMETRY:
                # Relative to a mean near 0 a difference means nothing.
                row["cv_percent"] = row["smallest_change_percent"] = float("nan")
            rows.append(row)
    results = pd.DataFrame(rows, columns=list(COLUMNS))
    write_table(results, folder / AGREEMENT_NAME, describe_columns(COLUMNS), FLOAT_FORMAT)


def write_pairs(matched: MatchedRuns, structures: Iterable[Structure], folder: Path) -> None:
    """Write compare_scans.tsv: one row per pair."""
    pairs = _pairs_table(matched, structures)
    write_table(pairs, folder / SCANS_NAME, float_format=FLOAT_FORMAT)


def _common(matched: MatchedRuns) -> tuple[Structure, ...]:
    in_b = measured_structures(matched.b)
    return tuple(structure for structure in measured_structures(matched.a) if structure in in_b)


def _pair_values(matched: MatchedRuns, structure: Structure) -> pd.DataFrame:
    a, b = matched.a[structure.column], matched.b[structure.column]
    return pd.DataFrame({"pair": matched.names, "a": a, "b": b}).dropna()


def _pairs_table(matched: MatchedRuns, structures: Iterable[Structure]) -> pd.DataFrame:
    columns = {"pair": matched.names}
    if protocols_in_words(matched):
        columns |= {"protocol_a": matched.a[PROTOCOL], "protocol_b": matched.b[PROTOCOL]}
    for structure in structures:
        a, b = matched.a[structure.column], matched.b[structure.column]
        columns |= {
            f"{structure.column}_a": a,
            f"{structure.column}_b": b,
            f"{structure.column}_b_minus_a": b - a,
        }
    return pd.DataFrame(columns)


def protocols_in_words(matched: MatchedRuns) -> str:
    """Name the protocols of the runs if they differ; otherwise empty."""
    if not (PROTOCOL in matched.a and PROTOCOL in matched.b):
        return ""
    names = [", ".join(sorted(set(run[PROTOCOL]))) for run in (matched.a, matched.b)]
    return "" if names[0] == names[1] else f"A: {names[0]}; B: {names[1]}"
