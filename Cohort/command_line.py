"""The command `hypothalamus-seg cohort`: participant level, group level, comparison of two runs."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from HypothalamusSegLib.arguments import add_engine_options, argument, positive
from HypothalamusSegLib.errors import CancelledError, HypothalamusSegError
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.progress import Reporter, reporter

from .bids_app_options import add_bids_app_arguments, read_level, without_effect

ALL_DONE, SOME_FAILED, CANCELLED = 0, 1, 130
COMPARE = "compare"
FAILURES_SHOWN = 20
EXECUTORS = ("local", "parsl")


def main(arguments: Sequence[str]) -> int:
    """Run `hypothalamus-seg cohort` with the arguments that follow these words.

    Returns
    -------
    int
        0: all done; 1: the work, or at least one scan, failed; 2: wrong usage (argparse exits by
        itself); 130: canceled; everything finished so far is kept.
    """
    arguments = list(arguments)
    if arguments[:1] == [COMPARE]:
        run, parsed = _compare, _compare_parser().parse_args(arguments[1:])
    else:
        parsed = parse_level(arguments)
        run = _level(parsed.level)
        if parsed.without_effect:
            print(without_effect(parsed.without_effect), file=sys.stderr)
    try:
        return run(parsed)
    except CancelledError:
        # Exited below, where no traceback keeps the pool alive.
        pass
    except HypothalamusSegError as error:
        print(error, file=sys.stderr)
        return SOME_FAILED
    print("Canceled. Run the same command to resume.", file=sys.stderr, flush=True)
    sys.stdout.flush()
    gc.collect()
    # Not by Python's normal exit, which would wait for the executor's threads.
    os._exit(CANCELLED)


def parse_level(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line of the participant or group level; argparse ends wrong usage.

    Returns
    -------
    argparse.Namespace
        With ``level``, ``bids_dir`` and ``output_dir`` in their places.
    """
    parser = cohort_parser()
    # Else an option between OUT and LEVEL would hide the level.
    parsed = parser.parse_intermixed_args(arguments)
    read_level(parser, parsed)
    if parsed.executor == "parsl" and not parsed.parsl_config:
        parser.error("--executor parsl needs --parsl-config FILE")
    if parsed.parsl_config and parsed.executor != "parsl":
        parser.error("--parsl-config needs --executor parsl")
    return parsed


def _level(name: str) -> Callable[[argparse.Namespace], int]:
    return {"participant": _participant, "group": _group, "follow": _follow, "reindex": _reindex}[
        name
    ]


def cohort_parser() -> argparse.ArgumentParser:
    """Build the parser of the participant and group level."""
    from .group_arguments import add_group_arguments

    parser = argparse.ArgumentParser(
        prog="hypothalamus-seg cohort",
        description="Segment all T1-weighted scans of a data set (participant), then compare "
        "groups (group), follow subjects over their sessions (follow), or rebuild the index of "
        "the results (reindex). `hypothalamus-seg cohort compare RUN_A RUN_B` compares two runs. "
        "Not a medical device.",
    )
    add_bids_app_arguments(parser)
    which = parser.add_argument_group("which scans")
    for label in ("participant", "session"):
        which.add_argument(
            f"--{label}-label",
            f"--{label}_label",
            nargs="+",
            default=(),
            metavar="LABEL",
            help=f"only these {label}s",
        )
    which.add_argument("--bids-filter-file", type=Path, metavar="FILE", help="as fMRIPrep's")
    which.add_argument(
        "--bids-database-dir", type=Path, metavar="DIR", help="where pybids keeps its index"
    )
    how = parser.add_argument_group("participant level")
    how.add_argument("--workers", type=argument(positive), metavar="N", help="default: what fits")
    how.add_argument("--executor", choices=EXECUTORS, default="local")
    how.add_argument("--parsl-config", type=Path, metavar="FILE", help="see Docs/COHORT.md")
    how.add_argument(
        "--resume",
        action="store_true",
        default=True,
        help="resume an earlier run (always on)",
    )
    how.add_argument(
        "--verify-checksums",
        action="store_true",
        help="read every input again instead of trusting its size and modification time",
    )
    add_engine_options(how)
    add_group_arguments(parser.add_argument_group("group level"))
    return parser


