"""Tables of the validation report, in Markdown."""

from __future__ import annotations

import numpy as np

UNSTABLE_VIEW_DICE = 0.90


def is_unstable(row: dict) -> bool:
    """Whether the teacher disagrees with itself about a scan's label."""
    return row["stability"] is not None and row["stability"] < UNSTABLE_VIEW_DICE


def table(header: list[str], body: list[list[str]]) -> list[str]:
    rows = [header, ["---"] * len(header), *body]
    return ["| " + " | ".join(row) + " |" for row in rows]


def number(value: float | None, form: str) -> str:
    """A formatted number; a dash where there is none."""
    return "–" if value is None else form.format(value)


def coefficients_of_variation(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """Standard deviation over mean, in percent, of each structure over all perturbations."""
    structures = next(iter(rows.values()))
    found = {}
    for structure in structures:
        volumes = np.array([row[structure] for row in rows.values()])
        found[structure] = float(100 * volumes.std(ddof=1) / volumes.mean())
    return found


def variation_by_structure(results: dict) -> dict[str, list[float]]:
    heads = [coefficients_of_variation(rows) for rows in results["repeatability"].values()]
    return {name: [head[name] for head in heads] for name in (heads[0] if heads else ())}


def spread(values: np.ndarray | list[float]) -> str:
    """Sample standard deviation; a dash for a single value, which has none."""
    return f"{np.std(values, ddof=1):.2f}" if len(values) > 1 else "–"
