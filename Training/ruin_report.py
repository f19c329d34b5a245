"""The section of the validation report on noise and motion, from its own results file."""

from __future__ import annotations

import numpy as np

from .report_annexes import Annex
from .report_tables import table

UNCHANGED = "unchanged"
STRUCTURES = (("icv", "ICV"), ("hypothalamus_total", "hypothalamus"))
# A change of this size without a flag is named.
WORTH_A_FLAG_PERCENT = {"icv": 1.0, "hypothalamus_total": 5.0}


def lines(figures: dict[str, dict]) -> list[str]:
    """A table with one row per step, and every unflagged copy whose volumes changed."""
    steps = [name for name in next(iter(figures.values())) if name != UNCHANGED]
    body = []
    for step in steps:
        rows = [copies[step] for copies in figures.values() if step in copies]
        cells = []
        for structure, _ in STRUCTURES:
            changes = [row["change_percent"][structure] for row in rows]
            cells.append(f"{np.median(changes):+.2f} / {max(changes, key=abs):+.2f}")
        for measure in ("noise_share", "ghost_brightness"):
            values = [row[measure] for row in rows if measure in row]
            cells.append(f"{np.median(values):.3f}" if values else "–")
        flagged = sum("noisy" in row["flags"] for row in rows)
        body.append([step, *cells, f"{flagged} of {len(rows)}"])
    header = ["ruined by", *(f"{name} %: median / worst" for _, name in STRUCTURES)]
    header += ["noise, median", "ghosts, median", "flagged `noisy`"]
    return [
        f"Whole heads ({', '.join(figures)}) with noise and motion added step by step "
        "(`python -m Training.scan_ruin SCAN … --docs Docs`). Noise is Rician; its standard "
        "deviation is given as a share of the brain's brightness. For motion, the head nods "
        "twelve times by the given distance while k-space is acquired. Changes are relative to "
        "the unchanged scan.",
        "",
        *table(header, body),
        "",
        _count_missed(figures),
    ]


def _count_missed(figures: dict[str, dict]) -> str:
    limits = ", ".join(
        f"{name} by more than {WORTH_A_FLAG_PERCENT[structure]:g} %"
        for structure, name in STRUCTURES
    )
    missed = [
        f"{scan} ({step})"
        for scan, copies in figures.items()
        for step, row in copies.items()
        if "noisy" not in row["flags"]
        and any(abs(row["change_percent"][s]) > most for s, most in WORTH_A_FLAG_PERCENT.items())
    ]
    return f"Changed without a flag ({limits}): {', '.join(missed) or 'none'}."


RUIN = Annex("## Noise and motion", "scan_ruin.json", lines)
