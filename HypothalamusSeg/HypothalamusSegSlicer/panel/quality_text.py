"""Fold agreement and quality flags as rich text, colored by severity."""

from __future__ import annotations

import html

from HypothalamusSegLib.colours import GOOD_COLOUR, SEVERITY_COLOURS
from HypothalamusSegLib.flags import SEVERITIES, severity_of
from slicer.i18n import tr as _

COLOURS = {**SEVERITY_COLOURS, "good": GOOD_COLOUR}
SYMBOLS = {"severe": "■", "doubtful": "▲", "note": "●", "good": "✓"}


def flag_titles() -> dict[str, str]:
    """`FLAG_TITLES` of the engine, repeated as literals for Slicer's translation tools."""
    return {
        "skull_stripped": _("Skull removed"),
        "fov_cut": _("Head cut off"),
        "low_fold_agreement": _("Networks disagree"),
        "low_confidence": _("Low confidence"),
        "size_unsettled": _("Size uncertain"),
        "asymmetry": _("Left and right differ"),
        "icv_out_of_range": _("Unusual ICV"),
        "hypothalamus_out_of_range": _("Unusual volume"),
        "anisotropic": _("Thick slices"),
        "coarse_resolution": _("Large voxels"),
        "not_t1_like": _("Does not look T1-weighted"),
        "left_right_suspect": _("Left and right may be swapped"),
        "orientation_suspect": _("Orientation uncertain"),
        "spacing_suspect": _("Voxel size uncertain"),
        "repaired_values": _("Invalid voxel values"),
        "low_icv_agreement": _("Networks disagree on ICV"),
        "noisy": _("Noise or motion"),
        "contrast_enhanced": _("Contrast agent"),
    }


def quality_html(quality: dict) -> str:
    """Format the quality part of the engine result.

    Titles are translated; messages are those of the engine, as in its files.

    Parameters
    ----------
    quality : dict
        ``fold_dice``, ``confidence``, ``icv_fold_dice``, ``flags``.
    """
    lines = [_agreement(quality)]
    flags = sorted(quality["flags"], key=lambda flag: SEVERITIES.index(severity_of(flag["code"])))
    titles = flag_titles()
    for flag in flags:
        # A scene from a newer version may contain an unknown flag.
        title = titles.get(flag["code"], flag["code"])
        lines.append(_line(severity_of(flag["code"]), flag["message"], title))
    if not flags:
        lines.append(_line("good", _("No quality flags. Check the outline anyway.")))
    return "".join(lines)


def _agreement(quality: dict) -> str:
    parts = []
    if len(quality["icv_fold_dice"]) < 2:
        words = _("Only one network was used, so agreement is unknown.")
        return f"<p style='margin:2px'>{words}</p>"
    if quality["fold_dice"]:
        low, high = min(quality["fold_dice"]), max(quality["fold_dice"])
        parts.append(f"{_('hypothalamus')} {low:.2f}–{high:.2f}")
    low, high = min(quality["icv_fold_dice"]), max(quality["icv_fold_dice"])
    parts.append(f"{_('ICV')} {low:.3f}–{high:.3f}")
    words = _("Agreement of the networks (Dice)")
    return f"<p style='margin:2px'>{words}: {', '.join(parts)}.</p>"


def _line(severity: str, message: str, title: str = "") -> str:
    heading = f"<b>{html.escape(title)}.</b> " if title else ""
    return (
        f"<p style='margin:2px'><span style='color:{COLOURS[severity]}'>{SYMBOLS[severity]}</span> "
        f"{heading}{html.escape(message)}</p>"
    )
