"""group_record.json: options, inputs, versions and every result, for programs.

With `--freeze`, the same is kept without results before the groups are compared; a later run is
then checked against it.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
from HypothalamusSegLib import __version__

from ..group.analysis import GroupAnalysis
from ..group.errors import FrozenPlanError
from ..group.findings import NOTE, WARNING, Finding, Topic
from ..group.longitudinal import Longitudinal
from ..group.options import GroupOptions
from ..group.outliers import is_listed
from ..group.power import detectable_difference
from ..group.power_of_change import SESSIONS
from ..group.statistics_table import statistics_table
from ..group.supplement import supplement_table
from ..index.cohort_index import INDEX_NAME
from ..structures import TOTAL
from .change_power import change_power

PACKAGES = ("statsmodels", "scipy", "pandas", "numpy", "matplotlib")
# The location of files changes no result.
PLACES = ("output", "folder", "data_root", "freeze", "blinded", "command")
FILE_BYTES = 1 << 20


def analysis_record(analysis: GroupAnalysis) -> dict:
    """Options and results as JSON values; a missing number is None."""
    statistics, others = [], supplement_table(analysis.supplement, TOTAL)
    if analysis.statistics:
        statistics = statistics_table(analysis.statistics, analysis.contrast).to_dict("records")
    return _plain(
        {
            **plan_of(analysis.options),
            "statistics": statistics,
            "other_models": others.to_dict("records"),
            "longitudinal": [_changes(part) for part in analysis.longitudinal],
            "power_of_change": _power_of_change(analysis),
            "followed": None if analysis.followed is None else _changes(analysis.followed),
            "participants_flow": [asdict(step) for step in analysis.flow],
            "rejected": analysis.rejected,
            "review_comments": analysis.marks.comments,
            "agreement_of_raters": [asdict(pair) for pair in analysis.marks.agreement],
            "analysed_scans": analysis.sample["scan"].tolist(),
            "findings": [
                {"severity": f.severity, "topic": f.topic, "text": f.text, "items": f.items}
                for f in analysis.findings
            ],
        }
    )


def plan_of(options: GroupOptions) -> dict:
    """What determines a result (options, SHA-256, versions), and the time and command."""
    files = {
        "participants": options.participants,
        "index": options.output / INDEX_NAME,
        **{f"review {path.name}": path for path in options.reviews},
    }
    asked = {f.name: getattr(options, f.name) for f in fields(options) if f.name not in PLACES}
    # Named by their contents.
    asked = {k: v for k, v in asked.items() if k not in ("participants", "reviews")}
    return _plain(
        {
            "created": datetime.now().astimezone().isoformat(timespec="seconds"),
            "command": list(options.command),
            "options": asked,
            "sha256": {
                name: _sha256(path) for name, path in files.items() if path and path.is_file()
            },
            "versions": {
                "hypothalamus-seg": __version__,
                "python": platform.python_version(),
                **{name: _version(name) for name in PACKAGES},
            },
        }
    )


def write_json(content: Mapping, path: Path) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def departures(frozen: Path, options: GroupOptions) -> list[str]:
    """Differences between a plan and the frozen one, in words; empty if they are the same.

    Raises
    ------
    FrozenPlanError
        If the file cannot be read.
    """
    try:
        before = json.loads(frozen.read_text(encoding="utf-8"))
        parts = {name: dict(before[name]) for name in ("options", "sha256", "versions")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FrozenPlanError(f"{frozen} is not a frozen plan ({error}).") from error
    now = plan_of(options)
    told = []
    for part, values in parts.items():
        for key in sorted({*values, *now[part]}):
            old, new = values.get(key), now[part].get(key)
            if old != new:
                told.append(f"{key} has changed" if part == "sha256" else f"{key}: {old} → {new}")
    return told


def frozen_findings(frozen: Path, options: GroupOptions) -> list[Finding]:
    """Whether this analysis follows the frozen plan; empty if there is none."""
    if not frozen.exists():
        return []
    told = departures(frozen, options)
    when = json.loads(frozen.read_text(encoding="utf-8"))["created"]
    if told:
        text = f"The plan was frozen on {when}, and this analysis deviates from it"
        return [Finding(WARNING, Topic.PLAN, text, tuple(told))]
    text = f"The plan was frozen on {when}; options, data and versions are unchanged"
    return [Finding(NOTE, Topic.PLAN, text)]


def write_frozen(analysis: GroupAnalysis, frozen: Path, path: Path) -> None:
    """Write the plan with its scans and no result.

    Raises
    ------
    FrozenPlanError
        If one exists: a plan that could be frozen again would mean nothing.
    """
    if frozen.exists():
        raise FrozenPlanError(
            f"{frozen} exists: the plan is frozen. Give another --name, or remove it by hand."
        )
    plan = {
        **plan_of(analysis.options),
        "scans": analysis.reviewed["scan"].tolist(),
        "listed": analysis.reviewed.loc[is_listed(analysis.reviewed), "scan"].tolist(),
        "rejected": analysis.rejected,
    }
    write_json(_plain(plan), path)


def _changes(part: Longitudinal) -> dict:
    return {
        "scans": part.set_name,
        "annualised_change": part.changes.to_dict("records"),
        "comparisons": [
            {"structure": structure.name, **({} if fit is None else _numbers(fit))}
            for structure, fit in part.comparisons
        ],
        "mixed_model": [
            {**_numbers(term), "structure": term.structure.name, "effect": term.effect}
            for term in part.mixed
        ],
        "remarks": part.remarks,
    }


def _power_of_change(analysis: GroupAnalysis) -> dict | None:
    found = change_power(analysis, analysis.longitudinal[0]) if analysis.longitudinal else None
    if found is None:
        return None
    fit, spread, rows = found
    return {
        "detectable_percent_per_year": detectable_difference(fit),
        "spread": asdict(spread),
        "subjects_per_group": [asdict(row) for row in rows],
        "sessions_in_years": SESSIONS,
    }


def _numbers(result: object) -> dict:
    """The single numbers of a result, not its arrays."""
    values = {f.name: getattr(result, f.name) for f in fields(result)}
    return {k: v for k, v in values.items() if isinstance(v, int | float | np.number)}


def _plain(value: object) -> object:
    """Convert to JSON types; NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return _plain({f.name: getattr(value, f.name) for f in fields(value)})
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(item) for item in value]
    return None if value is pd.NA else str(value)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(FILE_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
