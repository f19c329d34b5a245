"""The figures of Docs/VALIDATION.md."""

from __future__ import annotations

import json
from pathlib import Path

from HypothalamusSegLib.networks.weight_files import ENSEMBLES

from .report_tables import is_unstable


def draw_agreement(results: dict, path: Path) -> None:
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


def draw_learning_curves(runs: Path, path: Path) -> bool:
    """Draw validation Dice over steps; False (and no figure) if the runs' logs are missing."""
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
        # Only the last percents differ, once a run has come that far.
        if panel.get_ylim()[1] > low:
            panel.set_ylim(bottom=low)
        if panel.lines:
            panel.legend(frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True
