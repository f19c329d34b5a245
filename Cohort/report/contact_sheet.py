"""contact_sheet.html: every scan's overview picture, to be looked through in minutes.

The pictures stay where they are and are referred to relative to the folder; the browser fetches
them as they come into view. Sorting, filtering and marking need no network. Marks (ok, check,
reject) are saved as review.tsv.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from ..group.analysis import GroupAnalysis
from ..group.outliers import Cause
from ..number_format import MISSING, number, signed
from ..structures import ML_PER_MM3, TOTAL
from ..tables import split_codes
from .html_parts import resource, text

DESCRIBED = ("age", "sex")
SORTS = {
    "review": "Reasons for review",
    "flags": "Number of flags",
    "z": "Robust z",
    "dice": "Fold Dice, lowest first",
    "small": "Volume, smallest first",
    "large": "Volume, largest first",
    "asymmetry": "Asymmetry",
    "name": "Name",
}
SHOWN = {
    "all": "All",
    "listed": "Listed for review",
    "flagged": "With flags",
    "clean": "Not listed",
    "unmarked": "Not yet marked",
    "check": "Marked check",
    "reject": "Marked reject",
}
MARKS = ("ok", "check", "reject")


def write_contact_sheet(analysis: GroupAnalysis, path: Path) -> None:
    """Write the contact sheet of all scans of a cohort.

    Parameters
    ----------
    analysis : GroupAnalysis
    path : Path
        In the folder that the overview pictures are relative to.
    """
    group = analysis.contrast.column if analysis.contrast else None
    path.write_text(contact_sheet(analysis.reviewed, group), encoding="utf-8")


def contact_sheet(reviewed: pd.DataFrame, group_column: str | None = None) -> str:
    """The page as HTML.

    Parameters
    ----------
    reviewed : DataFrame
        Scans with the columns of `Cohort.outliers.review`.
    group_column : str, optional
        By which scans can be filtered.
    """
    rows = reviewed.to_dict("records")
    cards = "".join(_card(row, place, group_column) for place, row in enumerate(rows))
    groups = ""
    if group_column:
        levels = sorted(reviewed[group_column].dropna().unique())
        options = {"": "All", **{level: level for level in levels}}
        groups = _select("group", group_column.capitalize(), options)
    marks = "".join(
        f'<button type="button" data-mark="{mark}" aria-pressed="false"><kbd>{i}</kbd> {mark}'
        "</button>"
        for i, mark in enumerate(MARKS, start=1)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Contact sheet</title><style>{resource('report.css')}"
        f"{resource('contact_sheet.css')}</style></head><body><header>"
        f"<h1>Contact sheet, {len(rows)} scans</h1><div class='controls'>"
        f"{_select('sort', 'Sort by', SORTS)}{_select('show', 'Show', SHOWN)}{groups}"
        '<label>Robust z at least<input id="far" type="number" min="0" step="0.5" size="5"></label>'
        '<label>Find name or flag<input id="find" type="search" size="14"></label>'
        '<label>Picture size<input id="size" type="range" min="16" max="64" value="27"></label>'
        '<button id="save" type="button">Save marks (review.tsv)</button></div>'
        '<p id="count" aria-live="polite"><span></span> <kbd>→</kbd> <kbd>←</kbd> next, '
        "previous, <kbd>Enter</kbd> large, <kbd>1</kbd> ok, <kbd>2</kbd> check, "
        "<kbd>3</kbd> reject, <kbd>Esc</kbd> back, <kbd>/</kbd> find</p></header>"
        f'<main><ul id="cards">{cards}</ul></main>'
        '<dialog id="large" aria-label="Scan, large"><div class="sheet"><div class="bar">'
        f'<p id="large-text" class="grow" aria-live="polite"></p>{marks}'
        '<button id="previous" type="button"><kbd>←</kbd> previous</button>'
        '<button id="next" type="button"><kbd>→</kbd> next</button>'
        '<button id="close" type="button"><kbd>Esc</kbd> close</button></div>'
        '<img id="large-image" alt=""></div></dialog>'
        f"<script>{resource('contact_sheet.js')}</script></body></html>\n"
    )


def _card(row: dict, place: int, group_column: str | None) -> str:
    group = row.get(group_column) if group_column else None
    group = "" if group is None or pd.isna(group) else str(group)
    codes = split_codes(row["flags"])
    messages = [line for line in str(row.get("flag_messages", "")).split("\n") if line]
    reasons = [r.words for r in row["listed"] if r.cause is not Cause.FLAG]
    total, icv_ml = row.get(TOTAL.column, np.nan), row.get("icv_mm3", np.nan) * ML_PER_MM3
    who = [group, *(_described(row, column) for column in DESCRIBED)]
    dice = f"fold Dice {number(row['fold_dice'], 3)}"
    z = f"robust z {signed(row['robust_z'], 1)} ({row['robust_z_of']})"
    volumes = (
        f"L {number(row.get('hypothalamus_left_mm3'))}, R "
        f"{number(row.get('hypothalamus_right_mm3'))}, total {number(total)} mm³; ICV "
        f"{number(icv_ml)} mL"
    )
    told = ", ".join([*codes, *reasons])
    line = "; ".join(filter(None, [row["scan"], ", ".join(filter(None, who)), volumes, dice, told]))
    words = " ".join([row["scan"], group, *codes, *reasons]).lower()
    data = {
        "scan": row["scan"],
        "place": place,
        "flags": len(codes),
        "reasons": len(codes) + len(reasons),
        "listed": int(bool(row["listed"])),
        "z": _plain(row["robust_z"]),
        "dice": _plain(row["fold_dice"]),
        "total": _plain(total),
        "asymmetry": _plain(row["asymmetry_index"]),
        "group": group,
        "words": words,
        "line": line,
    }
    attributes = " ".join(f'data-{name}="{text(value)}"' for name, value in data.items())
    if row["overview"]:
        source = text(quote(str(row["overview"])))
        picture = f'<img loading="lazy" decoding="async" src="{source}" alt="{text(row["scan"])}">'
    else:
        picture = "<span>no overview picture</span>"
    flags = "".join(f"<li>{text(message)}</li>" for message in [*(messages or codes), *reasons])
    marks = "".join(
        f'<button type="button" data-mark="{mark}" aria-pressed="false">{mark}</button>'
        for mark in MARKS
    )
    label = f"Enlarge {row['scan']}"
    return (
        f'<li class="card{" listed" if row["listed"] else ""}" tabindex="0" {attributes}>'
        f'<button type="button" class="picture" tabindex="-1" aria-label="{text(label)}">'
        f'{picture}</button><div class="words"><h2>{text(row["scan"])}</h2>'
        f'<p class="faint">{text(", ".join(filter(None, who)) or MISSING)}</p>'
        f'<p>{text(volumes)}</p><p class="faint">{text(dice)}; {text(z)}</p>'
        f'<ul class="flags">{flags}</ul><div class="marks">{marks}</div></div></li>'
    )


def _select(name: str, label: str, options: dict[str, str]) -> str:
    lines = "".join(f'<option value="{text(k)}">{text(v)}</option>' for k, v in options.items())
    return f'<label>{text(label)}<select id="{name}">{lines}</select></label>'


def _described(row: dict, column: str) -> str:
    value = row.get(column)
    if value is None or pd.isna(value):
        return ""
    return f"{value} y" if column == "age" else str(value)


def _plain(value: float) -> str:
    """A number for a script; empty if missing."""
    return json.dumps(round(float(value), 6)) if np.isfinite(value) else ""
