"""Rewrite the figures of the model card from the measured results.

    python -m Training.model_card [--results RESULTS.json] [--card MODEL_CARD.md]

The table of figures and the sentence on the error of a single ICV are written; the rest stays.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .change_evaluation import SIDE_NAMES, agreement_of_volumes, other_side_share, share_of_change
from .dataset import STABLE_VIEW_DICE
from .report_tables import is_unstable, table, variation_by_structure

CARD, RESULTS = Path("weights/MODEL_CARD.md"), Path("Docs/validation/results.json")
TITLE, NEXT_PARAGRAPH = "## Figures\n", "\nPlanted changes are simulated"
ICV_ITEM, NEXT_ITEM = "- **ICV of a single head", "\n- "
LINE_WIDTH = 105
PITCHES = ("rotated 8° (pitch)", "rotated −8° (pitch)")


def figure_table(results: dict) -> list[str]:
    """The table of figures, in Markdown.

    Its middle column is what was measured of the weights of version 0.1.0, which are not in this
    repository any more.
    """
    planted, variation = results["planted"], variation_by_structure(results)
    shares = {kind: share_of_change(planted, kind) for kind in ("zoom", "atrophy", *SIDE_NAMES)}
    cv = {name: np.mean(values) for name, values in variation.items()}
    test, crossed = (
        [row for row in results[key] if not is_unstable(row)]
        for key in ("test_hypothalamus", "validation_hypothalamus")
    )
    known = [row for row in crossed if row["stability"] is not None]
    steady, other = (
        [row for row in known if (row["stability"] >= STABLE_VIEW_DICE) == is_steady]
        for is_steady in (True, False)
    )
    moved = np.mean([other_side_share(planted, side) for side in SIDE_NAMES])
    one_side = np.mean([shares[side] for side in SIDE_NAMES])
    scans = len({row["subject"] for row in planted})
    rows = (
        (
            f"share of a planted change that is measured, surroundings zoomed ({scans} scans)",
            "0.81",
            f"{shares['zoom']:.3f}",
        ),
        (
            "the same, hypothalamus changed against fluid: both sides; one side",
            "0.61; –",
            f"{shares['atrophy']:.2f}; {one_side:.2f}",
        ),
        ("change of the other side, share of the planted change", "–", f"{100 * moved:.0f} %"),
        (
            f"repeatability (perturbed copies of {len(variation['icv'])} heads), CV: "
            "hypothalamus; ICV",
            "0.60; 0.15 %",
            f"{cv['hypothalamus_total']:.2f}; {cv['icv']:.2f} %",
        ),
        ("pitch ± 8°", "−1.3 / +1.0 %", _pitch_cell(results)),
        (
            f"Dice with the teacher's labels, {len(test)} test scans",
            "0.928",
            f"{np.mean([row['dice'] for row in test]):.3f}",
        ),
        (
            f"volumes of single scans against their labels, {len(test)} test scans: SD ratio "
            "(measured / label); SD of the errors",
            "0.85; 5.3 %",
            _agreement_cell(test),
        ),
        (
            f"the same, {len(crossed)} scans in cross-validation",
            "0.83; 7.0 %",
            _agreement_cell(crossed),
        ),
        (
            f"of these, {len(steady)} whose label is most stable (teacher's view Dice from "
            f"{STABLE_VIEW_DICE:.2f}); the other {len(other)}",
            "–",
            f"{_agreement_cell(steady)} and {_agreement_cell(other)}",
        ),
    )
    return table(["figure", "version 0.1.0", "these weights"], [list(row) for row in rows])


def write_icv_item(results: dict) -> str:
    """Write the item of the list of limits on the error of a single ICV."""
    crossed, test = (
        np.abs([row["volume_percent"] for row in results[key]])
        for key in ("validation_icv", "test_icv")
    )
    heads = len({row["head"] for row in results["test_icv"]})
    cv = np.mean(variation_by_structure(results)["icv"])
    text = (
        f"{ICV_ITEM} may be 1–3 % off.** In cross-validation, with one network each, the error "
        f"of {len(crossed)} images was {crossed.mean():.1f} % (worst {crossed.max():.1f} %); on "
        f"{len(test)} images of the {heads} test heads, with all networks, {test.mean():.1f} % "
        f"(worst {test.max():.1f} %). The error depends on the head more than on the scan: the CV "
        f"of ICV over perturbed copies of one scan is {cv:.2f} % on average."
    )
    # No line begins with a percent sign.
    text = text.replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.fill(text, LINE_WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return lines.replace("\N{NO-BREAK SPACE}", " ")


def update_figures(card: str, results: dict) -> str:
    """Put the figures of these results into the text of a model card."""
    before, title, rest = card.partition(TITLE)
    after = rest[rest.index(NEXT_PARAGRAPH) :]
    card = before + title + "\n".join(figure_table(results)) + "\n" + after
    before, start, rest = card.partition(ICV_ITEM)
    return (
        before + write_icv_item(results) + rest[(start + rest).index(NEXT_ITEM, 1) - len(start) :]
    )


def _agreement_cell(rows: Sequence[dict]) -> str:
    found = agreement_of_volumes(rows)
    return f"{found['sd_ratio']:.2f}; {found['error_sd_percent']:.1f} %"


def _pitch_cell(results: dict) -> str:
    """Mean change of the hypothalamus in pitched copies."""
    changes = [
        100
        * np.mean(
            [
                rows[pitch]["hypothalamus_total"] / rows["unchanged"]["hypothalamus_total"] - 1
                for rows in results["repeatability"].values()
            ]
        )
        for pitch in PITCHES
    ]
    return " / ".join(f"{change:+.1f}" for change in changes).replace("-", "−") + " %"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.model_card", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--card", type=Path, default=CARD)
    options = parser.parse_args(arguments)
    results = json.loads(options.results.read_text(encoding="utf-8"))
    card = options.card.read_text(encoding="utf-8")
    options.card.write_text(update_figures(card, results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
