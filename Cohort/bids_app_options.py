"""What BIDS Apps are started with, so that their launchers can start this program unchanged.

Gorgolewski et al. 2017 ("BIDS apps") fixes `APP BIDS_DIR OUT LEVEL`, `--participant-label` and
`--version`; fMRIPrep, MRIQC and their launchers have established more options.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from HypothalamusSegLib import __version__
from HypothalamusSegLib.arguments import argument, positive

LEVELS = ("participant", "group", "follow", "reindex")
# Common elsewhere, without effect here: name to whether a value follows.
WITHOUT_EFFECT = {
    "--skip-bids-validation": False,
    "--notrack": False,
    "--low-mem": False,
    "--stop-on-first-crash": False,
    "--resource-monitor": False,
    "--write-graph": False,
    "--clean-workdir": False,
    "--sloppy": False,
    "--verbose": False,
    "--work-dir": True,
    "--fs-license-file": True,
    "--output-layout": True,
    "--random-seed": True,
}
SHORT_NAMES = {"--work-dir": ("-w",), "--verbose": ("-v", "-vv", "-vvv")}


class _Ignore(argparse.Action):
    """Remember an option that was given but has no effect."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        namespace.without_effect = (*namespace.without_effect, option_string)


def add_bids_app_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the three words, and the options that launchers of BIDS Apps pass with them.

    `read_level` must be called on what is parsed.
    """
    parser.add_argument(
        "bids_dir",
        type=Path,
        metavar="BIDS_DIR",
        help="BIDS data set, folder of images, or table with participant_id and path",
    )
    parser.add_argument("output_dir", type=Path, metavar="OUT", help="folder of the derivatives")
    parser.add_argument(
        "level",
        nargs="?",
        type=Path,
        metavar="LEVEL",
        help=f"{' or '.join(LEVELS)}; in any of the three positions",
    )
    parser.add_argument("--version", action="version", version=f"HypothalamusSeg {__version__}")
    resources = parser.add_argument_group("resources")
    resources.add_argument(
        *_spellings("--n-cpus"),
        *_spellings("--nprocs"),
        *_spellings("--nthreads"),
        dest="n_cpus",
        type=argument(positive),
        metavar="N",
        help="processors for all workers together (default: all that this process may use)",
    )
    resources.add_argument(
        *_spellings("--mem-mb"),
        dest="mem_mb",
        type=argument(positive),
        metavar="MB",
        help="memory for all workers together (default: free memory)",
    )
    parser.set_defaults(without_effect=())
    for name, has_value in WITHOUT_EFFECT.items():
        parser.add_argument(
            *SHORT_NAMES.get(name, ()),
            *_spellings(name),
            action=_Ignore,
            nargs=None if has_value else 0,
            help=argparse.SUPPRESS,
        )


def read_level(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> None:
    """Find the level among the three words, wherever it is, and assign the two folders.

    It is the last word if possible, so folders may be called `participant` or `group`. Where
    it follows a list of labels, argparse has taken it for one of them. Ends with argparse's error
    if there is none.
    """
    if parsed.level is None:
        _take_back_from_labels(parsed)
    words = [parsed.bids_dir, parsed.output_dir, parsed.level]
    place = next((place for place in (2, 0, 1) if str(words[place]) in LEVELS), None)
    if place is None or None in words:
        parser.error(f"one of the three words BIDS_DIR OUT LEVEL must be {' or '.join(LEVELS)}")
    parsed.level = str(words.pop(place))
    parsed.bids_dir, parsed.output_dir = words


def _take_back_from_labels(parsed: argparse.Namespace) -> None:
    for name in ("participant_label", "session_label"):
        labels = list(getattr(parsed, name))
        if labels and labels[-1] in LEVELS:
            parsed.level = labels.pop()
            setattr(parsed, name, labels)
            return


def without_effect(names: Sequence[str]) -> str:
    """Name the given options that have no effect; empty if there are none."""
    if not names:
        return ""
    return f"Without effect here: {', '.join(dict.fromkeys(names))}."


def _spellings(name: str) -> tuple[str, ...]:
    """The older BIDS Apps write underscores."""
    return tuple(dict.fromkeys((name, "--" + name[2:].replace("-", "_"))))
