"""The group level's command line: its options, and the files that it writes.

pandas, statsmodels and matplotlib are imported only when the level runs: the participant level
shares this command line and needs none of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

from HypothalamusSegLib.command_line import argument
from HypothalamusSegLib.flags import FLAG_CODES

from .group.icv_adjustment import ADJUSTMENTS, ANCOVA
from .group.options import GroupOptions
from .structures import TOTAL
from .tables import described, write_table

if TYPE_CHECKING:
    from .group.analysis import GroupAnalysis

PARTICIPANTS_NAME = "participants.tsv"
VOLUMES_NAME, STATISTICS_NAME = "group_volumes.tsv", "group_statistics.tsv"
CHANGES_NAME, MODELS_NAME = "group_longitudinal.tsv", "group_models.tsv"
REPORT_NAME, CONTACT_SHEET_NAME = "group_report.html", "contact_sheet.html"
REPORT_STEM = Path(REPORT_NAME).stem
RECORD_NAME, FROZEN_NAME = "group_record.json", "group_frozen.json"
NAMED_FOLDER = "group_{name}"


def add_group_arguments(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the group level's options to a command line with ``bids_dir`` and ``output_dir``."""
    parser.add_argument(
        "--participants",
        type=Path,
        metavar="FILE",
        help=f"default: {PARTICIPANTS_NAME} in BIDS_DIR",
    )
    parser.add_argument(
        "--contrast",
        metavar="COLUMN:A-B",
        help="group:als-control compares ALS minus control; without it the cohort is described",
    )
    parser.add_argument(
        "--covariates",
        type=_names,
        default=(),
        metavar="NAMES",
        help="columns of participants.tsv with commas between, for example age,sex",
    )
    parser.add_argument(
        "--categorical",
        type=_names,
        default=(),
        metavar="NAMES",
        help="covariates that look like numbers but are categories, for example site",
    )
    parser.add_argument(
        "--numeric",
        type=_names,
        default=(),
        metavar="NAMES",
        help="covariates with few whole numbers that are quantities, not codes",
    )
    parser.add_argument(
        "--spline",
        type=_names,
        default=(),
        metavar="NAMES",
        help="covariates that enter as natural splines rather than as lines, for example age",
    )
    parser.add_argument(
        "--site",
        metavar="NAME",
        help="column of sites: enters as a covariate, and the result is given without each site",
    )
    parser.add_argument(
        "--predictor",
        type=_names,
        default=(),
        metavar="NAMES",
        help="columns of numbers with which volumes are associated, for example ALSFRS-R",
    )
    parser.add_argument(
        "--equivalence",
        type=argument(_margin),
        metavar="PERCENT",
        help="differences below this percentage of the controls' mean count as none; choose it "
        "before you look at results",
    )
    parser.add_argument(
        "--repeat-scans",
        type=Path,
        metavar="FILE",
        help="compare_agreement.tsv of repeat scans, for the share of measurement error",
    )
    parser.add_argument(
        "--adjustment",
        choices=ADJUSTMENTS,
        default=ANCOVA,
        help="how the report's main result is adjusted for ICV; all four are shown "
        "(default: ancova, ICV as covariate)",
    )
    parser.add_argument(
        "--exclude-flagged",
        action="store_true",
        help="give every result also without the scans that are listed for review",
    )
    parser.add_argument(
        "--ignore-flags",
        type=_flags,
        default=(),
        metavar="CODES",
        help="flags for which no scan is listed, for example anisotropic,coarse_resolution",
    )
    parser.add_argument(
        "--time-column",
        metavar="NAME",
        help="column with each session's time in years; default: acq_time, years or age in "
        "sub-X_sessions.tsv",
    )
    _add_output_arguments(parser)


