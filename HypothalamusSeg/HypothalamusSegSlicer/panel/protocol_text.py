"""What the panel says about protocols: always plain text, because users name them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from HypothalamusSegLib.measures.protocol import Protocol, protocol_in
from slicer.i18n import tr as _

from ..protocols.choices import ProtocolChoice, labels_of


def choice_texts(choices: Sequence[ProtocolChoice]) -> list[str]:
    """One line for each choice; a sign before those that cannot be used."""
    labels = labels_of(choices)
    return [
        f"▲ {label}" if choice.problem else label
        for choice, label in zip(choices, labels, strict=True)
    ]


def problem_text(choice: ProtocolChoice) -> str:
    """Why a protocol cannot be used, or an empty string."""
    if not choice.problem:
        return ""
    return _("▲ The protocol “{name}” cannot be used. {reason}").format(
        name=choice.name, reason=choice.problem
    )


def plain_tooltip(text: str) -> str:
    """A tooltip that shows a text as it is: Qt takes what looks like HTML for HTML."""
    return f"<p>{escape(text)}</p>" if text else ""


def result_protocol_text(engine: dict, chosen: Protocol | None) -> str:
    """Whose outlines a result has, and whether new ones would be others'; empty for an ICV alone.

    Parameters
    ----------
    engine : dict
        The engine's description of the result.
    chosen : Protocol or None
        For new results; None if it cannot be read.
    """
    if "hypothalamus" not in engine:
        return ""
    own = protocol_in(engine)
    low, high = own.usual_range_mm3
    text = _("Protocol: {name} (usual volume {low:.0f}–{high:.0f} mm³)").format(
        name=own.name, low=low, high=high
    )
    if chosen is None or chosen == own:
        return text
    if chosen.name == own.name:
        other = _("another training of this protocol")
    else:
        other = _("the protocol “{name}”").format(name=chosen.name)
    warning = _("▲ Chosen above is {other}: its volumes must not be compared with these.")
    return f"{text}\n{warning.format(other=other)}"


def other_protocol_text(engine: dict, measured: Protocol) -> str:
    """A warning where the table shows another protocol than a comparison, or an empty string."""
    if "hypothalamus" not in engine or protocol_in(engine) == measured:
        return ""
    return _(
        "▲ The table of volumes shows the protocol “{name}”, so its numbers must not be compared "
        "with these."
    ).format(name=protocol_in(engine).name)
