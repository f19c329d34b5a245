"""The command `hypothalamus-seg`: segment, follow, demo, info, and commands of installed faces.

A face (cohort, serve) is a separate package. It registers its ``main(arguments)`` as an entry
point in the group ``hypothalamus_seg.faces``; this package does not import it.

Examples
--------
>>> parser = build_parser()
>>> parser.parse_args(["segment", "head.nii.gz", "--output", "out"]).output.name
'out'
"""

from __future__ import annotations

import argparse
import functools
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from . import __version__
from .arguments import (
    add_network_options,
    add_run_options,
    add_weights_option,
    argument,
    parse_dates,
    plain_name,
    positive,
    run_options,
)
from .errors import CancelledError
from .machine.cancelling import CANCELLED, cancel_when_stdin_ends, with_cancel_signals
from .machine.waiting_threads import let_waiting_threads_sleep
from .options import Options

ALL_DONE = 0
OWN_COMMANDS = ("segment", "follow", "demo", "info", "worker")
FACES_GROUP = "hypothalamus_seg.faces"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        0: all done; 1: at least one input failed; 2: wrong usage (argparse exits); 130: canceled.
    """
    let_waiting_threads_sleep()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot print "³" prints "?" instead of failing after a finished run.
            stream.reconfigure(errors="replace")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Finding faces reads the metadata of every installed package, so skip it when not needed.
    faces = {} if arguments and arguments[0] in OWN_COMMANDS else installed_faces()
    with_cancel_signals()
    try:
        if arguments and arguments[0] in faces:
            return faces[arguments[0]].load()(arguments[1:])
        options = build_parser(faces).parse_args(arguments)
        return options.run(options)
    except CancelledError:
        print("Canceled. No partial file was left behind.", file=sys.stderr)
        return CANCELLED


def installed_faces() -> dict[str, EntryPoint]:
    """Find the commands of installed faces, by name."""
    return {point.name: point for point in entry_points(group=FACES_GROUP)}


def build_parser(faces: Iterable[str] = ()) -> argparse.ArgumentParser:
    """Build the argument parser; faces are listed by name only, for ``--help``."""
    parser = argparse.ArgumentParser(
        prog="hypothalamus-seg",
        description="Segment the hypothalamus and the intracranial volume on T1-weighted head MRI. "
        "Not a medical device.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    segment = commands.add_parser("segment", help="segment one or more scans")
    segment.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="NIfTI, NRRD, MGZ/MGH or MetaImage file, or a folder with one DICOM series",
    )
    add_run_options(segment)
    segment.set_defaults(run=_segment)
    _add_follow(commands.add_parser("follow", help="changes between scans of one person"))
    demo = commands.add_parser("demo", help="segment the sample brain that comes with nilearn")
    add_run_options(demo)
    demo.set_defaults(run=_demo)
    info = commands.add_parser(
        "info", help="show versions, weights with checksums, devices and memory"
    )
    add_weights_option(info)
    info.set_defaults(run=_info)
    worker = commands.add_parser(
        "worker", help="stay loaded and segment scans for another program, see Docs/WORKER.md"
    )
    worker.add_argument(
        "--idle-seconds",
        type=argument(positive),
        default=None,
        metavar="N",
        help="end after N seconds without a request",
    )
    worker.set_defaults(run=_worker)
    for name in sorted(faces):
        commands.add_parser(name, help=f"see `hypothalamus-seg {name} --help`", add_help=False)
    return parser


def _add_follow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="SCAN", help="two or more scans of one person"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--name", type=argument(plain_name), default="person", help="beginning of all file names"
    )
    parser.add_argument(
        "--dates",
        type=argument(parse_dates),
        default=None,
        metavar="YYYY-MM-DD,…",
        help="one for each scan, in the same order (default: from the DICOM headers)",
    )
    parser.add_argument("--subunits", action="store_true", help="also the ten subunits")
    add_network_options(parser)
    parser.add_argument(
        "--no-page",
        action="store_true",
        help="write no page with the flicker view (matplotlib is then not needed)",
    )
    parser.add_argument(
        "--stop-with-stdin", action="store_true", help="cancel when standard input closes"
    )
    parser.set_defaults(run=lambda parsed: _follow(parser, parsed))


def _segment(parsed: argparse.Namespace) -> int:
    from .batch import segment_files

    if parsed.stop_with_stdin:
        cancel_when_stdin_ends()
    return segment_files(
        parsed.inputs,
        parsed.output,
        run_options(parsed),
        parsed.progress,
        with_overview=not parsed.no_overview,
        with_report=parsed.report,
    )


def _follow(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> int:
    if len(parsed.inputs) < 2:
        parser.error("name two or more scans of one person")
    if parsed.dates is not None and len(parsed.dates) != len(parsed.inputs):
        parser.error(f"{len(parsed.dates)} dates for {len(parsed.inputs)} scans")
    from .longitudinal.run import follow_files

    if parsed.stop_with_stdin:
        cancel_when_stdin_ends()
    options = Options(
        subunits=parsed.subunits,
        device=parsed.device,
        threads=parsed.threads,
        folds=parsed.folds,
        weights=parsed.weights,
    )
    return follow_files(
        parsed.inputs,
        parsed.dates,
        parsed.output,
        parsed.name,
        options,
        parsed.progress,
        with_page=not parsed.no_page,
    )


def _demo(parsed: argparse.Namespace) -> int:
    from .machine.sample import sample_scan

    parsed.inputs = [sample_scan()]
    code = _segment(parsed)
    if code == ALL_DONE and parsed.progress != "json":
        print(f"Files and picture: {parsed.output}")
    return code


def _worker(parsed: argparse.Namespace) -> int:
    from .worker.channel import Channel
    from .worker.service import WorkerService

    # Loaded at the first request: the program at the other end need not wait for the first event.
    @functools.cache
    def handlers_with_networks() -> dict[str, Callable]:
        from .loaded_networks import LoadedNetworks
        from .worker.following import FollowHandler
        from .worker.segmenting import SegmentHandler

        networks = LoadedNetworks()
        return {"segment": SegmentHandler(networks), "follow": FollowHandler(networks)}

    def handler(kind: str) -> Callable:
        return lambda fields, report: handlers_with_networks()[kind](fields, report)

    handlers = {kind: handler(kind) for kind in ("segment", "follow")}
    return WorkerService(Channel(), handlers, parsed.idle_seconds).run()


def _info(parsed: argparse.Namespace) -> int:
    from .machine.installation import describe_installation
    from .networks.weight_listing import list_weights

    print("\n".join([*describe_installation(), *list_weights(parsed.weights)]))
    return ALL_DONE