def _add_output_arguments(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the options on reviews, and on where a group's files go."""
    parser.add_argument(
        "--review",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help="tables of marks (scan, mark, rater); a scan that anyone rejects is in no result",
    )
    parser.add_argument(
        "--group-output",
        type=Path,
        metavar="DIR",
        help="where the group's files go; default: OUT, which may then be read-only",
    )
    parser.add_argument(
        "--name",
        type=_folder_name,
        metavar="NAME",
        help="keep this analysis beside others, in the folder group_NAME",
    )
    parser.add_argument(
        "--freeze",
        action="store_true",
        help=f"keep the plan in {FROZEN_NAME} and show no group; later runs are compared with it",
    )
    parser.add_argument(
        "--blinded",
        action="store_true",
        help="also write a folder for raters: planes under codes, without names, numbers, flags "
        "and groups; --review reads their marks",
    )


def options_from(parsed: argparse.Namespace) -> GroupOptions:
    """Options of a parsed command line."""
    is_folder = parsed.bids_dir.is_dir()
    root = parsed.bids_dir if is_folder else parsed.bids_dir.parent
    participants = parsed.participants
    if participants is None and (parsed.contrast or (root / PARTICIPANTS_NAME).is_file()):
        participants = root / PARTICIPANTS_NAME
    folder = parsed.group_output
    if parsed.name:
        folder = (folder or parsed.output_dir) / NAMED_FOLDER.format(name=parsed.name)
    return GroupOptions(
        output=parsed.output_dir,
        folder=folder,
        reviews=tuple(parsed.review),
        freeze=parsed.freeze,
        blinded=parsed.blinded,
        participants=participants,
        data_root=root,
        contrast=parsed.contrast and normalize("NFC", parsed.contrast),
        covariates=parsed.covariates,
        categorical=parsed.categorical,
        numeric=parsed.numeric,
        splines=parsed.spline,
        site=parsed.site,
        predictors=parsed.predictor,
        equivalence_percent=parsed.equivalence,
        repeat_scans=parsed.repeat_scans,
        adjustment=parsed.adjustment,
        exclude_flagged=parsed.exclude_flagged,
        ignored_flags=parsed.ignore_flags,
        time_column=parsed.time_column,
        participant_labels=tuple(getattr(parsed, "participant_label", ())),
        session_labels=tuple(getattr(parsed, "session_label", ())),
    )


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
        for stale in {STATISTICS_NAME, MODELS_NAME, CHANGES_NAME} - set(names):
            # What an earlier run with other options left would not belong to this report.
            for name in (stale, Path(stale).with_suffix(".json").name):
                (folder / name).unlink(missing_ok=True)
        for finding in analysis.findings:
            print(f"{finding.severity}: {finding.line}", file=sys.stderr)
    names = [name for name in names if name not in are_exhibits(names, REPORT_STEM)]
    names.sort(key=lambda name: (name != REPORT_NAME, name != CONTACT_SHEET_NAME, name))
    return [folder / name for name in names]


def _write_results(analysis: GroupAnalysis, stage: Path) -> None:
    from .group.comparisons import statistics_table, write_statistics
    from .group.joined_table import write_group_volumes
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
        write_table(others, stage / MODELS_NAME, described(COLUMNS), float_format="%.6g")
    if analysis.longitudinal and len(analysis.longitudinal[0].changes):
        changes = analysis.longitudinal[0].changes.replace({"": None})
        write_table(changes, stage / CHANGES_NAME, float_format="%.4f")
    write_json(analysis_record(analysis), stage / RECORD_NAME)


def _folder_name(text: str) -> str:
    if not text or not all(c.isalnum() or c in "-_" for c in text):
        raise argparse.ArgumentTypeError(f"{text!r}: letters, digits, - and _ make a name")
    return text


def _names(text: str) -> tuple[str, ...]:
    names = normalize("NFC", text).split(",")
    return tuple(name.strip() for name in names if name.strip())


def _margin(text: str) -> float:
    value = float(text)
    if not 0 < value < 100:
        raise ValueError(f"{text} is not a percentage between 0 and 100")
    return value


def _flags(text: str) -> tuple[str, ...]:
    codes = _names(text)
    unknown = [code for code in codes if code not in FLAG_CODES]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"unknown flag {', '.join(unknown)}; known: {', '.join(FLAG_CODES)}"
        )
    return codes
