"""Number formatting: three significant digits, whole numbers in full.

Examples
--------
>>> format_number(0.051834), format_number(961.4), format_number(None)
('0.0518', '961', '–')
>>> format_ml(1_525_889.7)
'1526'
"""

from __future__ import annotations

import math

from ..units import MM3_PER_ML

MISSING = "–"
DIGITS, MOST_DECIMALS = 3, 6
# Thousands separator from five digits on: a narrow no-break space.
THOUSANDS, SHORT = "\u202f", 10_000


def format_number(value: float | None) -> str:
    """Format with three significant digits, or more if the integer part is longer.

    Returns
    -------
    str
        ``1855``, ``961``, ``10.7``, ``0.0518``; an en dash for None and non-finite numbers.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    decimals = 0
    if value:
        # Round first: 9.996 becomes 10.0, with one more digit before the point.
        rounded = float(f"{value:.{DIGITS - 1}e}")
        decimals = DIGITS - 1 - math.floor(math.log10(abs(rounded)))
    text = f"{value:,.{min(max(decimals, 0), MOST_DECIMALS)}f}"
    return text.replace(",", THOUSANDS if abs(value) >= SHORT else "")


def format_percent(fraction: float | None) -> str:
    """Format a fraction as percent, without the sign."""
    return MISSING if fraction is None else format_number(100 * fraction)


def format_ml(volume_mm3: float | None) -> str:
    """Format a volume in mL, without the unit."""
    return MISSING if volume_mm3 is None else format_number(volume_mm3 / MM3_PER_ML)
