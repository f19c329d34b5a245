"""Write a segmentation's files: label maps, table, JSON and overview picture.

Examples
--------
>>> files, dicom_failure = write_all(record, Path("out"))  # doctest: +SKIP
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import DicomSourceError
from ..flags import sort_by_severity
from ..geometry.voxel_image import VoxelImage
from ..measures.intervals import COVERAGE
from ..measures.protocol import PUBLISHED
from ..measures.segmentation import Segmentation
from ..measures.volumes import REFERENCE_ICV_MM3
from .atomic_files import atomic_files, files_below
from .dicom.engine_result import contents_of, read_picture
from .dicom.objects import make_objects
from .dicom.source_series import SourceSeries
from .flag_coverage import covered_columns
from .nifti import write_nifti
from .number_format import format_ml, format_number, format_percent
from .overview import CaptionLine, draw_overview
from .plane_pictures import report_pictures
from .record import CSV_COLUMNS, PROTOCOL_COLUMN, ResultRecord
from .report_contents import report_contents
from .report_pdf import PICTURE_PIXELS, write_report


def write_all(
    record: ResultRecord,
    folder: Path,
    with_overview: bool = True,
    with_report: bool = False,
    source: SourceSeries | None = None,
) -> tuple[list[Path], DicomSourceError | None]:
    """Write all files of a result; Docs/COMMAND_LINE.md lists their names.

    Parameters
    ----------
    record : ResultRecord
    folder : Path
    with_overview : bool
        The picture needs matplotlib, which is not part of 3D Slicer.
    with_report : bool
        Also write the one-page report (needs matplotlib).
    source : SourceSeries or None
        Also write DICOM objects that refer to it (needs highdicom); the result must have been made
        with `Options.dicom`.

    Returns
    -------
    list of Path
        The files in ``folder``.
    DicomSourceError or None
        Why there are no DICOM objects among them.
    """
    failure = None
    result = record.segmentation
    name = result.scan.name
    with atomic_files(folder) as stage:
        for suffix, image in (
            ("hypothalamus_dseg", result.hypothalamus),
            ("subunits_dseg", result.subunits),
            ("icv_mask", result.icv),
            ("hypothalamus_spread", result.spread),
        ):
            if image is not None:
                write_label_map(image, stage / f"{name}_{suffix}.nii.gz")
        write_table(record.table_rows, stage / f"{name}_volumes.csv")
        text = json.dumps(record.description, indent=2, allow_nan=False)
        (stage / f"{name}_volumes.json").write_text(text + "\n", encoding="utf-8")
        if with_overview:
            write_overview(record, stage / f"{name}_overview.png")
        if with_report:
            write_report_page(record, stage / f"{name}_report.pdf")
        if source is not None:
            try:
                write_dicom(record, source, stage)
            except DicomSourceError as error:
                failure = error
        files = files_below(stage)
    return [folder / file for file in files], failure


def write_dicom(record: ResultRecord, source: SourceSeries, folder: Path) -> list[Path]:
    """Write segmentation and report, and the overview picture if it is in the folder.

    Raises
    ------
    DicomSourceError, DicomPackageMissingError
    """
    result = record.segmentation
    contents = contents_of(record.description, record.rows, result.on_scan_grid)
    picture = folder / f"{result.scan.name}_overview.png"
    pixels = read_picture(picture) if picture.exists() else None
    return make_objects(contents, source, pixels).save(folder, result.scan.name)


def write_overview(record: ResultRecord, path: Path) -> None:
    """Draw the overview picture, with volumes and flags as text."""
    result = record.segmentation
    lines = caption(result)
    if result.protocol != PUBLISHED:
        lines.append(CaptionLine(f"Protocol: {result.protocol.name}"))
    draw_overview(
        path,
        result.scan.volume,
        result.hypothalamus,
        result.icv,
        title=result.scan.name,
        caption=lines,
        warnings=[flag.message for flag in sort_by_severity(result.quality.flags)],
    )


def write_report_page(record: ResultRecord, path: Path) -> None:
    """Draw the one-page report as PDF."""
    result = record.segmentation
    pictures = report_pictures(result.scan.volume, result.hypothalamus, result.icv, PICTURE_PIXELS)
    write_report(report_contents(record.description, pictures), path)


def write_label_map(image: VoxelImage, path: Path) -> None:
    """Write labels as compressed NIfTI, in the type of the array (uint8 or uint16)."""
    write_nifti(image, path)


def write_table(rows: Sequence[dict], path: Path) -> None:
    """Write one row per structure; missing numbers are empty cells."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        columns = (*CSV_COLUMNS, PROTOCOL_COLUMN)
        table = csv.DictWriter(stream, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def caption(result: Segmentation) -> list[CaptionLine]:
    """List the volumes for the picture; each line says whether a severe flag covers it."""
    by_name = {volume.structure: volume for volume in result.volumes}
    codes = [flag.code for flag in result.quality.flags]

    def is_covered(structure: str, column: str) -> bool:
        return column in covered_columns(codes, structure)

    lines = []
    if "hypothalamus_total" in by_name:
        left, right, total = (by_name[f"hypothalamus_{p}"] for p in ("left", "right", "total"))
        spread = (
            "" if total.fold_sd_mm3 is None else f" (fold SD {format_number(total.fold_sd_mm3)})"
        )
        lines += [
            CaptionLine(
                f"Hypothalamus: {format_number(total.volume_mm3)} mm³{spread}",
                is_covered(total.structure, "volume_mm3"),
            ),
            CaptionLine(
                f"left {format_number(left.volume_mm3)} mm³, right "
                f"{format_number(right.volume_mm3)} mm³",
                is_covered(left.structure, "volume_mm3"),
            ),
        ]
        if total.interval_mm3:
            low, high = map(format_number, total.interval_mm3)
            words = f"{100 * COVERAGE:.0f} % interval of the total: {low}–{high} mm³"
            lines.append(CaptionLine(words, is_covered(total.structure, "volume_mm3")))
        if total.icv_adjusted_mm3 is not None:
            words = (
                f"{format_percent(total.fraction_of_icv)} % of ICV; "
                f"{format_number(total.icv_adjusted_mm3)} mm³ at an ICV of "
                f"{format_ml(REFERENCE_ICV_MM3)} mL"
            )
            lines.append(CaptionLine(words, is_covered(total.structure, "icv_adjusted_mm3")))
    if "icv" in by_name:
        icv, limits = by_name["icv"], ""
        if icv.interval_mm3:
            low, high = map(format_ml, icv.interval_mm3)
            limits = f" ({100 * COVERAGE:.0f} % interval {low}–{high})"
        words = f"Intracranial volume: {format_ml(icv.volume_mm3)} mL{limits}"
        lines.append(CaptionLine(words, is_covered("icv", "volume_mm3")))
    return lines
