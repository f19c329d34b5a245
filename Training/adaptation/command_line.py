"""The command `hypothalamus-seg adapt`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from HypothalamusSegLib.arguments import add_weights_option, argument, positive
from HypothalamusSegLib.errors import CancelledError, HypothalamusSegError
from HypothalamusSegLib.machine.cancelling import CANCELLED
from HypothalamusSegLib.measures.protocol import checked_name
from HypothalamusSegLib.progress import PROGRESS_STYLES, reporter

ALL_DONE, FAILED, NOT_HELPED = 0, 1, 3
NOT_INSTALLED = "adapt needs more packages. Install them: pip install 'hypothalamus-seg[adapt]'."


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command."""
    parser = argparse.ArgumentParser(
        prog="hypothalamus-seg adapt",
        description="Teach the networks to draw the hypothalamus like a rater, from five training "
        "cases on. See Docs/ADAPT.md. Not a medical device.",
    )
    parser.add_argument(
        "cases", type=Path, metavar="CASES", help="BIDS-like folder of scans and label maps"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--name", required=True, type=argument(checked_name), help="of your protocol"
    )
    parser.add_argument(
        "--minutes", type=argument(_minutes), default=60.0, metavar="N", help="default: 60"
    )
    parser.add_argument("--rater", metavar="NAME", help="folder below derivatives to take")
    parser.add_argument(
        "--sides", type=argument(_sides), metavar="LEFT,RIGHT", help="values of the sides"
    )
    parser.add_argument(
        "--whole", action="store_true", help="take all values of a label map together"
    )
    parser.add_argument(
        "--skip-bad-cases",
        action="store_true",
        help="leave out cases whose label cannot be used, rather than stop",
    )
    parser.add_argument(
        "--write-anyway", action="store_true", help="write weights even if it has not helped"
    )
    parser.add_argument(
        "--with-names",
        action="store_true",
        help="name the cases in the manifest; without it only checksums of their files",
    )
    add_weights_option(parser)
    parser.add_argument("--threads", type=argument(positive), default=None, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--progress", choices=PROGRESS_STYLES, default="bar")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run `hypothalamus-seg adapt` with the arguments that follow these words.

    Returns
    -------
    int
        0: weights were written; 1: failed; 2: wrong usage (argparse exits); 3: adaptation has not
        helped, only the page was written; 130: stopped, the same command goes on.
    """
    parsed = build_parser().parse_args(list(arguments))
    try:
        import jinja2
        import scipy
    except ImportError as error:
        print(f"{NOT_INSTALLED} ({error})", file=sys.stderr)
        return FAILED
    del jinja2, scipy
    try:
        return _adapt(parsed)
    except CancelledError:
        print("Stopped. Run the same command to go on where it was.", file=sys.stderr)
        return CANCELLED
    except HypothalamusSegError as error:
        reporter(parsed.progress)({"event": "error", "code": error.code, "message": str(error)})
        print(error, file=sys.stderr)
        return FAILED


def _adapt(parsed: argparse.Namespace) -> int:
    from .options import AdaptOptions, LabelOptions
    from .page import summary_rows, verdict
    from .progress import AdaptProgress
    from .run import adapt

    report = reporter(parsed.progress)
    options = AdaptOptions(
        cases=parsed.cases,
        output=parsed.output,
        name=parsed.name,
        minutes=parsed.minutes,
        weights=parsed.weights,
        rater=parsed.rater,
        labels=LabelOptions(parsed.sides, parsed.whole),
        skip_bad=parsed.skip_bad_cases,
        write_anyway=parsed.write_anyway,
        with_names=parsed.with_names,
        threads=parsed.threads,
        seed=parsed.seed,
    )
    with_lines = parsed.progress == "bar" and not sys.stderr.isatty()
    result = adapt(options, AdaptProgress(report, with_lines))
    files = [str(path) for path in (result.page, result.manifest) if path]
    report({"event": "result", "files": files, "result": result.figures.as_json()})
    if parsed.progress != "json":
        for finding in result.findings:
            print(f"! {finding.case}: {finding.message}")
        for measure, before, after in summary_rows(result.figures):
            print(f"{measure:<28}{before:>10} → {after}")
        print(verdict(result.figures, result.manifest is not None))
        print("\n".join(files))
        if result.manifest:
            print(f"Use it: hypothalamus-seg segment SCAN --output OUT --weights {parsed.output}")
    return ALL_DONE if result.manifest else NOT_HELPED


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes < 10_000:
        raise ValueError(f"{text} is not a number of minutes")
    return minutes


def _sides(text: str) -> tuple[int, int]:
    left, _, right = text.partition(",")
    values = int(left), int(right)
    if values[0] == values[1] or min(values) < 1:
        raise ValueError(f"{text} is not two different values, for example 1,2")
    return values
