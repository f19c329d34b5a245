"""Numbers as a report prints them: true minus signs, narrow spaces, p as journals require."""

from __future__ import annotations

import math

MINUS, NARROW_SPACE, MISSING = "−", "\u202f", "–"
SMALLEST_SHOWN_P = 0.001


def number(value: float | None, digits: int = 0) -> str:
    """Format a number with a fixed count of digits, in groups of three; a dash if it is missing."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:,.{digits}f}".replace(",", NARROW_SPACE)
    if text.startswith("-"):
        text = text[1:] if not any(c in "123456789" for c in text) else MINUS + text[1:]
    return text


def format_signed(value: float | None, digits: int = 0) -> str:
    """Like `number`, with a plus sign where the value is positive."""
    text = number(value, digits)
    positive = value is not None and value > 0 and any(c in "123456789" for c in text)
    return f"+{text}" if positive else text


def interval(low: float | None, high: float | None, digits: int = 0) -> str:
    """Two limits, for example ``−52 to 12``."""
    if any(v is None or math.isnan(v) for v in (low, high)):
        return MISSING
    return f"{_limit(low, digits)} to {_limit(high, digits)}"


def p_value(p: float | None) -> str:
    """Two significant digits down to 0.001: ``0.042``, ``0.31``, ``< 0.001``."""
    if p is None or not math.isfinite(p):
        return MISSING
    if p < SMALLEST_SHOWN_P:
        return f"< {SMALLEST_SHOWN_P}"
    return f"{p:.2f}" if p >= 0.0995 else f"{p:.3f}"


def p_phrase(p: float | None) -> str:
    """For running text: ``p = 0.042`` or ``p < 0.001``."""
    is_tiny = p is not None and p < SMALLEST_SHOWN_P
    return f"p {p_value(p)}" if is_tiny else f"p = {p_value(p)}"


def format_count(count: int, singular: str, plural: str | None = None) -> str:
    """``1 scan``, ``3 scans``."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def _limit(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    return number(value, digits)
