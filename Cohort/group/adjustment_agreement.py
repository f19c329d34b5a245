"""A sentence on whether the four ways to adjust for ICV lead to the same conclusion."""

from __future__ import annotations

from dataclasses import dataclass

from ..number_format import format_signed, number, p_phrase, p_value
from ..structures import INTRACRANIAL, ML_PER_MM3, Structure
from .comparisons import Statistics
from .icv_adjustment import ADJUSTMENTS, POWER_PROPORTION, SHORT_NAMES
from .linear_models import ALPHA, ContrastFit


@dataclass(frozen=True)
class Agreement:
    """Whether the adjustments agree, and the sentence that says so."""

    agree: bool
    sentence: str


def agreement_of(statistics: Statistics, structure: Structure) -> Agreement | None:
    """Compare on which side of p = 0.05 the four lie, and the signs if any p is below.

    None without ICV.
    """
    fits = {}
    for method in ADJUSTMENTS:
        comparison = statistics.comparisons.get((structure.name, method))
        if comparison is not None and comparison.fit is not None:
            fits[method] = comparison.fit
    if len(fits) < 2:
        return None
    negative = {m for m, fit in fits.items() if fit.estimate < 0}
    significant = {m for m, fit in fits.items() if fit.p < ALPHA}
    # The signs mean nothing if all estimates are well within their errors of 0.
    signs_differ = bool(significant) and 0 < len(negative) < len(fits)
    sides_differ = 0 < len(significant) < len(fits)
    if not (signs_differ or sides_differ):
        differences = [fit.estimate for fit in fits.values()]
        ps = [fit.p for fit in fits.values()]
        side = "below" if significant else "not below"
        return Agreement(
            True,
            f"{structure.title}: the four adjustments agree, with p {side} {ALPHA} in all of them "
            f"(difference {format_signed(min(differences))} to {format_signed(max(differences))} "
            "mm³, p "
            f"{p_value(min(ps))} to {p_value(max(ps))}).",
        )
    parts = []
    if sides_differ:
        found = _listed(fits, significant)
        others = _listed(fits, set(fits) - significant)
        parts.append(f"p < {ALPHA} with {found}, but not with {others}")
    if signs_differ:
        words = _listed(fits, negative)
        parts.append(f"the difference is negative with {words} and not with the others")
    sentence = f"{structure.title}: the four adjustments disagree: {'; '.join(parts)}."
    return Agreement(False, f"{sentence} {_why(statistics, structure)}".strip())


def _listed(fits: dict[str, ContrastFit], methods: set[str]) -> str:
    chosen = [
        f"{SHORT_NAMES[m]} ({format_signed(fits[m].estimate)} mm³, {p_phrase(fits[m].p)})"
        for m in ADJUSTMENTS
        if m in methods
    ]
    return " and ".join([", ".join(chosen[:-1]), chosen[-1]] if len(chosen) > 1 else chosen)


def _why(statistics: Statistics, structure: Structure) -> str:
    """The usual causes of a disagreement: different head sizes, no proportional growth."""
    sentences = []
    icv = statistics.comparisons.get((INTRACRANIAL.name, "none"))
    if icv is not None and icv.fit is not None:
        sentences.append(
            f"The groups' mean ICV differs by {format_signed(icv.fit.estimate * ML_PER_MM3)} mL "
            f"({p_phrase(icv.fit.p)})."
        )
    power = statistics.comparisons.get((structure.name, POWER_PROPORTION))
    if power is not None:
        sentences.append(
            f"Among the controls the volume grows with ICV to the power "
            f"{number(power.adjustment.coefficient, 2)}; the proportion assumes 1."
        )
    return " ".join(sentences)