def _participant(parsed: argparse.Namespace) -> int:
    from .participant.progress_line import LOG_NAME, CohortProgress
    from .participant.run import CohortPlan, run_participant_level
    from .participant.scan_list import find_scans

    scans = find_scans(
        parsed.bids_dir,
        parsed.participant_label,
        parsed.session_label,
        parsed.bids_filter_file,
        parsed.bids_database_dir,
    )
    workers, threads = _workers(parsed)
    options = Options(
        subunits=parsed.subunits,
        spread=parsed.spread,
        grid=parsed.grid,
        device=parsed.device,
        threads=threads,
        folds=parsed.folds,
        # Workers may run elsewhere.
        weights=parsed.weights and str(Path(parsed.weights).resolve()),
    )
    plan = CohortPlan(
        scans=tuple(scans),
        source_root=parsed.bids_dir if parsed.bids_dir.is_dir() else parsed.bids_dir.parent,
        output=parsed.output_dir,
        options=options,
        workers=workers,
        with_overview=not parsed.no_overview,
        with_report=parsed.report,
        verify_checksums=parsed.verify_checksums,
    )
    if parsed.progress != "json":
        print(f"{len(scans)} scans; {workers.words()}, {threads} threads each", flush=True)
    report = _reporter(parsed.progress)
    log = parsed.output_dir / LOG_NAME
    summary = run_participant_level(plan, lambda total: CohortProgress(report, log, total))
    report({"event": "result", "summary": summary.as_json()})
    if parsed.progress != "json":
        print("\n".join(summary.lines(FAILURES_SHOWN, log)))
    return SOME_FAILED if summary.failed else ALL_DONE


def _workers(parsed: argparse.Namespace):
    from .participant.executors import ClusterWorkers, LocalWorkers
    from .participant.worker_plan import plan_workers

    if parsed.executor == "parsl":
        return ClusterWorkers(parsed.parsl_config), parsed.threads or 1
    plan = plan_workers(parsed.workers, parsed.threads, parsed.n_cpus, parsed.mem_mb)
    return LocalWorkers(plan.workers), plan.threads_per_worker


def _reporter(style: str) -> Reporter:
    """The engine's bar or JSON lines; where there is no terminal, a line for each scan."""
    if style == "bar" and not sys.stderr.isatty():
        return _print_scan
    return reporter(style)


def _print_scan(event: dict) -> None:
    if event["event"] == "progress":
        reason = f": {event['reason']}" if event["reason"] else ""
        print(f"{event['step']}  {event['scan']} {event['status']}{reason}", flush=True)


def _group(parsed: argparse.Namespace) -> int:
    from .group_arguments import options_from
    from .group_run import run_group

    options = replace(options_from(parsed), command=tuple(sys.argv))
    for path in run_group(options):
        print(path)
    return ALL_DONE


def _follow(parsed: argparse.Namespace) -> int:
    from .follow_up.run import run_follow_level
    from .follow_up.subjects import find_subjects
    from .index.results_table import read_results

    root = parsed.bids_dir if parsed.bids_dir.is_dir() else None
    results = read_results(parsed.output_dir)
    subjects = find_subjects(results, root, parsed.participant_label)
    workers, threads = _workers(parsed)
    options = Options(
        subunits=parsed.subunits,
        device=parsed.device,
        threads=threads,
        folds=parsed.folds,
        weights=parsed.weights,
    )
    print(f"{len(subjects)} subjects with several sessions; {workers.words()}", flush=True)

    def tell(outcome) -> None:
        print(f"{outcome.participant_id}: {outcome.reason or 'followed'}", flush=True)

    outcomes = run_follow_level(
        subjects, parsed.output_dir, options, workers, not parsed.no_overview, tell
    )
    unchanged = len(subjects) - len(outcomes)
    failed = [outcome for outcome in outcomes if outcome.reason]
    print(f"{len(outcomes) - len(failed)} followed, {unchanged} unchanged, {len(failed)} failed")
    return SOME_FAILED if failed else ALL_DONE


def _reindex(parsed: argparse.Namespace) -> int:
    from .participant.reindex import rebuild_index

    root = parsed.bids_dir if parsed.bids_dir.is_dir() else parsed.bids_dir.parent
    rebuilt = rebuild_index(parsed.output_dir, root, parsed.weights)
    print(f"{rebuilt.finished} finished and {rebuilt.failed} failed scans are in the new index")
    for path in rebuilt.unreadable:
        print(f"! {path} cannot be used; the scan will be segmented again", file=sys.stderr)
    return SOME_FAILED if rebuilt.unreadable else ALL_DONE


def _compare_parser() -> argparse.ArgumentParser:
    from .comparison_run import add_compare_arguments

    parser = argparse.ArgumentParser(
        prog="hypothalamus-seg cohort compare",
        description="Agreement of two runs over the same scans (Bland-Altman).",
    )
    add_compare_arguments(parser)
    return parser


def _compare(parsed: argparse.Namespace) -> int:
    from .comparison_run import compare_runs, options_from

    for path in compare_runs(options_from(parsed)):
        print(path)
    return ALL_DONE
