"""The figures of the validation that a cohort's report names, as a file of the package `Cohort`.

python -m Training.cohort_figures writes them again from Docs/validation/results.json, as
`Training.evaluate` does after a measurement.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .change_evaluation import share_of_change
from .report_tables import is_unstable, variation_by_structure

ROOT = Path(__file__).resolve().parents[1]
FIGURES = Path("Cohort/report/validation_figures.json")
DIGITS = 4


def cohort_figures(results: dict) -> dict[str, float] | None:
    """The figures, as `Cohort.report.validation_figures.MeasuredShare` names them.

    Parameters
    ----------
    results : dict
        Of `Training.evaluate`.

    Returns
    -------
    dict or None
        None if not all of it was measured.
    """
    stable = [row for row in results.get("validation_hypothalamus", []) if not is_unstable(row)]
    planted = results.get("planted") or []
    if not (stable and planted and results.get("repeatability")):
        return None
    found, label = (
        np.array([row[key] for row in stable]) for key in ("volume_mm3", "label_volume_mm3")
    )
    shares = [share_of_change(planted, kind) for kind in {row["kind"] for row in planted}]
    figures = {
        "planted_low": min(shares),
        "planted_high": max(shares),
        "slope": float(np.polyfit(label, found, 1)[0]),
        "sd_ratio": float(found.std() / label.std()),
        "repeat_cv_percent": float(np.mean(variation_by_structure(results)["hypothalamus_total"])),
    }
    return {
        **{name: round(value, DIGITS) for name, value in figures.items()},
        "people": len(stable),
    }


def write_cohort_figures(results: dict, root: Path = ROOT) -> None:
    """Write the figures into a source tree; nothing if not all was measured, or it is no tree."""
    figures, path = cohort_figures(results), root / FIGURES
    if figures is not None and path.parent.is_dir():
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_cohort_figures(
        json.loads((ROOT / "Docs/validation/results.json").read_text(encoding="utf-8"))
    )
