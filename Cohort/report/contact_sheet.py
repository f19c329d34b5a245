"""contact_sheet.html: slices of every scan, for review in minutes.

The scans are data in the page; its script shows 200 at a time, so that ten thousand can be sorted
at once. The pictures stay where they are and are referred to relative to the folder; the browser
fetches them as they come into view. Marks (good, unsure, bad), comments and the rater's name are
saved as review.tsv, which ``--review`` reads.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
from jinja2.utils import htmlsafe_json_dumps

from ..group.analysis import GroupAnalysis
from ..group.outliers import Cause
from ..number_format import MISSING, format_signed, number
from ..picture_names import planes_of
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
    "random": "Random order",
}
BY_FLAGS = {"listed": "Listed for review", "flagged": "With flags", "clean": "Not listed"}
MARKS = ("good", "unsure", "bad")
BY_MARKS = {
    "unmarked": "Not yet marked",
    **{mark: f"Marked {mark}" for mark in MARKS},
    "commented": "With a comment",
}
PICTURES = {"planes": "Coronal planes", "overview": "Overview"}
DIGITS = 6


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
    options = analysis.options
    # The pictures are named relative to the derivatives; the page may be elsewhere.
    way = Path(os.path.relpath(options.output.resolve(), options.group_folder.resolve()))
    reviewed = with_planes(analysis.reviewed, options.output)
    seen = {
        column: [(way / name).as_posix() if name else "" for name in reviewed[column]]
        for column in ("overview", "planes")
    }
    path.write_text(contact_sheet(reviewed.assign(**seen), group), encoding="utf-8")


def with_planes(reviewed: pd.DataFrame, output: Path) -> pd.DataFrame:
    """Add the existing pictures of slices, relative to ``output``; empty if there is none."""
    names = [planes_of(overview) for overview in reviewed["overview"]]
    return reviewed.assign(
        planes=[name if name and (output / name).is_file() else "" for name in names]
    )


def contact_sheet(reviewed: pd.DataFrame, group_column: str | None = None) -> str:
    """The page as HTML.

    Parameters
    ----------
    reviewed : DataFrame
        Scans with the columns of `Cohort.group.outliers.review`, and perhaps ``planes``.
    group_column : str, optional
        By which scans can be filtered.
    """
    groups = {}
    if group_column:
        levels = sorted(reviewed[group_column].dropna().unique())
        groups = {"": "All", **{level: level for level in levels}}
    scans = [_scan(row, group_column) for row in reviewed.to_dict("records")]
    return sheet_of(
        "Contact sheet",
        scans,
        groups=groups,
        group_title=(group_column or "").capitalize(),
        shown={"": "All", **BY_FLAGS, **BY_MARKS},
    )


def blinded_sheet(pictures: dict[str, str]) -> str:
    """The page of scans without names, numbers, flags and groups.

    Parameters
    ----------
    pictures : dict of str to str
        A scan's code to the picture of its planes, relative to the page; empty for none.
    """
    scans = [{"scan": code, "planes": quote(picture)} for code, picture in pictures.items()]
    return sheet_of(
        "Blinded review",
        scans,
        blinded=True,
        groups={},
        group_title="",
        shown={"": "All", **BY_MARKS},
    )


def sheet_of(title: str, scans: list[dict], blinded: bool = False, **choices: object) -> str:
    """Fill the template; the script's data cannot close the element that contains them."""
    data = htmlsafe_json_dumps({"blinded": blinded, "scans": scans}, separators=(",", ":"))
    return render(
        "contact_sheet.html",
        title=title,
        count=len(scans),
        blinded=blinded,
        scans=data,
        sorts=SORTS,
        marks=MARKS,
        pictures=PICTURES,
        style=resource("report.css") + resource("contact_sheet.css"),
        script=resource("review_store.js") + resource("contact_sheet.js"),
        **choices,
    )


def _scan(row: dict, group_column: str | None) -> dict[str, object]:
    """The values of a scan that the script shows, sorts and filters."""
    group = row.get(group_column) if group_column else None
    group = "" if group is None or pd.isna(group) else str(group)
    codes = split_codes(row["flags"])
    messages = row.get("flag_messages", ())
    reasons = [r.words for r in row["listed"] if r.cause is not Cause.FLAG]
    total, icv_ml = row.get(TOTAL.column, np.nan), row.get("icv_mm3", np.nan) * ML_PER_MM3
    who = [group, *(_describe_scan(row, column) for column in DESCRIBED)]
    dice = f"fold Dice {number(row['fold_dice'], 3)}"
    z = f"robust z {format_signed(row['robust_z'], 1)} ({row['robust_z_of']})"
    volumes = (
        f"L {number(row.get('hypothalamus_left_mm3'))}, R "
        f"{number(row.get('hypothalamus_right_mm3'))}, total {number(total)} mm³; ICV "
        f"{number(icv_ml)} mL"
    )
    told = ", ".join([*codes, *reasons])
    line = "; ".join(filter(None, [row["scan"], ", ".join(filter(None, who)), volumes, dice, told]))
    return {
        "scan": row["scan"],
        "planes": quote(str(row.get("planes") or "")),
        "overview": quote(str(row["overview"] or "")),
        "flags": len(codes),
        "reasons": len(codes) + len(reasons),
        "listed": bool(row["listed"]),
        "z": _plain(row["robust_z"]),
        "dice": _plain(row["fold_dice"]),
        "total": _plain(total),
        "asymmetry": _plain(row["asymmetry_index"]),
        "group": group,
        "words": " ".join([row["scan"], group, *codes, *reasons]).lower(),
        "line": line,
        "who": ", ".join(filter(None, who)) or MISSING,
        "volumes": volumes,
        "numbers": f"{dice}; {z}",
        "remarks": [*(messages or codes), *reasons],
    }


def _describe_scan(row: dict, column: str) -> str:
    value = row.get(column)
    if value is None or pd.isna(value):
        return ""
    return f"{value} y" if column == "age" else str(value)


def _plain(value: float) -> float | None:
    """A number for a script; None if missing."""
    return round(float(value), DIGITS) if np.isfinite(value) else None
