"""Report and tables of the comparison of two runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from markupsafe import Markup

from ..group.findings import WARNING, Finding, Topic
from ..number_format import MISSING, format_count, format_signed, interval, number, p_value
from ..report.exhibits import number_exhibits
from ..report.html_parts import (
    Section,
    figure,
    finding_list,
    notice,
    page,
    paragraph,
    table,
    together,
)
from ..report.methods import software_table
from ..structures import ASYMMETRY, Structure
from .agreement import PairAgreement, agreement_of_pairs, are_equal
from .agreement_plot import bland_altman
from .matched_runs import REPORT_NAME, CompareOptions, MatchedBy, MatchedRuns
from .tables import protocols_in_words, values_of_pairs, write_agreement, write_pairs

MOST_ROWS = 50
IN_WORDS = {
    MatchedBy.SCAN: "name of the scan",
    MatchedBy.SESSION: "subject and session",
    MatchedBy.SUBJECT: "subject, the first scan of each run",
}
METHODS = (
    "Differences are B − A. Bias is their mean with its 95 % confidence limits; limits of "
    "agreement are bias ± 1.96 standard deviations, with confidence limits after Bland & Altman "
    "1999. CV is the within-scan coefficient of variation, the root of the mean of half the "
    "squared relative difference; it contains the bias. ICC is that for absolute agreement of "
    "single measurements, ICC(A,1) of McGraw & Wong 1996, with bootstrap limits (BCa, 2000 "
    "samples). Equal spread is the p of a test that A and B vary equally over the scans (Pitman & "
    "Morgan "
    "1939): if it is small, one run is noisier, or exaggerates differences between small and "
    "large volumes; pairs alone cannot tell which. The smallest real "
    "change is 1.96 · √2 · CV, in percent: if the pairs are repeat scans of unchanged people, 95 "
    "of 100 differ by less, and a person whose scans differ by more has changed. If the pairs are "
    "one scan processed twice, it holds for the processing alone, not for two visits."
)


def write_comparison(matched: MatchedRuns, options: CompareOptions, folder: Path) -> None:
    """Write the report with its figures and tables, the table of agreement and that of pairs.

    Parameters
    ----------
    matched : MatchedRuns
    options : CompareOptions
    folder : Path
    """
    measures = values_of_pairs(matched)
    found = {
        structure: agreement_of_pairs(values["a"].to_numpy(), values["b"].to_numpy())
        for structure, values in measures.items()
    }
    write_agreement(found, folder)
    write_pairs(matched, measures, folder)
    with number_exhibits() as exhibits:
        text = _report(matched, options, measures, found)
    exhibits.write(folder, Path(REPORT_NAME).stem)
    (folder / REPORT_NAME).write_text(text, encoding="utf-8")


def _report(
    matched: MatchedRuns,
    options: CompareOptions,
    measures: dict[Structure, pd.DataFrame],
    found: dict[Structure, PairAgreement | None],
) -> str:
    known = {s: agreement for s, agreement in found.items() if agreement is not None}
    sections = [
        Section("short", "In short", _in_short(matched, options, measures, known)),
        Section("agreement", "Agreement", _agreement_table(known)),
        Section("figures", "Bland–Altman figures", _figures(measures, known)),
        Section("largest", "Largest differences", _largest(measures, known)),
        Section("methods", "Methods and software", paragraph(METHODS) + software_table()),
    ]
    subtitle = f"A: {options.run_a.resolve()}; B: {options.run_b.resolve()}"
    return page("Agreement of two runs", subtitle, sections)


def _in_short(
    matched: MatchedRuns,
    options: CompareOptions,
    measures: dict[Structure, pd.DataFrame],
    known: dict[Structure, PairAgreement],
) -> Markup:
    count = format_count(len(matched.names), "pair")
    parts = [paragraph(f"{count} of scans, matched by {IN_WORDS[matched.matched_by]}.")]
    protocols = protocols_in_words(matched)
    if protocols:
        parts.append(
            notice(
                f"The two runs follow different protocols for the hypothalamus ({protocols}). The "
                "difference is mainly that of the protocols and says nothing about repeatability.",
                True,
            )
        )
    if not known:
        parts.append(notice("Fewer than three pairs: no agreement can be estimated.", True))
    for structure, agreement in list(known.items())[:1]:
        values = measures[structure]
        if are_equal(values["a"].to_numpy(), values["b"].to_numpy()):
            text = (
                f"{structure.title}: A and B are equal in all {format_count(agreement.n, 'pair')}. "
                "This "
                "says nothing about repeat scans."
            )
            parts.append(notice(text, lead="Result."))
            continue
        digits = _digits(structure, agreement)
        factor, unit = structure.shown_factor, structure.shown_unit
        limits = interval(agreement.bias_low * factor, agreement.bias_high * factor, digits)
        span = interval(agreement.lower * factor, agreement.upper * factor, digits)
        percent = 100 * agreement.bias / agreement.mean_a
        parts.append(
            notice(
                f"{structure.title}: B differs from A by "
                f"{format_signed(agreement.bias * factor, digits)} "
                f"{unit} on average (95 % CI {limits}; {format_signed(percent, 1)} %); 95 % of "
                f"differences are expected within {span} {unit}. CV "
                f"{number(agreement.cv_percent, 2)} %, ICC {number(agreement.icc, 3)}. If these "
                "are repeat scans, a change in one person is real above "
                f"{number(agreement.smallest_change_percent, 1)} % on.",
                lead="Result.",
            )
        )
    lonely = [
        Finding(WARNING, Topic.RUNS, f"Scans only in {name} ({run})", scans)
        for name, run, scans in (
            ("A", options.run_a, matched.only_a),
            ("B", options.run_b, matched.only_b),
        )
        if scans
    ]
    parts.append(finding_list(lonely))
    return together(parts)


def _agreement_table(known: dict[Structure, PairAgreement]) -> Markup:
    rows = []
    for structure, found in known.items():
        digits, factor = _digits(structure, found), structure.shown_factor
        bias = interval(found.bias_low * factor, found.bias_high * factor, digits)
        limits = interval(found.lower * factor, found.upper * factor, digits)
        is_ratio = structure.kind == ASYMMETRY
        percent = 100 * found.bias / found.mean_a if found.mean_a else float("nan")
        rows.append(
            [
                f"{structure.title}, {structure.shown_unit}",
                str(found.n),
                number(found.mean_a * factor, digits),
                number(found.mean_b * factor, digits),
                f"{format_signed(found.bias * factor, digits)} ({bias})",
                MISSING if is_ratio else format_signed(percent, 1),
                limits,
                MISSING if is_ratio else number(found.cv_percent, 2),
                MISSING if is_ratio else number(found.smallest_change_percent, 1),
                _icc(found),
                p_value(found.equal_spread_p),
            ]
        )
    header = ["Measure", "Pairs", "Mean A", "Mean B", "Bias B − A\n(95 % CI)", "Bias,\n%"]
    header += [
        "Limits of\nagreement",
        "CV,\n%",
        "Smallest real\nchange, %",
        "ICC\n(95 % CI)",
        "Equal\nspread p",
    ]
    return table("See Methods for the meaning of the columns.", header, rows)


def _icc(found: PairAgreement) -> str:
    limits = interval(found.icc_low, found.icc_high, 3)
    return number(found.icc, 3) + (f" ({limits})" if limits != MISSING else "")


def _figures(
    measures: dict[Structure, pd.DataFrame], known: dict[Structure, PairAgreement]
) -> Markup:
    parts = []
    for structure, agreement in known.items():
        factor = structure.shown_factor
        a, b = (measures[structure][side].to_numpy() * factor for side in "ab")
        scaled = agreement_of_pairs(a, b) if factor != 1 else agreement
        digits = _digits(structure, agreement)
        svg = bland_altman(a, b, scaled, structure.title, structure.shown_unit, digits)
        caption = (
            f"{structure.title}: differences against means. Bands: 95 % confidence limits of bias "
            "and limits of agreement."
        )
        parts.append(figure(svg, caption))
    return together(parts)


def _largest(
    measures: dict[Structure, pd.DataFrame], known: dict[Structure, PairAgreement]
) -> Markup:
    rows = []
    for structure, found in known.items():
        if structure.subunit or structure.kind == ASYMMETRY:
            continue
        values = measures[structure]
        difference = values["b"] - values["a"]
        outside = values[(difference < found.lower) | (difference > found.upper)]
        factor, digits = structure.shown_factor, _digits(structure, found)
        for _, pair in outside.iterrows():
            a, b = pair["a"] * factor, pair["b"] * factor
            cells = [number(a, digits), number(b, digits), format_signed(b - a, digits)]
            rows.append([pair["pair"], f"{structure.title}, {structure.shown_unit}", *cells])
    if not rows:
        return paragraph("No pair lies outside the limits of agreement.")
    caption = "Pairs outside the limits of agreement, about 5 % if differences are normal."
    if len(rows) > MOST_ROWS:
        caption += f" The first {MOST_ROWS} of {len(rows)}."
    header = ["Scan", "Measure", "A", "B", "B − A"]
    return table(caption, header, rows[:MOST_ROWS], words=2)


def _digits(structure: Structure, agreement: PairAgreement) -> int:
    """Enough digits for differences that may be far smaller than the volumes."""
    spread = agreement.sd_difference * structure.shown_factor
    return 1 if spread >= 2 or spread == 0 else 2
