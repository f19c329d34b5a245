"""Limits of the flags of a scan's condition, compared with the measured scans."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from HypothalamusSegLib.measures import quality, scan_flags

from .report_tables import table


class Measure(NamedTuple):
    """What a flag depends on: its key in the figures, its name, the flag, its limit, a format."""

    key: str
    name: str
    flag: str
    limit: float
    form: str


MEASURES = (
    Measure("noise_share", "noise", "noisy", scan_flags.NOISY_SHARE, "{:.3f}"),
    Measure("air_brightness", "air", "noisy", scan_flags.GHOSTED_AIR_SHARE, "{:.3f}"),
    Measure(
        "fold_sd_percent",
        "fold SD %",
        "low_icv_agreement",
        100 * quality.LARGE_ICV_SPREAD,
        "{:.2f}",
    ),
    Measure(
        "sinus_brightness", "sinus", "contrast_enhanced", scan_flags.ENHANCED_SINUS_RATIO, "{:.2f}"
    ),
)


def limits(figures: dict[str, dict]) -> list[str]:
    """A table in Markdown, one row per measure, with the names of the scans above its limit."""
    header = ["flag", "measure", "median", "highest below the limit", "limit", "scans above it"]
    return table(header, [_row(measure, figures) for measure in MEASURES])


def _row(measure: Measure, figures: dict[str, dict]) -> list[str]:
    show = measure.form.format
    values = {name: row[measure.key] for name, row in figures.items()}
    within = [value for value in values.values() if value <= measure.limit]
    beyond = [f"{name} ({show(v)})" for name, v in values.items() if v > measure.limit]
    return [
        f"`{measure.flag}`",
        measure.name,
        show(np.median(list(values.values()))),
        show(max(within)) if within else "–",
        show(measure.limit),
        ", ".join(beyond) or "–",
    ]
