"""Write Docs/VALIDATION.md and its figures from the measured results."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import error_bars
from .change_report import planted_section, volumes_section
from .cohort_figures import write_cohort_figures
from .follow_report import FOLLOW
from .icv_report import ICV_SETS, icv_section
from .real_head_report import REAL_HEADS
from .repeatability_report import repeatability_section
from .report_annexes import PAGE
from .report_figures import draw_agreement, draw_learning_curves
from .report_tables import (
    UNSTABLE_VIEW_DICE,
    coefficients_of_variation,
    is_unstable,
    number,
    table,
    variation_by_structure,
)
from .ruin_report import RUIN

QUALITY_MEASURES = (
    ("fold_agreement", "fold agreement (Dice)"),
    ("confidence", "confidence"),
    ("place_confidence", "place confidence"),
)
HYPOTHALAMUS_COLUMNS = (
    ("dice", "Dice", "{:.3f}"),
    ("subunit_dice", "subunit Dice", "{:.3f}"),
    ("hausdorff95_mm", "HD95 mm", "{:.2f}"),
    ("surface_distance_mm", "surface mm", "{:.2f}"),
    ("mask_volume_percent", "mask volume %", "{:+.1f}"),
    ("posterior_volume_percent", "posterior volume %", "{:+.1f}"),
)


def write(results: dict, runs: Path, docs: Path) -> None:
    """Write the figures and the page; a section is written only if something was measured."""
    figures = docs / "validation"
    curves = draw_learning_curves(runs, figures / "learning_curves.png")
    sections = [_head(results)]
    sections += [section for section in (planted_section(results),) if section]
    if results["test_hypothalamus"] or results["validation_hypothalamus"]:
        if results["test_hypothalamus"]:
            draw_agreement(results, figures / "agreement.png")
        sections.append(_hypothalamus_section(results))
        sections += [section for section in (volumes_section(results),) if section]
    if results["test_hypothalamus"]:
        sections.append(_quality_section(results))
    if any(results[key] for _, key in ICV_SETS):
        sections.append(icv_section(results))
    sections.append(error_bars.section(results, variation_by_structure(results)))
    if results["repeatability"]:
        sections.append(repeatability_section(results))
    if "hypothalamus" in results["structures"]:
        sections.append(_augmentation_section(results))
    sections.append(_training_section(results, curves))
    page = "\n".join(sections)
    for annex in (REAL_HEADS, RUIN, FOLLOW):
        page = annex.within(page, annex.read(docs))
    (docs / PAGE).write_text(page, encoding="utf-8")
    write_cohort_figures(results, docs.parent)


def _head(results: dict) -> str:
    extent = results["extent"]
    paragraphs = [
        "# Validation",
        f"""Made by `python -m Training.evaluate --scans … --heads …`; do not edit it by hand.
Machine: {results["machine"]}. The measured numbers of each table are in
[validation/results.json](validation/results.json).""",
        f"**What the scores mean.** {_meaning_of_labels(results)}",
        """Signed differences are measured − label. "Mask" compares voxel counts on the label's
