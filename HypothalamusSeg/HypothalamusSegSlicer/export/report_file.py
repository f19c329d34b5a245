"""The one-page report as a PDF of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..scene.result_nodes import ResultNodes
from ..volumes.rows import VolumeRow
from .report import draw_report_pdf
from .result_files import write_whole
from .subject import MayReplace, export_subject, refuse_another_scan, refuse_to_replace


def export_report(
    nodes: ResultNodes,
    rows: Sequence[VolumeRow],
    folder: str | Path,
    may_replace: MayReplace = refuse_to_replace,
) -> list[Path]:
    """Write ``NAME_report.pdf``.

    Returns
    -------
    list of Path
        Empty if nothing may be replaced.

    Raises
    ------
    ExportError
        The folder cannot be written to, or has files of another scan under this name.
    """
    subject = export_subject(nodes)
    checksum = nodes.record.engine["provenance"]["input_sha256"]
    refuse_another_scan(Path(folder) / f"{subject.stem}_volumes.json", checksum)

    def write(stage: Path) -> None:
        draw_report_pdf(nodes, rows, subject, stage / f"{subject.stem}_report.pdf")

    return write_whole(Path(folder), write, may_replace)
