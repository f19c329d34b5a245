"""Describe the cohort command to platforms that know Boutiques (such as CBRAIN and VIP).

``python -m Cohort.boutiques_descriptor > Containers/boutiques.json`` generates the file from the
command line itself (Glatard et al. 2018, "Boutiques: a flexible framework to integrate
command-line applications in computing platforms"; schema 0.5).
"""

from __future__ import annotations

import argparse
import json

from HypothalamusSegLib import __version__

from .bids_app_options import LEVELS
from .command_line import cohort_parser
from .participant.dataset_files import CODE_URL

SCHEMA_VERSION = "0.5"
IMAGE = "hypothalamus-seg"
# Options that print an answer instead of segmenting, or that need another program on the machine.
LEFT_OUT = ("help", "version", "executor", "parsl_config", "resume", "without_effect", "progress")


def descriptor() -> dict:
    """Build the descriptor from the arguments of the participant and group level."""
    inputs = [
        _input(action)
        for action in cohort_parser()._actions
        if action.dest not in LEFT_OUT and action.help != argparse.SUPPRESS
    ]
    keys = " ".join(entry["value-key"] for entry in inputs)
    return {
        "name": "HypothalamusSeg",
        "description": "Volumes of the hypothalamus and the intracranial space from T1-weighted "
        "MRI, for a BIDS data set. Not a medical device.",
        "tool-version": __version__,
        "schema-version": SCHEMA_VERSION,
        "url": CODE_URL,
        "command-line": f"/opt/hypothalamus-seg/bin/hypothalamus-seg cohort {keys}",
        "container-image": {"type": "docker", "image": IMAGE, "entrypoint": False},
        "inputs": inputs,
        "output-files": [
            {
                "id": "derivatives",
                "name": "Derivatives",
                "path-template": "[OUTPUT_DIR]",
                "optional": False,
            }
        ],
        "suggested-resources": {"cpu-cores": 2, "ram": 3, "walltime-estimate": 60},
        "tags": {"domain": ["neuroinformatics"], "modality": ["mri"]},
    }


def _input(action: argparse.Action) -> dict:
    flag = next((name for name in action.option_strings if name.startswith("--")), None)
    entry = {
        "id": action.dest,
        "name": (flag or action.dest).lstrip("-").replace("_", "-"),
        "description": action.help or (flag or action.dest).lstrip("-"),
        "optional": flag is not None,
        "value-key": f"[{action.dest.upper()}]",
        **_kind(action),
    }
    if flag:
        entry["command-line-flag"] = flag
    if action.dest == "level":
        entry["value-choices"] = list(LEVELS)
    elif action.choices:
        entry["value-choices"] = list(action.choices)
    if action.nargs == "+":
        entry["list"] = True
    return entry


def _kind(action: argparse.Action) -> dict[str, object]:
    """Boutiques knows strings, files, flags and numbers; the output need not exist yet."""
    if action.nargs == 0:
        return {"type": "Flag"}
    if action.dest in ("bids_dir", "participants", "bids_filter_file"):
        return {"type": "File"}
    if action.metavar in ("N", "MB"):
        return {"type": "Number", "integer": True, "minimum": 1}
    return {"type": "String"}


def as_text() -> str:
    return json.dumps(descriptor(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(as_text(), end="")
