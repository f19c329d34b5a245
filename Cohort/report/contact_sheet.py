"""contact_sheet.html: every scan's overview picture, to be looked through in minutes.

The pictures stay where they are and are referred to relative to the folder; the browser fetches
them as they come into view. Sorting, filtering and marking need no network. Marks (ok, check,
reject) are saved as review.tsv.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from ..group.analysis import GroupAnalysis
from ..group.outliers import Cause
from ..number_format import MISSING, number, signed
from ..structures import ML_PER_MM3, TOTAL
from ..tables import split_codes
from .html_parts import render, resource

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


def write_contact_sheet(analysis: GroupAnalysis, path: Path, with_groups: bool = True) -> None:
    """Write the contact sheet of all scans of a cohort.

    Parameters
    ----------
    analysis : GroupAnalysis
    path : Path
        It may lie in any folder until it is moved to the group's.
    with_groups : bool
        Whether scans can be filtered by group, and show it.
    """
    group = analysis.contrast.column if analysis.contrast and with_groups else None
    reviewed, options = analysis.reviewed, analysis.options
    # The pictures are named relative to the derivatives; the page may lie elsewhere.
    way = Path(os.path.relpath(options.output.resolve(), options.group_folder.resolve()))
    seen = [(way / name).as_posix() if name else "" for name in reviewed["overview"]]
    path.write_text(contact_sheet(reviewed.assign(overview=seen), group), encoding="utf-8")


def contact_sheet(reviewed: pd.DataFrame, group_column: str | None = None) -> str:
    """The page as HTML.

    Parameters
    ----------
    reviewed : DataFrame
        Scans with the columns of `Cohort.group.outliers.review`.
    group_column : str, optional
        By which scans can be filtered.
    """
    rows = reviewed.to_dict("records")
    groups = {}
    if group_column:
        levels = sorted(reviewed[group_column].dropna().unique())
        groups = {"": "All", **{level: level for level in levels}}
    return render(
        "contact_sheet.html",
        cards=[_card(row, place, group_column) for place, row in enumerate(rows)],
        sorts=SORTS,
        shown=SHOWN,
        marks=MARKS,
        groups=groups,
        group_title=(group_column or "").capitalize(),
        style=resource("report.css") + resource("contact_sheet.css"),
        script=resource("contact_sheet.js"),
    )


def _card(row: dict, place: int, group_column: str | None) -> dict[str, object]:
    """What the template shows of a scan; ``data`` is what the script sorts and filters by."""
    group = row.get(group_column) if group_column else None
    group = "" if group is None or pd.isna(group) else str(group)
    codes = split_codes(row["flags"])
    messages = row.get("flag_messages", ())
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
    return {
        "scan": row["scan"],
        "listed": bool(row["listed"]),
        "data": data,
        "overview": quote(str(row["overview"])) if row["overview"] else "",
        "who": ", ".join(filter(None, who)) or MISSING,
        "volumes": volumes,
        "dice": dice,
        "z": z,
        "remarks": [*(messages or codes), *reasons],
    }


def _described(row: dict, column: str) -> str:
    value = row.get(column)
    if value is None or pd.isna(value):
        return ""
    return f"{value} y" if column == "age" else str(value)


def _plain(value: float) -> str:
    """A number for a script; empty if missing."""
    return json.dumps(round(float(value), 6)) if np.isfinite(value) else ""
