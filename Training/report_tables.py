"""Tables of the validation report, in Markdown."""

from __future__ import annotations

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
