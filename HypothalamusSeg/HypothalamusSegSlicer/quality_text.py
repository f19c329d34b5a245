"""Fold agreement and quality flags as rich text, coloured by weight."""

from __future__ import annotations

import html

# What makes numbers wrong, what makes them doubtful, and what is good to know.
SEVERE = {"fov_cut", "skull_stripped", "not_t1_like", "left_right_suspect", "orientation_suspect"}
DOUBTFUL = {
    "low_fold_agreement",
    "low_confidence",
    "asymmetry",
    "icv_out_of_range",
    "hypothalamus_out_of_range",
    "spacing_suspect",
}
# Dark enough on white, light enough on black.
COLOURS = {"severe": "#d1495b", "doubtful": "#c77700", "note": "#4a7fb5", "good": "#3a8f5c"}
SYMBOLS = {"severe": "■", "doubtful": "▲", "note": "●", "good": "✓"}


def weight_of(code: str) -> str:
    """``severe``, ``doubtful`` or ``note``."""
    return "severe" if code in SEVERE else "doubtful" if code in DOUBTFUL else "note"


def quality_html(quality: dict) -> str:
    """Describe the quality part of the engine's result.

    Parameters
    ----------
    quality : dict
        ``fold_dice``, ``confidence``, ``icv_fold_dice``, ``flags``.
    """
    lines = [_agreement(quality)]
    flags = sorted(
        quality["flags"],
        key=lambda flag: ("severe", "doubtful", "note").index(weight_of(flag["code"])),
    )
    lines += [_line(weight_of(flag["code"]), flag["message"]) for flag in flags]
    if not flags:
        lines.append(_line("good", "No quality flag. Look at the outline all the same."))
    return "".join(lines)


def _agreement(quality: dict) -> str:
    parts = []
    if len(quality["icv_fold_dice"]) < 2:
        return "<p style='margin:2px'>A single network: nothing to compare it with.</p>"
    if quality["fold_dice"]:
        parts.append(
            f"hypothalamus {min(quality['fold_dice']):.2f}–{max(quality['fold_dice']):.2f}"
        )
    low, high = min(quality["icv_fold_dice"]), max(quality["icv_fold_dice"])
    parts.append(f"ICV {low:.3f}–{high:.3f}")
    return f"<p style='margin:2px'>Agreement of the networks (Dice): {', '.join(parts)}.</p>"


def _line(weight: str, message: str) -> str:
    return (
        f"<p style='margin:2px'><span style='color:{COLOURS[weight]}'>{SYMBOLS[weight]}</span> "
        f"{html.escape(message)}</p>"
    )
