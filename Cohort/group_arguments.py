"""The group level's command line: its options."""

from __future__ import annotations

import argparse
from pathlib import Path
from unicodedata import normalize

from HypothalamusSegLib.arguments import argument
from HypothalamusSegLib.flags import FLAG_CODES

from .group.icv_adjustment import ADJUSTMENTS, ANCOVA
from .group.options import GroupOptions
from .group_run import FROZEN_NAME

PARTICIPANTS_NAME = "participants.tsv"
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
        help="columns of participants.tsv, separated by commas, for example age,sex",
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
        help="covariates modeled as natural splines instead of straight lines, for example age",
    )
    parser.add_argument(
        "--site",
        metavar="NAME",
        help="column of sites: becomes a covariate, and the result is also given without each site",
    )
    parser.add_argument(
        "--predictor",
        type=_names,
        default=(),
        metavar="NAMES",
        help="numeric columns whose association with the volumes is tested, for example ALSFRS-R",
    )
    parser.add_argument(
        "--equivalence",
        type=argument(_margin),
        metavar="PERCENT",
        help="differences below this percentage of the controls' mean count as no difference; "
        "choose it before you look at results",
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
        help="also give every result without the scans listed for review",
    )
    parser.add_argument(
        "--ignore-flags",
        type=_flags,
        default=(),
        metavar="CODES",
        help="flags that do not put a scan on the list for review, for example "
        "anisotropic,coarse_resolution",
    )
    parser.add_argument(
        "--time-column",
        metavar="NAME",
        help="column with each session's time in years; default: acq_time, years or age in "
        "sub-X_sessions.tsv",
    )
    parser.add_argument(
        "--followed",
        action="store_true",
        help="also show change over time with the volumes of the follow level",
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
        help="keep this analysis apart from others, in the folder group_NAME",
    )
    parser.add_argument(
        "--freeze",
        action="store_true",
        help=f"keep the plan in {FROZEN_NAME} without showing groups; later runs are compared "
        "with it",
    )
    parser.add_argument(
        "--blinded",
        action="store_true",
        help="also write a folder for raters: slices under codes, without names, numbers, flags "
        "or groups; --review reads their marks",
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
        followed=parsed.followed,
        time_column=parsed.time_column,
        participant_labels=tuple(getattr(parsed, "participant_label", ())),
        session_labels=tuple(getattr(parsed, "session_label", ())),
    )


def _folder_name(text: str) -> str:
    if not text or not all(c.isalnum() or c in "-_" for c in text):
        raise argparse.ArgumentTypeError(f"{text!r}: a name may have letters, digits, - and _")
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
