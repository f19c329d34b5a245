"""The request ``adapt`` of a program, read and checked.

Examples
--------
>>> read_options(
...     {
...         "cases": [{"name": "sub-1", "scan": "a.nii", "label": "b.nii"}],
...         "output": "o",
...         "name": "Ours",
...     }
... ).minutes
60.0
"""

from __future__ import annotations

from pathlib import Path

from HypothalamusSegLib.measures.protocol import checked_name
from HypothalamusSegLib.worker.requests import WrongRequestError, check_types

from .case_files import CaseFile
from .options import AdaptOptions

FIELDS = {
    "cases": list,
    "output": str,
    "name": str,
    "minutes": float,
    "weights": str,
    "threads": int,
    "write_anyway": bool,
}
REQUIRED = {"cases", "output", "name"}


def read_options(fields: dict) -> AdaptOptions:
    """Read the fields of a request; raises `WrongRequestError`."""
    checked = check_types(fields, FIELDS, REQUIRED)
    try:
        files = tuple(_case_file(**case) for case in checked["cases"])
        name = checked_name(checked["name"])
    except (TypeError, ValueError) as error:
        raise WrongRequestError(f"The request cannot be read ({error}).") from error
    return AdaptOptions(
        cases=files,
        output=Path(checked["output"]),
        name=name,
        minutes=checked.get("minutes", 60.0),
        weights=checked.get("weights"),
        skip_bad=True,
        write_anyway=checked.get("write_anyway", False),
        threads=checked.get("threads"),
    )


def _case_file(name: str, scan: str, label: str | None = None) -> CaseFile:
    return CaseFile(name, name.partition("_")[0], Path(scan), Path(label) if label else None)