grid. "Posterior" compares the engine's posterior-weighted volume with the sum of the label's
posteriors.""",
    ]
    if results["test_icv"] or results["validation_icv"]:
        paragraphs.append(
            f"""The ICV labels of label heads are exact, but their images are generated:
{extent["renders_per_head"]} per head, at {extent["render_spacing_mm"]:g} mm."""
        )
    if extent["perturbations"] is not None:
        paragraphs.append("**A quick look** (`--quick`): too little was measured to be reliable.")
    return "\n\n".join(paragraphs) + "\n"


def _meaning_of_labels(results: dict) -> str:
    rows = results["test_hypothalamus"] + results["validation_hypothalamus"]
    if not any(row["stability"] is not None for row in rows):
        return "A score is agreement with the labels of the data set, not with the truth."
    return f"""The hypothalamus labels are the posteriors of a published network (Billot
et al. 2020), averaged over twelve views. A score against them is agreement with that teacher, not
with a rater. A single view of the teacher agrees with its own mean with a Dice of 0.927. Scans
where this Dice is below {UNSTABLE_VIEW_DICE:.2f} are listed separately."""


def _hypothalamus_section(results: dict) -> str:
    test = results["test_hypothalamus"]
    lines = []
    if test:
        lines += ["## Hypothalamus, test split (never trained on, mean of the folds)", ""]
        lines += _group_table(test, results)
        lines += ["", "![Dice and volume difference](validation/agreement.png)", ""]
        lines += ["### Scan by scan", ""]
        lines += table(
            ["scan", "teacher's view Dice", *(name for _, name, _ in HYPOTHALAMUS_COLUMNS)],
            [[row["subject"], number(row["stability"], "{:.3f}"), *_cells(row)] for row in test],
        )
        lines += [""]
    lines += ["## Hypothalamus, cross-validation (each fold alone on its own scans)", ""]
    lines += _group_table(results["validation_hypothalamus"], results)
    lines += [""]
    return "\n".join(lines)


def _group_table(rows: list[dict], results: dict) -> list[str]:
    stable = [row for row in rows if not is_unstable(row)]
    groups = {"all with a stable label": stable}
    for whole, name in ((False, "skull-stripped by the publisher"), (True, "whole heads")):
        groups[name] = [row for row in stable if results["skull"][row["subject"]] == whole]
    groups["unstable label (teacher fails)"] = [row for row in rows if is_unstable(row)]
    body = []
    for name, members in groups.items():
        if members:
            swapped = sum(row["swapped"] for row in members)
            empty = sum(row["dice"] == 0 for row in members)
            body.append([name, str(len(members)), *_mean_cells(members), f"{swapped} / {empty}"])
    header = ["scans", "n", *(name for _, name, _ in HYPOTHALAMUS_COLUMNS), "swapped / missed"]
    return table(header, body)


def _quality_section(results: dict) -> str:
    """What the limits of the quality flags are based on."""
    lines = [
        "## Limits of the quality flags",
        "",
        "Measured on the test split (all folds). The limits are set below the lowest scan with a "
        "stable label.",
        "",
    ]
    body = []
    for name, unstable in (("stable label", False), ("unstable label", True)):
        rows = [row for row in results["test_hypothalamus"] if is_unstable(row) == unstable]
        if rows:
            cells = []
            for key, _ in QUALITY_MEASURES:
                values = [row[key] for row in rows]
                cells.append(f"{min(values):.3f} / {np.median(values):.3f}")
            body.append([name, str(len(rows)), *cells])
    header = ["scans", "n", *(f"{name}: lowest / median" for _, name in QUALITY_MEASURES)]
    return "\n".join([*lines, *table(header, body), ""])


def _augmentation_section(results: dict) -> str:
    compared = results["augmentation"]
    lines = ["## With and without augmentation (fold 0 alone)", ""]
    if compared is None:
        return "\n".join([*lines, "Not measured for these weights.", ""])
    body = []
    for name, found in compared.items():
        rows = [row for row in found["test"] if not is_unstable(row)]
        spread = coefficients_of_variation(found["repeatability"])["hypothalamus_total"]
        body.append([name, str(len(rows)), *_mean_cells(rows), f"{spread:.2f}"])
    header = ["training", "n", *(name for _, name, _ in HYPOTHALAMUS_COLUMNS), "CV % (one head)"]
    lines += [
        "The paper trains without augmentation. Network, scans and number of steps are the same. "
        "The plain run sees each training region unchanged.",
        "",
        *table(header, body),
        "",
    ]
    return "\n".join(lines)


def _training_section(results: dict, curves: bool) -> str:
    lines = ["## Training", ""]
    body = []
    for structure, plan in results["manifest"]["structures"].items():
        for fold in plan["folds"]:
            best = fold["validation"]
            body.append(
                [
                    f"{structure} fold {fold['fold']}",
                    str(fold["plan"]["steps"]),
                    f"{fold['training_seconds'] / 60:.0f}",
                    "earlier weights" if fold["plan"].get("start") else "random",
                    str(best["step"]),
                    number(best["dice"], "{:.4f}"),
                    number(best["volume_percent"], "{:+.2f}"),
                ]
            )
    lines += table(
        [
            "network",
            "steps",
            "minutes",
            "started from",
            "best step",
            "validation Dice",
            "validation volume %",
        ],
        body,
    )
    if curves:
        lines += ["", "![Learning curves](validation/learning_curves.png)"]
    test = {
        kind: [name for name, part in parts.items() if part == "test"]
        for kind, parts in results["parts"].items()
    }
    lines += ["", "Test split, never seen in training or in the choice of weights:"]
    lines += [f"- {kind}: {', '.join(names) or 'none'}" for kind, names in test.items()]
    return "\n".join([*lines, ""])


def _cells(row: dict) -> list[str]:
    return [form.format(row[key]) for key, _, form in HYPOTHALAMUS_COLUMNS]


def _mean_cells(rows: list[dict]) -> list[str]:
    means = {key: float(np.mean([row[key] for row in rows])) for key, _, _ in HYPOTHALAMUS_COLUMNS}
    return _cells(means)
