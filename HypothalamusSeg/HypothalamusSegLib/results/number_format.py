"""Numbers as people read them: three significant digits, whole numbers in full."""

from __future__ import annotations

import math

MISSING = "–"
DIGITS, MOST_DECIMALS = 3, 6
MM3_PER_ML = 1000
# Thousands apart by a narrow space at which no line breaks, from five digits on.
THOUSANDS, SHORT = "\u202f", 10_000


def shown(value: float | None) -> str:
    """A number with three significant digits, or more where it has more before the point.

    Returns
    -------
    str
        ``1855``, ``961``, ``10.7``, ``0.0518``; an en dash for None and for what is not finite.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    decimals = 0
    if value:
        # Rounded first: 9.996 is 10.0, with one digit more before the point.
        rounded = float(f"{value:.{DIGITS - 1}e}")
        decimals = DIGITS - 1 - math.floor(math.log10(abs(rounded)))
    text = f"{value:,.{min(max(decimals, 0), MOST_DECIMALS)}f}"
    return text.replace(",", THOUSANDS if abs(value) >= SHORT else "")


def shown_percent(fraction: float | None) -> str:
    """A fraction in per cent, without the sign."""
    return MISSING if fraction is None else shown(100 * fraction)


def shown_ml(volume_mm3: float | None) -> str:
    """A volume in mL, without the unit."""
    return MISSING if volume_mm3 is None else shown(volume_mm3 / MM3_PER_ML)
