"""The section of the validation report on one person over time, from its own results file."""

from __future__ import annotations

import numpy as np
from scipy import stats

from .follow_evaluation import WAYS
from .report_annexes import Annex
from .report_tables import table

TOTAL = "hypothalamus_total"
WAY_NAMES = {
    "single": "two single runs",
    "unmatched": "common frame, images as they are",
    "common_zoom": "matched images, common zoom",
    "follow": "`follow`",
}
NORMAL_QUANTILE, CONFIDENCE = 1.96, 0.95
FEWEST_FOR_A_LIMIT = 6
DIGITS = 2


def rows_of(figures: dict[str, dict]) -> list[dict]:
    return [row for cases in figures.values() for row in cases.values()]


def errors_percent(rows: list[dict], way: str, structure: str = TOTAL) -> np.ndarray:
    """Measured minus true change, in percent, of each pair of visits."""
    return 100 * np.array([row[way][structure] - row["true"][structure] for row in rows])


def smallest_changes_percent(rows: list[dict], other_voxels: bool) -> dict[str, float]:
    """The size above which a change is real, by structure.

    1.96 times the upper 95 % confidence limit of the root mean square error (chi-squared): few
    pairs give a large limit. Empty if there are too few with equal voxels, or with others.
    """
    chosen = [row for row in rows if (row["spacing_mm"] is not None) == other_voxels]
    if len(chosen) < FEWEST_FOR_A_LIMIT:
        return {}
    doubt = np.sqrt(len(chosen) / stats.chi2.ppf(1 - CONFIDENCE, len(chosen)))
    errors = {s: errors_percent(chosen, "follow", s) for s in chosen[0]["true"]}
    return {
        structure: round(NORMAL_QUANTILE * doubt * _root_mean_square(values), DIGITS)
        for structure, values in errors.items()
    }


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def lines(figures: dict[str, dict]) -> list[str]:
    """Error by planted change and way, the smallest real change, and the registration."""
    rows = rows_of(figures)
    same = smallest_changes_percent(rows, False)
    other = smallest_changes_percent(rows, True)
    errors_mm = np.array([row["error_mm"] for row in rows])
    errors_deg = np.array([row["error_deg"] for row in rows])
    return [
        f"Pairs of simulated visits of {len(figures)} test scans, {len(rows)} pairs "
        "(`python -m Training.evaluate_follow`). The second visit has a planted change. Each "
        "visit is rotated by up to 8° about each axis, shifted by up to 5 mm, and has its own "
        "receive field (up to 20 %) and its own noise (2 % of the brightest voxels; 1–3 % where "
        "the voxels differ, 1.2 mm). The noise of the original scan is in both visits. Real "
        "visits differ by more. The position and the intracranial mask were found once per scan, "
        "and all pairs of a scan share the first visit.",
        "",
        "Measured minus true change of the whole hypothalamus, in % (mean ± SD over pairs):",
        "",
        *table(
            ["planted", "voxels", "pairs", *(WAY_NAMES[way] for way in WAYS)], _error_rows(rows)
        ),
        "",
        "Root mean square error over all pairs, in %:",
        "",
        *table(
            ["structure", "voxels", "pairs", *(WAY_NAMES[way] for way in WAYS)], _rms_rows(rows)
        ),
        "",
        "Smallest change that can be called real, given the repeatability (1.96 times the upper "
        "95 % limit "
        f"of the root mean square error of `follow`): {_limits('equal voxels', same)}; "
        f"{_limits('other voxels', other)}.",
        "",
        "Registration error between the two visits: "
        f"{np.median(errors_mm):.3f} mm and {np.median(errors_deg):.3f}° (median; worst "
        f"{errors_mm.max():.3f} mm and {errors_deg.max():.3f}°); lowest correlation "
        f"{min(row['similarity'] for row in rows):.4f}, highest of a mirror image "
        f"{max(row['mirrored_similarity'] for row in rows):.3f}.",
    ]


def _error_rows(rows: list[dict]) -> list[list[str]]:
    kinds = {(row["kind"], row["change"], row["spacing_mm"]): None for row in rows}
    body = []
    for kind, change, spacing_mm in sorted(kinds, key=lambda k: (k[2] is not None, k[0], -k[1])):
        chosen = [
            r
            for r in rows
            if (r["kind"], r["change"], r["spacing_mm"]) == (kind, change, spacing_mm)
        ]
        cells = []
        for way in WAYS:
            errors = errors_percent(chosen, way)
            spread = f" ± {errors.std(ddof=1):.2f}" if len(errors) > 1 else ""
            cells.append(f"{errors.mean():+.2f}{spread}")
        name = "none" if kind == "none" else f"{kind} {100 * change:.0f} %"
        body.append([name, _voxels(spacing_mm), str(len(chosen)), *cells])
    return body


def _rms_rows(rows: list[dict]) -> list[list[str]]:
    body = []
    for spacing_mm in sorted({row["spacing_mm"] for row in rows}, key=lambda mm: mm or 0):
        chosen = [row for row in rows if row["spacing_mm"] == spacing_mm]
        for structure in chosen[0]["true"]:
            cells = [
                f"{_root_mean_square(errors_percent(chosen, way, structure)):.2f}" for way in WAYS
            ]
            body.append([structure, _voxels(spacing_mm), str(len(chosen)), *cells])
    return body


def _voxels(spacing_mm: float | None) -> str:
    return "equal" if spacing_mm is None else f"{spacing_mm} mm"


def _limits(name: str, limits: dict[str, float]) -> str:
    if not limits:
        return f"{name} not measured"
    listed = ", ".join(f"{structure} {value:.1f} %" for structure, value in limits.items())
    return f"{name}: {listed}"


FOLLOW = Annex("## One person over time", "follow.json", lines)
