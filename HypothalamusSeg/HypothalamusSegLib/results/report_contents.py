"""The content of the one-page report, as plain data.

`report_contents` creates it from the JSON description of a result (`files.describe`) and pictures
(`plane_pictures.report_pictures`). A face with edited volumes replaces ``rows``; one with a review
adds ``remarks``. `report_pdf.write_report` draws the page.

Examples
--------
>>> add_unit("810", "mm³")
'810 mm³'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..flags import FLAG_TITLES, Flag, severity_of, sort_by_severity
from ..measures.protocol import PUBLISHED, protocol_name
from ..measures.quality import ICV_RANGE_MM3
from .flag_coverage import covered_columns
from .number_format import MISSING, format_ml, format_number, format_percent
from .plane_pictures import PlanePicture

PARTS = ("left", "right", "total")
CHECKSUM_LETTERS = 16


@dataclass(frozen=True)
class Number:
    """A number as text, and whether a severe flag covers it."""

    text: str
    is_covered: bool = False


@dataclass(frozen=True)
class ReportRow:
    """One structure; numbers in the order of ``ReportContents.columns``."""

    name: str
    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class ReportFlag:
    """A flag with its severity (``severe``, ``doubtful``, ``note``) and title."""

    code: str
    severity: str
    title: str
    message: str


@dataclass(frozen=True)
class ReportContents:
    """Everything on the page.

    Attributes
    ----------
    title : str
        The scan's name.
    version : str
    columns : tuple of str
        Headings; the first is that of the structures.
    rows : tuple of ReportRow
    agreement : str
        Agreement of the networks, in a sentence.
    flags : tuple of ReportFlag
        Worst first.
    provenance, remarks : tuple of (str, str)
        Names and values, such as a checksum or a review note.
    pictures : tuple of tuples of PlanePicture
        Rows of planes.
    """

    title: str
    version: str
    columns: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    agreement: str
    flags: tuple[ReportFlag, ...]
    provenance: tuple[tuple[str, str], ...]
    remarks: tuple[tuple[str, str], ...] = ()
    pictures: tuple[tuple[PlanePicture, ...], ...] = ()


def report_contents(
    description: dict, pictures: tuple[tuple[PlanePicture, ...], ...] = ()
) -> ReportContents:
    """Create the page from the JSON description of a result."""
    reference = format_ml(description["reference_icv_mm3"])
    flags = description["quality"]["flags"]
    return ReportContents(
        title=description["name"],
        version=description["provenance"]["version"],
        columns=("Structure", "Volume", "Usual", "% of ICV", f"At {reference} mL ICV", "Fold SD"),
        rows=tuple(_rows(description, [flag["code"] for flag in flags])),
        agreement=agreement(description["quality"]),
        flags=tuple(_flag(flag) for flag in sort_by_severity(Flag(**flag) for flag in flags)),
        provenance=tuple(_provenance(description)),
        pictures=pictures,
    )


def agreement(quality: dict) -> str:
    """Describe the agreement of the networks in a sentence."""
    parts = []
    for name, key, digits in (("hypothalamus", "fold_dice", 2), ("ICV", "icv_fold_dice", 3)):
        folds = quality[key]
        if folds and len(folds) > 1:
            parts.append(f"{name} {min(folds):.{digits}f}–{max(folds):.{digits}f}")
    if not parts:
        return "Only one network was used, so agreement is unknown."
    return f"Agreement of the networks (Dice; 1 is perfect): {', '.join(parts)}."


def usual_range(structure: str, description: dict) -> str:
    """Usual range of a volume (outside it is flagged), in the displayed unit, or a dash.

    Parameters
    ----------
    structure : str
    description : dict
        Of the result, which names the protocol.
    """
    if structure == "icv":
        return "–".join(map(format_ml, ICV_RANGE_MM3))
    if structure == "hypothalamus_total":
        protocol = description.get("protocol") or PUBLISHED.as_json()
        return "–".join(map(format_number, protocol["usual_range_mm3"]))
    return MISSING


def _rows(description: dict, codes: list[str]) -> Iterator[ReportRow]:
    hypothalamus = description.get("hypothalamus")
    for part in PARTS if hypothalamus else ():
        yield _row(f"Hypothalamus, {part}", hypothalamus[part], codes, description)
    if description.get("icv"):
        yield _row("Intracranial volume (ICV)", description["icv"], codes, description)


def _row(name: str, entry: dict, codes: Iterable[str], description: dict) -> ReportRow:
    structure = entry["structure"]
    covered = covered_columns(codes, structure)
    is_icv = structure == "icv"
    show, unit = (format_ml, "mL") if is_icv else (format_number, "mm³")
    percent = MISSING if is_icv else format_percent(entry["fraction_of_icv"])
    adjusted = MISSING if is_icv else add_unit(format_number(entry["icv_adjusted_mm3"]), "mm³")
    numbers = (
        Number(add_unit(show(entry["volume_mm3"]), unit), "volume_mm3" in covered),
        Number(add_unit(usual_range(structure, description), unit)),
        Number(percent, "fraction_of_icv" in covered and percent != MISSING),
        Number(adjusted, "icv_adjusted_mm3" in covered and adjusted != MISSING),
        Number(add_unit(show(entry["fold_sd_mm3"]), unit), "fold_sd_mm3" in covered),
    )
    return ReportRow(name, numbers)


def add_unit(number: str, unit: str) -> str:
    """Add the unit to a number, unless the number is missing."""
    return number if number == MISSING else f"{number} {unit}"


def _flag(flag: Flag) -> ReportFlag:
    return ReportFlag(flag.code, severity_of(flag.code), FLAG_TITLES[flag.code], flag.message)


def _provenance(description: dict) -> Iterator[tuple[str, str]]:
    provenance = description["provenance"]
    yield "Protocol", protocol_name(description)
    yield "Software", f"HypothalamusSeg {provenance['version']}, torch {provenance['torch']}"
    yield "Computed on", f"{provenance['device']}, {provenance['threads']} threads"
    yield "Options", _options(provenance["options"])
    yield "SHA-256 of the scan", provenance["input_sha256"]
    ensembles: dict[str, list[str]] = {}
    for name, checksum in provenance["weights_sha256"].items():
        ensembles.setdefault(name.rpartition("_fold")[0], []).append(checksum)
    for name, sums in ensembles.items():
        words = ", ".join(one[:CHECKSUM_LETTERS] for one in sums)
        yield f"Networks, {_spoken(name)}", words


def _options(options: dict) -> str:
    folds = ", ".join(str(1 + fold) for fold in options["folds"])
    structures = " and ".join(map(_spoken, options["structures"]))
    subunits = " with subunits" if options["subunits"] else ""
    return f"{structures}{subunits}; grid {options['grid']}; networks {folds}"


def _spoken(structure: str) -> str:
    return structure.replace("icv", "ICV").replace("_", " ")
