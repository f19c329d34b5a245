"""The section of the validation report on ICV of real heads, from its own results file."""

from __future__ import annotations

from .condition_report import limits
from .report_annexes import Annex
from .report_tables import table

# The marks: change of ICV by cropping, and spread of the folds.
LARGEST_CHANGE_PERCENT, LARGEST_SD_PERCENT = 0.5, 1.3


def lines(figures: dict[str, dict]) -> list[str]:
    """Lines in Markdown: how many heads reach the marks, and a table of all."""
    steady = sum(
        abs(f["largest_change_percent"]) <= LARGEST_CHANGE_PERCENT for f in figures.values()
    )
    agreed = sum(f["fold_sd_percent"] <= LARGEST_SD_PERCENT for f in figures.values())
    body = []
    for name, f in figures.items():
        where = max(f["change_percent"], key=lambda crop: abs(f["change_percent"][crop]))
        body.append(
            [
                name,
                f"{f['icv_ml']:.0f}",
                f"{f['fold_sd_percent']:.2f}",
                f"{f['below_foramen_magnum_ml']:.1f}",
                f"{f['noise_share']:.3f}",
                f"{f['air_brightness']:.3f}",
                f"{f['sinus_brightness']:.2f}",
                f"{f['largest_change_percent']:+.2f} ({where})",
            ]
        )
    header = ["scan", "ICV mL", "fold SD %", "below foramen magnum mL"]
    header += ["noise", "air", "sinus", "largest change by cropping %"]
    return [
        "Public scans of whole heads without labels (`python -m Training.icv_cropping "
        "SCAN … --docs Docs`). Parts outside the cranial "
        "cavity are cropped: the neck up to 6 mm below the mask, the face, the front, the sides, "
        "the air above the head, and all of these at once.",
        "",
        f"ICV changes by at most {LARGEST_CHANGE_PERCENT} % in {steady} of {len(figures)}; the "
        f"five networks' SD is at most {LARGEST_SD_PERCENT} % in {agreed} of {len(figures)}. "
        "The flags `noisy` and `contrast_enhanced` depend on noise, air and sinus.",
        "",
        *table(header, body),
        "",
        "Limits of the quality flags, compared with these scans (which no one has rated):",
        "",
        *limits(figures),
    ]


REAL_HEADS = Annex("## ICV on real heads, without a truth", "icv_real_heads.json", lines)
