"""A folder for raters: slices under codes, and nothing else about a scan.

Names, numbers, flags and groups are not hidden but absent, even from the pictures' names. A
code follows from the scan's name and the checksum of its image, which raters do not have, so that
no list of codes is needed to read their marks (`Cohort.group.review_codes`). In the order of codes
there is nothing to learn.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..group.analysis import GroupAnalysis
from ..group.findings import WARNING, Finding, Topic
from ..group.review_codes import code_of
from .contact_sheet import blinded_sheet, with_planes

BLINDED_FOLDER, PAGE_NAME, PICTURES = (
    "group_contact_sheet_blinded",
    "contact_sheet.html",
    "pictures",
)


def write_blinded_review(analysis: GroupAnalysis, folder: Path) -> list[Finding]:
    """Write the page and its pictures.

    Parameters
    ----------
    analysis : GroupAnalysis
    folder : Path
        Created.

    Returns
    -------
    list of Finding
        Scans that cannot be judged, since they have no picture without numbers.
    """
    output = analysis.options.output
    scans = with_planes(analysis.reviewed, output).to_dict("records")
    (folder / PICTURES).mkdir(parents=True)
    pictures = {}
    for scan in scans:
        code, picture = code_of(scan), ""
        if scan["planes"]:
            picture = f"{PICTURES}/{code}.png"
            _place(output / scan["planes"], folder / picture)
        pictures[code] = picture
    page = blinded_sheet(dict(sorted(pictures.items())))
    (folder / PAGE_NAME).write_text(page, encoding="utf-8")
    without = tuple(scan["scan"] for scan in scans if not scan["planes"])
    if not without:
        return []
    text = "Blinded review: scans without a picture of coronal slices (--no-overview leaves it out)"
    return [Finding(WARNING, Topic.REVIEW, text, without)]


def remove_stale(analysis: GroupAnalysis, folder: Path) -> None:
    """Remove pictures from an earlier run of scans that are no longer in the review."""
    kept = {code_of(scan) for scan in analysis.reviewed.to_dict("records")}
    for path in (folder / PICTURES).glob("*.png"):
        if path.stem not in kept:
            path.unlink()


def _place(source: Path, target: Path) -> None:
    """Link a picture, which takes no space; copy it if links are impossible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
