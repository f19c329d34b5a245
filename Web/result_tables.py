"""Result tables as HTML: with explanations and usual ranges; covered numbers struck through."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from HypothalamusSegLib import labels
from HypothalamusSegLib.flags import FLAG_TITLES
from HypothalamusSegLib.measures.protocol import PUBLISHED, protocol_name
from HypothalamusSegLib.results.flag_coverage import covered_columns
from HypothalamusSegLib.results.number_format import (
    MISSING,
    format_ml,
    format_number,
    format_percent,
)
from HypothalamusSegLib.results.report_contents import add_unit, usual_range

from . import texts
from .entries import Entry
from .flag_words import sorted_flags, symbol
from .html_text import escape

HYPOTHALAMUS_PARTS = ("left", "right", "total")
SHORT_NAMES = {
    "hypothalamus_left": "Left",
    "hypothalamus_right": "Right",
    "hypothalamus_total": "Total",
    "icv": "ICV",
}


def key_table(result: dict, names_protocol: bool = False) -> str:
    """Left, right, total and ICV of one scan.

    Parameters
    ----------
    result : dict
    names_protocol : bool
        Name the published protocol, too, because there are others.
    """
    head = ("structure", "volume", "usual", "of_icv", "at_1500_ml", "fold_sd")
    codes = _codes(result)
    rows, is_struck = [], False
    for _, entry in _structures(result, with_subunits=False):
        volume, ratio = _shown_columns(entry, codes)
        size, spread = volume("volume_mm3"), volume("fold_sd_mm3")
        ratios = [ratio(column) for column in ("fraction_of_icv", "icv_adjusted_mm3")]
        is_struck |= any(cell.is_struck for cell in (size, spread, *ratios))
        cells = (size.html + _interval(entry), _usual(entry["structure"], result))
        cells += tuple(cell.html for cell in (*ratios, spread))
        rows.append(_row(SHORT_NAMES[entry["structure"]], cells))
    caption = f"Hypothalamus and ICV of {escape(result['name'])}"
    if names_protocol or protocol_name(result) != PUBLISHED.name:
        caption += f", protocol “{escape(protocol_name(result))}”"
    table = _table(caption, "key", head, rows)
    return f"{table}<p class='quiet'>{texts.STRUCK}</p>" if is_struck else table


def all_numbers(result: dict) -> str:
    """All numbers of NAME_volumes.csv, including subunits, collapsed."""
    head = ("structure", "volume", "voxel_count", "of_icv", "at_1500_ml")
    head += ("fold_sd", "fold_min", "fold_max", "low", "high")
    codes = _codes(result)
    rows = []
    for name, entry in _structures(result):
        volume, ratio = _shown_columns(entry, codes)
        cells = (
            *map(volume, ("volume_mm3", "mask_volume_mm3")),
            *map(ratio, ("fraction_of_icv", "icv_adjusted_mm3")),
            *map(volume, ("fold_sd_mm3", "fold_min_mm3", "fold_max_mm3")),
            *map(volume, ("volume_low_mm3", "volume_high_mm3")),
        )
        rows.append(_row(escape(name), tuple(cell.html for cell in cells)))
    name = escape(result["name"])
    table = _table(f"All numbers of {name}", "all", head, rows)
    return (
        f"<details class='numbers'><summary>All numbers of {name}_volumes.csv</summary>{table}"
        f"<p class='quiet'>{texts.ABOUT_THE_FILE}</p></details>"
    )


def batch_table(entries: list[Entry], names_protocol: bool = False) -> str:
    """One row per finished scan, if there are several.

    Protocols are named where they differ, or where there is a choice of them.
    """
    done = [entry for entry in entries if entry.result]
    if len(done) < 2:
        return ""
    head = ("scan", "left", "right", "total", "of_icv", "at_1500_ml", "icv", "flags")
    units = ("", "mm³", "mm³", "mm³", "%", "mm³", "mL", "")
    are_several = len({protocol_name(entry.result) for entry in done}) > 1
    names_protocol |= are_several
    if names_protocol:
        head, units = (*head, "protocol"), (*units, "")
    rows = [_batch_row(entry.result, names_protocol) for entry in done]
    meanings = texts.SEVERITY_NAMES.items()
    key = " · ".join(f"{symbol(severity, spoken=False)} {words}" for severity, words in meanings)
    warning = f"<p class='notice'>{texts.SEVERAL_PROTOCOLS}</p>" if are_several else ""
    table = _table("All results", "batch", head, rows, units)
    return f"{warning}{table}<p class='quiet'>{key}</p>"


def _batch_row(result: dict, names_protocol: bool) -> str:
    codes = _codes(result)
    parts = {entry["structure"]: entry for _, entry in _structures(result, with_subunits=False)}
    cells = []
    for structure, columns in (
        ("hypothalamus_left", ("volume_mm3",)),
        ("hypothalamus_right", ("volume_mm3",)),
        ("hypothalamus_total", ("volume_mm3", "fraction_of_icv", "icv_adjusted_mm3")),
        ("icv", ("volume_mm3",)),
    ):
        entry = parts.get(structure)
        if entry is None:
            cells += [MISSING] * len(columns)
            continue
        volume, ratio = _shown_columns(entry, codes, units=False)
        cells += [(volume if column == "volume_mm3" else ratio)(column).html for column in columns]
    flags = ", ".join(
        f"<span title='{escape(flag['message'])}'>{symbol(flag=flag)} "
        f"{escape(FLAG_TITLES.get(flag['code'], flag['code']))}</span>"
        for flag in sorted_flags(result)
    )
    cells.append(flags or f"{symbol('good')} none")
    if names_protocol:
        cells.append(escape(protocol_name(result)))
    return _row(escape(result["name"]), tuple(cells))


class Cell(NamedTuple):
    """A number as HTML, and whether a severe flag has struck it through."""

    html: str
    is_struck: bool = False


def _shown_columns(entry: dict, codes: Iterable[str], units: bool = True):
    """Two functions that show a column of a structure: a volume, or a ratio to the ICV."""
    structure = entry["structure"]
    covered = covered_columns(codes, structure)
    is_icv = structure == "icv"

    def marked(column: str, text: str, is_missing: bool) -> Cell:
        if column not in covered or is_missing:
            return Cell(text)
        struck = f"<s class='covered'>{text}</s><span class='unseen'> {texts.COVERED}</span>"
        return Cell(struck, True)

    def volume(column: str) -> Cell:
        show, unit = (format_ml, "mL") if is_icv else (format_number, "mm³")
        text = show(entry[column])
        return marked(column, add_unit(text, unit) if units else text, entry[column] is None)

    def ratio(column: str) -> Cell:
        show, unit = (
            (format_percent, "%") if column == "fraction_of_icv" else (format_number, "mm³")
        )
        is_missing = is_icv or entry[column] is None
        text = MISSING if is_missing else show(entry[column])
        return marked(column, add_unit(text, unit) if units else text, is_missing)

    return volume, ratio


def _interval(entry: dict) -> str:
    """The interval of a volume below it, where the weights bring one."""
    if entry["volume_low_mm3"] is None:
        return ""
    show = format_ml if entry["structure"] == "icv" else format_number
    low, high = show(entry["volume_low_mm3"]), show(entry["volume_high_mm3"])
    return f"<span class='interval'>90 %: <span class='range'>{low}–{high}</span></span>"


def _usual(structure: str, result: dict) -> str:
    return add_unit(usual_range(structure, result), "mL" if structure == "icv" else "mm³")


def _codes(result: dict) -> list[str]:
    return [flag["code"] for flag in result["quality"]["flags"]]


def _structures(result: dict, with_subunits: bool = True) -> list[tuple[str, dict]]:
    found = []
    for part in HYPOTHALAMUS_PARTS if result.get("hypothalamus") else ():
        found.append((f"Hypothalamus, {part}", result["hypothalamus"][part]))
    for label, entry in (result.get("subunits") or {}).items() if with_subunits else ():
        subunit = labels.subunit_of(int(label))
        found.append((f"{subunit.side} {subunit.name} ({label})", entry))
    if result.get("icv"):
        found.append(("Intracranial volume (ICV)", result["icv"]))
    return found


def _table(caption: str, name: str, head: tuple, rows: list[str], units: tuple = ()) -> str:
    units = units or ("",) * len(head)
    cells = "".join(
        f"<th scope='col'>{_heading(texts.HEADINGS[code], f'tip-{name}-{index}')}"
        f"<span class='unit'>{unit}</span></th>"
        for index, (code, unit) in enumerate(zip(head, units, strict=True))
    )
    return (
        f"<div class='table' tabindex='0' role='region' aria-label='{caption}'><table>"
        f"<caption>{caption}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _heading(heading: texts.Heading, identifier: str) -> str:
    """A heading; a button that explains it, where it needs that (`browser/tips.js`)."""
    title, tip = heading
    if not tip:
        return title
    return (
        f"<button type='button' class='tip' aria-describedby='{identifier}'>{title}</button>"
        f"<span class='tip-text' id='{identifier}' hidden>{tip}</span>"
    )


def _row(name: str, cells: tuple[str, ...]) -> str:
    return f"<tr><th scope='row'>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def run_name(entry: Entry) -> str:
    """Names a result, and which run of it."""
    return f"{entry.identifier}:{json.dumps(entry.options, sort_keys=True)}"
