"""Options that several commands share, and the conversion of their values.

Examples
--------
>>> parser = argparse.ArgumentParser()
>>> add_engine_options(parser)
>>> parser.parse_args(["--folds", "0,1"]).folds
(0, 1)
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path

from .options import DEVICES, FOLDS, GRID_NAMES, STRUCTURES, Options, check_structures, parse_folds
from .progress import PROGRESS_STYLES


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the commands that segment scans."""
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    add_engine_options(parser)
    parser.add_argument(
        "--structures",
        type=argument(lambda text: check_structures(text.split(","))),
        default=STRUCTURES,
        metavar=",".join(STRUCTURES),
    )
    parser.add_argument(
        "--dicom",
        action="store_true",
        help="for DICOM input, also write a segmentation (SEG), a measurement report (SR) and the "
        "picture as DICOM objects",
    )
    parser.add_argument(
        "--stop-with-stdin",
        action="store_true",
        help="cancel when standard input closes (for programs that start this one)",
    )


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add where the networks run, which of them, and how progress is shown."""
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--threads", type=argument(positive), default=None, metavar="N")
    parser.add_argument("--folds", type=argument(parse_folds), default=FOLDS, metavar="0,1,2,3,4")
    add_weights_option(parser)
    parser.add_argument("--progress", choices=PROGRESS_STYLES, default="bar")


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options shared by all commands that run the engine."""
    parser.add_argument("--subunits", action="store_true", help="also segment the ten subunits")
    parser.add_argument(
        "--grid", choices=GRID_NAMES, default="0.5", help="grid of the hypothalamus labels"
    )
    add_network_options(parser)
    parser.add_argument(
        "--no-overview",
        action="store_true",
        help="write no picture (matplotlib is then not needed)",
    )
    parser.add_argument("--report", action="store_true", help="also write a one-page report as PDF")
    parser.add_argument(
        "--spread",
        action="store_true",
        help="also write where the networks of the hypothalamus disagree",
    )


def add_weights_option(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a folder of weights, and with it of the protocol."""
    parser.add_argument(
        "--weights",
        metavar="DIR",
        help="weights of another protocol, as `hypothalamus-seg adapt` writes them",
    )


def argument(convert: Callable[[str], object]) -> Callable[[str], object]:
    """Wrap a converter so that the user sees the message of its ValueError."""

    def checked(text: str):
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked


def positive(text: str) -> int:
    """Parse a count of one or more; raises ValueError."""
    number = int(text)
    if number < 1:
        raise ValueError(f"{text} is not a positive number")
    return number


def parse_dates(text: str) -> list[date]:
    """Read dates such as ``2021-05-03,2023-05-10``; raises ValueError.

    Examples
    --------
    >>> [day.year for day in parse_dates("2021-05-03,2023-05-10")]
    [2021, 2023]
    """
    return [date.fromisoformat(part.strip()) for part in text.split(",")]


def plain_name(text: str) -> str:
    """Check a name for files; raises ValueError if it leads elsewhere.

    Examples
    --------
    >>> plain_name("sub-01")
    'sub-01'
    """
    if not text or Path(text).name != text or text.startswith("."):
        raise ValueError(f"{text!r} cannot be used in file names")
    return text


def run_options(parsed: argparse.Namespace) -> Options:
    """Build the engine options from a parsed command line."""
    return Options(
        structures=parsed.structures,
        subunits=parsed.subunits,
        grid=parsed.grid,
        device=parsed.device,
        threads=parsed.threads,
        folds=parsed.folds,
        dicom=getattr(parsed, "dicom", False),
        weights=parsed.weights,
        spread=parsed.spread,
    )
