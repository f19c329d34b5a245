"""sub-X.html: all scans of a subject with pictures, volumes and flags, as fMRIPrep has it.

The page is made from the ``_volumes.json`` files, so it is right whichever run wrote them. Pictures
and files are referred to relative to the root of the derivatives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from HypothalamusSegLib import __version__
from HypothalamusSegLib.flags import SEVERITIES
from HypothalamusSegLib.results.atomic_files import atomic_files
from HypothalamusSegLib.results.report_contents import report_contents

from ..picture_names import OVERVIEW_ENDING
from .html_parts import render, resource

VOLUMES_SUFFIX = "_volumes.json"
# What the table of all scans shows, as `report_contents` names its rows.
SUMMARY_ROWS = (
    "Hypothalamus, left",
    "Hypothalamus, right",
    "Hypothalamus, total",
    "Intracranial volume (ICV)",
)
SEVERITY_WORDS = {"severe": "Severe", "doubtful": "Doubtful", "note": "Note"}


def write_subject_page(output: Path, subject: str) -> Path | None:
    """Write the page of a subject from the files in its folders.

    Parameters
    ----------
    output : Path
        Root of the derivatives.
    subject : str
        BIDS label without ``sub-``.

    Returns
    -------
    Path or None
        The page; None if the subject has no result.

    Raises
    ------
    NoSpaceLeftError, PermissionDeniedError
        An earlier page stands as it was.
    """
    folder = output / f"sub-{subject}"
    scans = [_scan(path, description, output) for path, description in _results(folder)]
    if not scans:
        return None
    text = render(
        "subject.html",
        title=f"sub-{subject}",
        subtitle=f"Hypothalamus and intracranial volume; HypothalamusSeg {__version__}. "
        "Not a medical device.",
        scans=scans,
        style=resource("report.css") + resource("subject_page.css"),
    )
    page = page_of(output, subject)
    with atomic_files(output) as stage:
        (stage / page.name).write_text(text, encoding="utf-8")
    return page


def page_of(output: Path, subject: str) -> Path:
    return output / f"sub-{subject}.html"


def _results(folder: Path) -> Iterator[tuple[Path, dict]]:
    """Descriptions by name; a damaged one is skipped, and the next run rewrites it."""
    for path in sorted(folder.glob(f"**/anat/*{VOLUMES_SUFFIX}")):
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(description, dict) and "provenance" in description:
            yield path, description


def _scan(path: Path, description: Mapping, output: Path) -> dict[str, object]:
    """The values of a scan that the template shows."""
    name = path.name.removesuffix(VOLUMES_SUFFIX)
    contents = report_contents({**description, "name": name})
    anat, picture = path.parent, path.parents[1] / "figures" / f"{name}{OVERVIEW_ENDING}"
    volumes = {row.name: row.numbers[0] for row in contents.rows}
    flags = sorted(contents.flags, key=lambda flag: SEVERITIES.index(flag.severity))
    files = sorted(anat.glob(f"{name}_*"))
    return {
        "name": name,
        "anchor": quote(name),
        "worst": SEVERITY_WORDS[flags[0].severity] if flags else "",
        "severity": flags[0].severity if flags else "",
        "summary": [volumes.get(row) for row in SUMMARY_ROWS],
        "picture": _link(picture, output) if picture.is_file() else "",
        "flags": [
            {"word": SEVERITY_WORDS[flag.severity], "severity": flag.severity, "flag": flag}
            for flag in flags
        ],
        "contents": contents,
        "files": [{"name": file.name, "link": _link(file, output)} for file in files],
    }


def _link(path: Path, output: Path) -> str:
    return quote(path.relative_to(output).as_posix())
