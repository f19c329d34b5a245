"""adaptation.html: figures before and after, and each case in pictures. One file, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from HypothalamusSegLib import __version__
from HypothalamusSegLib.results.atomic_files import atomic_files
from torch import nn

from .cases import Case
from .figures import MOST_PROBED, Figures
from .judgement import LEAST_DICE_GAIN, Check
from .label_checks import LabelFinding
from .pictures import case_picture
from .scores import segment_look

MISSING = "–"
KIND_WORDS = {
    "whole": "the whole hypothalamus",
    "sides": "left and right",
    "subunits": "the ten subunits",
}


def write_page(
    path: Path,
    name: str,
    cases: Sequence[Case],
    memory: Sequence[Case],
    findings: Sequence[LabelFinding],
    figures: Figures,
    before: Sequence[nn.Module],
    after: Sequence[nn.Module],
    manifest: Path | None,
) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
    name : str
        Of the protocol.
    cases, memory : sequence of Case
    findings : sequence of LabelFinding
    figures : Figures
        Of the cases, in their order.
    before, after : sequence of Module
        The five folds.
    manifest : Path or None
        Of the weights, if they were written.

    Raises
    ------
    NoSpaceLeftError, PermissionDeniedError
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Not by the package's name: in Slicer it has another.
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    rows = [
        {
            "found": found,
            "picture": case_picture(
                case,
                segment_look(case.look, [before[case.part]]),
                segment_look(case.look, [after[case.part]]),
            ),
        }
        for case, found in zip(cases, figures.cases, strict=True)
    ]
    text = environment.get_template("adaptation.html").render(
        name=name,
        version=__version__,
        figures=figures,
        rows=rows,
        summary=summary_rows(figures),
        checks=[(check.title, check_sentence(check), check.is_passed) for check in figures.checks],
        findings=findings,
        verdict=verdict(figures, manifest is not None),
        kind=KIND_WORDS[cases[0].kind],
        memory_count=len(memory),
        probed_count=min(len(cases), MOST_PROBED),
    )
    with atomic_files(path.parent) as stage:
        (stage / path.name).write_text(text, encoding="utf-8")


def verdict(figures: Figures, is_written: bool) -> str:
    """Whether adaptation has helped, in a sentence or two.

    Examples
    --------
    >>> from .figures import CaseFigures, summarise
    >>> from .scores import CaseScore
    >>> score = CaseScore(0.9, 800.0, 800.0)
    >>> verdict(summarise([CaseFigures("a", 0, score, score)] * 5), False).split(".")[0]
    'Adaptation has not helped: Dice changed by +0'
    """
    words = " ".join(
        map(check_sentence, figures.checks[:1] if figures.has_helped else figures.failed)
    )
    if figures.has_helped:
        return f"Adaptation has helped: {words} Nothing that was measured has become worse."
    kept = (
        "The weights were written because --write-anyway asked for them."
        if is_written
        else "No weights were written. Use the published ones, draw more cases, or look at the "
        "pictures below for cases that are drawn differently from the others."
    )
    return f"Adaptation has not helped: {words} {kept}"


def check_sentence(check: Check) -> str:
    """Result of a check, and what it required."""
    unit = f" {check.unit}" if check.unit else ""
    if check.code == "dice":
        found = (
            f"Dice changed by {0 - check.loss:+.3f} (95 % limit: more than {0 - check.limit:+.3f})"
        )
        asked = f"at least +{LEAST_DICE_GAIN}, confidently above 0, is required"
        return f"{found}." if check.is_passed else f"{found}; {asked}."
    digits = 1 if check.unit else 2
    found = f"{check.title}: the error changed by {check.loss:+.{digits}f}{unit}"
    if check.limit <= 0:
        found += " and has confidently not increased"
    elif not math.isnan(check.limit):
        found += f" and may have increased by {check.limit:.{digits}f}{unit}"
    return found + ("." if check.is_passed else f"; less than {check.margin:g}{unit} is required.")


def summary_rows(figures: Figures) -> list[tuple[str, str, str]]:
    """Measure, before, after: as the page and the command line show them."""
    before, after = figures.before, figures.after

    def share(value: float | None) -> str:
        return MISSING if value is None else f"{value:.2f}"

    def percent(value: float | None) -> str:
        return MISSING if value is None else f"{value:.2f} %"

    return [
        ("Dice", f"{before.dice:.3f}", f"{after.dice:.3f}"),
        ("Volume, signed", f"{before.volume_percent:+.1f} %", f"{after.volume_percent:+.1f} %"),
        (
            "Error of a single scan, SD",
            f"{before.error_sd_percent:.1f} %",
            f"{after.error_sd_percent:.1f} %",
        ),
        (
            "Share of a planted change",
            share(before.planted_share),
            share(after.planted_share),
        ),
        (
            "Difference of a turned head",
            percent(before.turn_percent),
            percent(after.turn_percent),
        ),
    ]
