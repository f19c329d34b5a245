"""What a comparison with a prior says, as HTML for the panel."""

from __future__ import annotations

from html import escape

from HypothalamusSegLib.measures.protocol import protocol_in
from slicer.i18n import tr as _

from ..engine_run.prior_job import Comparison
from ..scene.patient import ScanIdentity
from .protocol_text import other_protocol_text

DASH = "–"


def comparison_html(comparison: Comparison, shown: dict) -> str:
    """The protocol, flags, and a row for each structure: volumes, change, verdict.

    Parameters
    ----------
    comparison : Comparison
        Both scans were measured in one run, by one protocol.
    shown : dict
        The engine's description of the current scan's own result; empty if there is none.
    """
    description = comparison.description
    protocol = protocol_in(description)
    lines = [
        f"<p><b>{escape(flag['title'])}.</b> {escape(flag['message'])}</p>"
        for flag in description["flags"]
    ]
    first, later = description["visits"]
    header = "".join(
        f"<th align='right'>{escape(word)}</th>"
        for word in (_("first mm³"), _("then mm³"), "mm³", "%", _("% a year"), _("real from"))
    )
    rows = [_row(structure, change, first, later) for structure, change in later["changes"].items()]
    table = f"<table cellpadding='3'><tr><th></th>{header}<th></th></tr>{''.join(rows)}</table>"
    drawn_by = _("Both scans are measured by the protocol “{name}”.").format(name=protocol.name)
    warning = other_protocol_text(shown, protocol)
    words = "".join(f"<p>{escape(text)}</p>" for text in (drawn_by, warning) if text)
    return "".join([*lines, table, words])


def _row(structure: str, change: dict, first: dict, later: dict) -> str:
    part = "volumes_mm3" if structure in first["volumes_mm3"] else "single_run_volumes_mm3"
    least = change["smallest_real_change_percent"]
    cells = [
        f"{first[part][structure]:.1f}",
        f"{later[part][structure]:.1f}",
        f"{change['change_mm3']:+.1f}",
        f"{change['change_percent']:+.2f}",
        _or_dash(change["change_percent_a_year"], "{:+.2f}"),
        _or_dash(least, "{:.2f} %"),
    ]
    numbers = "".join(f"<td align='right'>{cell}</td>" for cell in cells)
    return f"<tr><td>{escape(structure)}</td>{numbers}<td>{escape(change['verdict'])}</td></tr>"


def _or_dash(value: float | None, form: str) -> str:
    return DASH if value is None else form.format(value)


def choice_text(identity: ScanIdentity, is_same_patient: bool) -> str:
    """Name a scan in the list of priors."""
    parts = [identity.volume, identity.study_date]
    if not is_same_patient:
        parts.append(_("patient not known to be the same"))
    return " · ".join(part for part in parts if part)
