"""`hypothalamus-seg cohort compare`: the agreement of two runs over the same scans."""

from __future__ import annotations

import argparse
from pathlib import Path

from .comparison.matched_runs import REPORT_NAME, CompareOptions, match_runs


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two runs and the output folder to a command line."""
    parser.add_argument("run_a", type=Path, metavar="RUN_A", help="output of a participant level")
    parser.add_argument("run_b", type=Path, metavar="RUN_B", help="another, of the same scans")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")


def options_from(parsed: argparse.Namespace) -> CompareOptions:
    """Options of a parsed command line."""
    return CompareOptions(parsed.run_a, parsed.run_b, parsed.output)


def compare_runs(options: CompareOptions) -> list[Path]:
    """Compare two runs and write report and tables.

    Parameters
    ----------
    options : CompareOptions

    Returns
    -------
    list of Path
        The files, the report first, without its figures and tables.

    Raises
    ------
    RunsDoNotMatchError
        If they have no scan in common.
    """
    from HypothalamusSegLib.results.atomic_files import atomic_files

    from .comparison.report import write_comparison
    from .index.results_table import read_results
    from .report.exhibits import are_exhibits, remove_stale

    pairs = match_runs(read_results(options.run_a), read_results(options.run_b), options)
    with atomic_files(options.output) as stage:
        write_comparison(pairs, options, stage)
        names = sorted(path.name for path in stage.iterdir())
    stem = Path(REPORT_NAME).stem
    remove_stale(options.output, stem, names)
    names = [name for name in names if name not in are_exhibits(names, stem)]
    names.sort(key=lambda name: (name != REPORT_NAME, name))
    return [options.output / name for name in names]
