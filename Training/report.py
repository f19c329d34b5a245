"""Write Docs/VALIDATION.md and its figures from the measured results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from HypothalamusSegLib.networks.weight_files import ENSEMBLES

from . import error_bars
from .change_evaluation import share_of_change
from .change_report import planted_section, volumes_section
from .real_head_report import REAL_HEADS
from .report_annexes import PAGE
from .report_tables import UNSTABLE_VIEW_DICE, is_unstable, number, table
from .ruin_report import RUIN

ICV_SETS = (
    ("test heads (rendered), mean of the folds", "test_icv"),
    ("heads (rendered), cross-validation, each fold alone", "validation_icv"),
    ("test scans with a mask, mean of the folds", "test_icv_scans"),
    ("scans with a mask, cross-validation, each fold alone", "validation_icv_scans"),
)
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

# The next who looks need not look there again.
NO_REPEAT_SCANS = (
    "Repeat scans of one person were not measured: none could be had where this was made. Of the "
    "public sets on GitHub, Kirby 21 (kirby21.t1, kirby21, Neurohacking_data) came without files "
    "above 4 MiB, which all its T1-weighted scans are; ds000114 and ds000232 of OpenNeuro came as "
    "git-annex links; for the 120 scans of Maclaren et al. 2014 there is only a description. To "
    "measure your own, segment both visits with `hypothalamus-seg cohort` and compare them with "
    "`hypothalamus-seg cohort compare`."
)


def coefficients_of_variation(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """Standard deviation over mean, in percent, of each structure over all perturbations."""
    structures = next(iter(rows.values()))
    found = {}
    for structure in structures:
        volumes = np.array([row[structure] for row in rows.values()])
        found[structure] = float(100 * volumes.std(ddof=1) / volumes.mean())
    return found


def _variation_by_structure(results: dict) -> dict[str, list[float]]:
    heads = [coefficients_of_variation(rows) for rows in results["repeatability"].values()]
    return {name: [head[name] for head in heads] for name in (heads[0] if heads else ())}


def write(results: dict, runs: Path, docs: Path) -> None:
    """Write the figures and the page; a section stands only where something was measured."""
    figures = docs / "validation"
    curves = _draw_learning_curves(runs, figures / "learning_curves.png")
    sections = [_head(results)]
    sections += [section for section in (planted_section(results),) if section]
    if results["test_hypothalamus"] or results["validation_hypothalamus"]:
        if results["test_hypothalamus"]:
            _draw_agreement(results, figures / "agreement.png")
        sections.append(_hypothalamus_section(results))
        sections += [section for section in (volumes_section(results),) if section]
    if results["test_hypothalamus"]:
        sections.append(_quality_section(results))
    if any(results[key] for _, key in ICV_SETS):
        sections.append(_icv_section(results))
    sections.append(error_bars.section(results, _variation_by_structure(results)))
    if results["repeatability"]:
        sections.append(_repeatability_section(results))
    if "hypothalamus" in results["structures"]:
        sections.append(_augmentation_section(results))
    sections.append(_training_section(results, curves))
    page = "\n".join(sections)
    for annex in (REAL_HEADS, RUIN):
        page = annex.within(page, annex.read(docs))
    (docs / PAGE).write_text(page, encoding="utf-8")


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
        paragraphs.append("**A quick look** (`--quick`): too little was measured to rely on it.")
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
    """What the limits of the quality flags are set by."""
    lines = [
        "## Limits of the quality flags",
        "",
        "Measured on the test split (all folds). The limits of the flags are below the lowest scan "
        "with a stable label.",
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


def _icv_section(results: dict) -> str:
    lines = ["## Intracranial volume", ""]
    body = []
    for name, key in ICV_SETS:
        rows = results[key]
        if not rows:
            continue
        signed = np.array([row["volume_percent"] for row in rows])
        dice = np.array([row["dice"] for row in rows])
        heads = {row["head"] if "scans" in key else row["head"].rsplit("-", 1)[0] for row in rows}
        body.append(
            [
                name,
                f"{len(heads)} ({len(rows)} images)",
                f"{dice.mean():.4f}",
                f"{dice.min():.4f}",
                f"{signed.mean():+.2f}",
                f"{abs(signed).mean():.2f} ± {_spread(abs(signed))}",
            ]
        )
    lines += table(["set", "heads", "Dice", "worst", "signed volume %", "absolute volume %"], body)
    images = [row for _, key in ICV_SETS for row in results[key]]
    if images:
        folds = "Test images: all folds. Other images: only the fold that has not seen that head."
        lines += ["", "### Image by image", "", folds, ""]
        body = [
            [
                row["head"],
                str(row.get("fold", "all")),
                f"{row['dice']:.4f}",
                f"{row['label_ml']:.0f}",
                f"{row['volume_ml']:.0f}",
                f"{row['volume_percent']:+.2f}",
            ]
            for row in images
        ]
        lines += table(["image", "folds", "Dice", "true mL", "measured mL", "volume %"], body)
    return "\n".join([*lines, ""])


def _repeatability_section(results: dict) -> str:
    measured = results["repeatability"]
    first = next(iter(measured.values()))
    structures = list(first["unchanged"])
    names = [{"hypothalamus_total": "hypothalamus", "icv": "ICV"}[s] for s in structures]
    lines = [
        "## Repeatability",
        "",
        f"{len(measured)} heads, each unchanged and under {len(first) - 1} perturbations "
        "(`Training/perturbations.py`). The table gives the coefficient of variation of the volume "
        "over all of them. This needs no true volume.",
        "",
    ]
    found = {name: coefficients_of_variation(rows) for name, rows in measured.items()}
    body = [[name, *(f"{cv[s]:.2f}" for s in structures)] for name, cv in found.items()]
    for label, summary in (("**mean**", np.mean), ("**worst**", np.max)):
        cells = [f"{summary([cv[s] for cv in found.values()]):.2f}" for s in structures]
        body.append([label, *cells])
    lines += table(["head", *(f"{name}, CV %" for name in names)], body)
    if results.get("planted") and "hypothalamus_total" in structures:
        # A method that reads half of every change repeats twice as well, for nothing.
        share = share_of_change(results["planted"], "zoom")
        mean = np.mean([cv["hypothalamus_total"] for cv in found.values()])
        lines += [
            "",
            f"Divided by the share of a zoom that is measured ({share:.2f}), the mean for the "
            f"hypothalamus is {mean / share:.2f} %. All of these are perturbed copies of one scan, "
            "not scans from another day.",
        ]
    lines += ["", NO_REPEAT_SCANS]
    lines += ["", "Mean change of the volume under each perturbation:", ""]
    body = []
    for label in list(first)[1:]:
        cells = []
        for structure in structures:
            change = [
                100 * (rows[label][structure] / rows["unchanged"][structure] - 1)
                for rows in measured.values()
            ]
            cells.append(f"{np.mean(change):+.2f} ± {_spread(change)}")
        body.append([label, *cells])
    lines += table(["perturbation", *(f"{name} %" for name in names)], body)
    return "\n".join([*lines, ""])


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


def _draw_agreement(results: dict, path: Path) -> None:
    from matplotlib.figure import Figure

    rows = results["test_hypothalamus"]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set_visible(any(row["stability"] is not None for row in rows))
    for unstable, colour, name in (
        (False, "#0072b2", "stable label"),
        (True, "#d55e00", "unstable"),
    ):
        chosen = [row for row in rows if is_unstable(row) == unstable]
        left.plot([r["stability"] for r in chosen], [r["dice"] for r in chosen], "o", c=colour)
        means = [(r["volume_mm3"] + r["label_volume_mm3"]) / 2 for r in chosen]
        differences = [r["volume_mm3"] - r["label_volume_mm3"] for r in chosen]
        right.plot(means, differences, "o", c=colour, label=name)
    left.axline((0.9, 0.9), slope=1, c="0.7", lw=1, ls="--")
    left.set(xlabel="teacher: Dice of one view with its mean", ylabel="this ensemble: Dice")
    right.axhline(0, c="0.7", lw=1)
    right.set(xlabel="mean of both volumes (mm³)", ylabel="measured − label (mm³)")
    right.legend(frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _draw_learning_curves(runs: Path, path: Path) -> bool:
    """Draw validation Dice over steps; False (and no figure) where the runs' logs are gone."""
    from matplotlib.figure import Figure

    logs = sorted(runs.glob("*/*/log.jsonl"))
    if not logs:
        return path.exists()
    # Structures whose weights were kept from an earlier training have no logs here.
    trained = [name for name in ENSEMBLES if any(log.parents[1].name == name for log in logs)]
    figure = Figure(figsize=(4 * len(trained), 3.6), layout="constrained")
    drawn = figure.subplots(1, len(trained), squeeze=False)[0]
    panels = dict(zip(trained, drawn, strict=True))
    for log in logs:
        panel = panels[log.parents[1].name]
        rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        steps = [row["step"] for row in rows]
        panel.plot(steps, [row["dice"] for row in rows], label=log.parent.name)
    lowest = dict(zip(ENSEMBLES, (0.85, 0.94, 0.97), strict=True))
    for name, panel in panels.items():
        low = lowest[name]
        panel.set(title=name, xlabel="step", ylabel="validation Dice (one fold)")
        # The last percents are what differs, once a run has come that far.
        if panel.get_ylim()[1] > low:
            panel.set_ylim(bottom=low)
        if panel.lines:
            panel.legend(frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True


def _cells(row: dict) -> list[str]:
    return [form.format(row[key]) for key, _, form in HYPOTHALAMUS_COLUMNS]


def _mean_cells(rows: list[dict]) -> list[str]:
    means = {key: float(np.mean([row[key] for row in rows])) for key, _, _ in HYPOTHALAMUS_COLUMNS}
    return _cells(means)


def _spread(values: np.ndarray | list[float]) -> str:
    """Sample standard deviation; a dash for a single value, which has none."""
    return f"{np.std(values, ddof=1):.2f}" if len(values) > 1 else "–"
