"""The group level from the index to its files.

pandas, statsmodels and matplotlib are imported only when the level runs: the participant level
shares its command line and needs none of them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .group.options import GroupOptions
from .structures import TOTAL
from .tables import describe_columns, write_table

if TYPE_CHECKING:
    from .group.analysis import GroupAnalysis

VOLUMES_NAME, STATISTICS_NAME = "group_volumes.tsv", "group_statistics.tsv"
CHANGES_NAME, MODELS_NAME = "group_longitudinal.tsv", "group_models.tsv"
FOLLOWED_NAME = "group_longitudinal_followed.tsv"
REPORT_NAME, CONTACT_SHEET_NAME = "group_report.html", "contact_sheet.html"
REPORT_STEM = Path(REPORT_NAME).stem
RECORD_NAME, FROZEN_NAME = "group_record.json", "group_frozen.json"


def run_group(options: GroupOptions) -> list[Path]:
    """Compare the groups and write tables, report and contact sheet.

    Parameters
    ----------
    options : GroupOptions

    Returns
    -------
    list of Path
        The files, the report first, without the report's figures and tables. What was found amiss
        with the data goes to stderr as well.

    Raises
    ------
    HypothalamusSegError
        See `Cohort.group.errors`; nothing is written then.
    """
    from dataclasses import replace

    from HypothalamusSegLib.results.atomic_files import as_write_error, atomic_files

    from .group.analysis import analyse
    from .index.results_table import read_failures, read_results
    from .report.blinded_review import BLINDED_FOLDER, remove_stale, write_blinded_review
    from .report.contact_sheet import write_contact_sheet
    from .report.exhibits import are_exhibits
    from .report.exhibits import remove_stale as remove_stale_exhibits
    from .report.record import frozen_findings, write_frozen

    results, failures = read_results(options.output), read_failures(options.output)
    analysis = analyse(options, results, failures)
    folder = options.group_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise as_write_error(error, folder) from error
    frozen = folder / FROZEN_NAME
    if not options.freeze:
        found = frozen_findings(frozen, options)
        analysis = replace(analysis, findings=(*analysis.findings, *found))
    with atomic_files(folder) as stage:
        if options.blinded:
            found = write_blinded_review(analysis, stage / BLINDED_FOLDER)
            analysis = replace(analysis, findings=(*analysis.findings, *found))
        write_contact_sheet(analysis, stage / CONTACT_SHEET_NAME, with_groups=not options.freeze)
        if options.freeze:
            write_frozen(analysis, frozen, stage / FROZEN_NAME)
        else:
            _write_results(analysis, stage)
        names = sorted(path.name for path in stage.iterdir())
    if options.blinded:
        remove_stale(analysis, folder / BLINDED_FOLDER)
    if not options.freeze:
        remove_stale_exhibits(folder, REPORT_STEM, names)
        for stale in {STATISTICS_NAME, MODELS_NAME, CHANGES_NAME, FOLLOWED_NAME} - set(names):
            # Files left by an earlier run with other options would not belong to this report.
            for name in (stale, Path(stale).with_suffix(".json").name):
                (folder / name).unlink(missing_ok=True)
        for finding in analysis.findings:
            print(f"{finding.severity}: {finding.line}", file=sys.stderr)
    names = [name for name in names if name not in are_exhibits(names, REPORT_STEM)]
    names.sort(key=lambda name: (name != REPORT_NAME, name != CONTACT_SHEET_NAME, name))
    return [folder / name for name in names]


def _write_results(analysis: GroupAnalysis, stage: Path) -> None:
    from .group.joined_table import write_group_volumes
    from .group.statistics_table import statistics_table, write_statistics
    from .group.supplement import COLUMNS, supplement_table
    from .report.group_report import write_report
    from .report.record import analysis_record, write_json

    write_report(analysis, stage / REPORT_NAME)
    write_group_volumes(analysis.volumes, analysis.table.described, stage / VOLUMES_NAME)
    if analysis.statistics:
        statistics = statistics_table(analysis.statistics, analysis.contrast)
        write_statistics(statistics, stage / STATISTICS_NAME)
    others = supplement_table(analysis.supplement, TOTAL)
    if len(others):
        write_table(others, stage / MODELS_NAME, describe_columns(COLUMNS), float_format="%.6g")
    if analysis.longitudinal and len(analysis.longitudinal[0].changes):
        changes = analysis.longitudinal[0].changes.replace({"": None})
        write_table(changes, stage / CHANGES_NAME, float_format="%.4f")
    if analysis.followed is not None and len(analysis.followed.changes):
        changes = analysis.followed.changes.replace({"": None})
        write_table(changes, stage / FOLLOWED_NAME, float_format="%.4f")
    write_json(analysis_record(analysis), stage / RECORD_NAME)
