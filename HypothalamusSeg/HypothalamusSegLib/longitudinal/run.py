"""The command `follow`: read the scans of one person, compare them, write the files.

Examples
--------
>>> too_few([], "Give two scans.").args != ()
True
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from ..errors import CancelledError, HypothalamusSegError, TooFewVisitsError
from ..loaded_networks import LoadedNetworks
from ..machine.memory import give_memory_back
from ..networks.weight_files import weights_folder
from ..options import Options
from ..pipeline import Segmenter
from ..progress import STAGE_WEIGHTS, Reporter, Steps, reporter
from ..reading import read_scan
from ..reading.study_identity import study_identity
from .change import Change
from .files import describe, write_all
from .follow import TOTAL, FollowUp, compare
from .registration import RegistrationError
from .repeatability import read_repeatability
from .visit import Visit, visit_of

ALL_DONE, SOME_FAILED = 0, 1
# Of the whole run; the rest is for the single runs.
SHARE_OF_COMPARISON = 0.5


class FailedVisit(NamedTuple):
    """A scan that could not be used, with its error."""

    path: Path
    error: HypothalamusSegError


class Given(NamedTuple):
    """A scan as the user named it."""

    path: Path
    acquired: date | None


def follow_files(
    inputs: Sequence[Path],
    dates: Sequence[date] | None,
    output: Path,
    name: str,
    options: Options,
    progress: str,
    with_page: bool = True,
) -> int:
    """Follow one person over several scans and write the result.

    Parameters
    ----------
    inputs : sequence of Path
    dates : sequence of date or None
        One for each input; None: from the DICOM headers.
    output : Path
    name : str
        Begins the names of all files.
    options : Options
    progress : {"bar", "json", "none"}
    with_page : bool
        The page needs matplotlib.

    Returns
    -------
    int
        0 if all scans were used; 1 if one failed, or if there is no result.
    """
    report = reporter(progress)
    given = [
        Given(path, None if dates is None else dates[index]) for index, path in enumerate(inputs)
    ]
    try:
        followed, failed = follow_scans(given, options, report)
        for visit in failed:
            _report_failure(report, visit.path, visit.error)
        files = write_all(followed, output, name, [visit.path for visit in failed], with_page)
    except CancelledError:
        raise
    except HypothalamusSegError as error:
        _report_failure(report, None, error)
        return SOME_FAILED
    result = describe(followed, name, [visit.path for visit in failed])
    report({"event": "result", "files": [str(file) for file in files], "result": result})
    if progress != "json":
        print("\n".join(table_lines(followed)))
    return SOME_FAILED if failed else ALL_DONE


def follow_scans(
    given: Sequence[Given],
    options: Options,
    report: Reporter = lambda event: None,
    networks: LoadedNetworks | None = None,
) -> tuple[FollowUp, list[FailedVisit]]:
    """Read, segment and compare the scans of one person.

    Returns
    -------
    FollowUp
    list of FailedVisit
        Scans that could not be read or segmented; the others were compared.

    Raises
    ------
    TooFewVisitsError
        If fewer than two scans are left.
    HypothalamusSegError
        If the networks cannot be loaded, or the scans cannot be registered.
    """
    segmenter = (networks or LoadedNetworks()).segmenter(options)
    visits, failed = _segment_each(segmenter, given, report)
    if len(visits) < 2:
        raise too_few(failed)
    repeatability = read_repeatability(weights_folder(options.weights))

    def on_step(share: float) -> None:
        fraction = 1 - SHARE_OF_COMPARISON * (1 - share)
        event = {"event": "progress", "fraction": round(fraction, 4), "stage": "compare"}
        report({**event, "fold": None, "folds": None, "step": "comparing the visits"})

    on_step(0.0)
    try:
        return compare(segmenter, visits, repeatability, on_step), failed
    except RegistrationError as error:
        raise too_few(failed, str(error)) from error


def too_few(failed: Sequence[FailedVisit], reason: str = "") -> TooFewVisitsError:
    """Say why there is nothing to compare."""
    reasons = " ".join([*([reason] if reason else []), *(str(visit.error) for visit in failed)])
    return TooFewVisitsError(
        "Fewer than two scans of the person can be compared. {reasons}", reasons=reasons
    )


def _segment_each(
    segmenter: Segmenter, given: Sequence[Given], report: Reporter
) -> tuple[list[Visit], list[FailedVisit]]:
    found, failed = [], []
    for index, (path, acquired) in enumerate(given):

        def to_our_share(event: dict) -> None:
            if event["event"] == "progress":
                event = {**event, "fraction": round(event["fraction"] * SHARE_OF_COMPARISON, 4)}
            report(event)

        steps = Steps(to_our_share, STAGE_WEIGHTS, index, len(given))
        try:
            give_memory_back()
            steps.at("read")
            scan = read_scan(path)
            alone, stages = segmenter.segment_with_stages(scan, steps)
        except CancelledError:
            raise
        except HypothalamusSegError as error:
            failed.append(FailedVisit(path, error))
            continue
        identity = study_identity(path)
        when = acquired or identity.acquired
        found.append((scan, alone, stages, identity, when))
    if all(when is not None for *_, when in found):
        found.sort(key=lambda parts: parts[-1])
    visits = [visit_of(f"visit {index}", *parts) for index, parts in enumerate(found, start=1)]
    return visits, failed


def _report_failure(report: Reporter, path: Path | None, error: HypothalamusSegError) -> None:
    where = {} if path is None else {"input": str(path)}
    report({"event": "error", **where, "code": error.code, "message": str(error)})
    print(f"{path}: {error}" if path else str(error), file=sys.stderr)


def table_lines(followed: FollowUp) -> list[str]:
    """Format the changes and flags for a terminal."""
    lines = [
        f"{'visit':<9}{'structure':<26}{'volume mm³':>12}{'change':>10}{'a year':>10}"
        f"{'real from':>11}  verdict"
    ]
    first = followed.visits[0]
    for name, volume in first.volumes_mm3.items():
        lines.append(f"{'1':<9}{name:<26}{volume:>12.1f}")
    for index, (measured, changes) in enumerate(
        zip(followed.visits[1:], followed.changes, strict=True), start=2
    ):
        lines += [
            _change_line(index, change, measured.volumes_mm3.get(change.structure))
            for change in changes
        ]
    trend = followed.trends.get(TOTAL)
    if trend is not None:
        lines.append(f"Over all visits, the hypothalamus changes by {trend:+.2f} % a year.")
    return lines + [f"! {flag.code}: {flag.message}" for flag in followed.flags]


def _change_line(index: int, change: Change, volume_mm3: float | None) -> str:
    volume = "" if volume_mm3 is None else f"{volume_mm3:.1f}"
    rate = "–" if change.percent_a_year is None else f"{change.percent_a_year:+.2f} %"
    least = "–" if change.smallest_percent is None else f"{change.smallest_percent:.2f} %"
    return (
        f"{index:<9}{change.structure:<26}{volume:>12}{change.percent:>+8.2f} %{rate:>10}"
        f"{least:>11}  {change.verdict}"
    )
