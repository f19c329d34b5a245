"""Write the adapted networks as a folder of weights that every command takes with ``--weights``."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib import __version__
from HypothalamusSegLib.longitudinal import repeatability
from HypothalamusSegLib.measures import intervals, protocol
from HypothalamusSegLib.networks.weight_files import MANIFEST_NAME
from HypothalamusSegLib.results.atomic_files import atomic_files
from torch import nn

from ..intervals import conformal_quantile
from .cases import Case, volume_ratio
from .figures import Figures

HYPOTHALAMUS, TOTAL = "hypothalamus", "hypothalamus_total"
FRAME_FILE = "hypothalamus_frame.pt"
RANGE_DIGITS = 1


def write_weights(
    parent: Path,
    output: Path,
    name: str,
    networks: Sequence[nn.Module],
    cases: Sequence[Case],
    memory: Sequence[Case],
    figures: Figures,
    options: Mapping[str, object],
    with_names: bool = False,
) -> Path:
    """Write five adapted folds, the parent's other networks, and a manifest.

    Parameters
    ----------
    parent : Path
        Folder of the weights that were adapted.
    output : Path
    name : str
        Of the protocol.
    networks : sequence of Module
        One a fold.
    cases, memory : sequence of Case
    figures : Figures
    options : mapping
        Of the run.
    with_names : bool
        Also put the names of the cases into the manifest, not their checksums alone.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    NoSpaceLeftError, PermissionDeniedError
        Nothing was written.
    """
    manifest = json.loads((parent / MANIFEST_NAME).read_text(encoding="utf-8"))
    plan = manifest["structures"][HYPOTHALAMUS]
    own = {fold["file"] for fold in plan["folds"]}
    frame = plan.get("frame") or next(fold for fold in plan["folds"] if fold["fold"] == 0)
    with atomic_files(output) as stage:
        for structure in manifest["structures"].values():
            for fold in structure["folds"]:
                if fold["file"] not in own:
                    shutil.copyfile(parent / fold["file"], stage / fold["file"])
        shutil.copyfile(parent / frame["file"], stage / FRAME_FILE)
        parent_sums = {str(fold["fold"]): fold["sha256"] for fold in plan["folds"]}
        plan["folds"] = [
            {
                "fold": fold,
                **_write_fold(network, stage / f"{HYPOTHALAMUS}_fold{fold}.pt"),
                "parent_sha256": parent_sums[str(fold)],
            }
            for fold, network in enumerate(networks)
        ]
        plan["frame"] = {"fold": frame["fold"], "file": FRAME_FILE, "sha256": frame["sha256"]}
        manifest[protocol.MANIFEST_KEY] = _protocol(name, parent, cases, memory, figures)
        manifest[protocol.MANIFEST_KEY]["options"] = dict(options)
        manifest[protocol.MANIFEST_KEY]["parent_sha256"] = parent_sums
        if with_names:
            names = sorted(case.name for case in cases)
            manifest[protocol.MANIFEST_KEY]["case_names"] = names
        manifest[intervals.MANIFEST_KEY] = _intervals(manifest, figures)
        # The split of the parent's training says nothing of these networks.
        plan["parent_split"] = manifest.pop("split", None)
        # Nor does its repeatability: without one, no change over time is called real.
        manifest.pop(repeatability.MANIFEST_KEY, None)
        text = json.dumps(manifest, indent=1, allow_nan=False)
        (stage / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")
    return output / MANIFEST_NAME


def usual_range_mm3(parent: Path, ratio: float) -> tuple[float, float]:
    """The parent's usual range in the new protocol.

    Parameters
    ----------
    parent : Path
    ratio : float
        Of the protocols' mean volumes in the same scans.
    """
    low, high = protocol.read_protocol(parent).usual_range_mm3
    return round(ratio * low, RANGE_DIGITS), round(ratio * high, RANGE_DIGITS)


def mean_ratio(cases: Sequence[Case]) -> float:
    """Geometric mean over the cases of the rater's volume to the parent's."""
    return float(np.exp(np.mean([np.log(volume_ratio(case)) for case in cases])))


def _protocol(
    name: str, parent: Path, cases: Sequence[Case], memory: Sequence[Case], figures: Figures
) -> dict:
    ratio = mean_ratio(cases)
    low, high = usual_range_mm3(parent, ratio)
    volumes = [ratio_of.after.label_mm3 for ratio_of in figures.cases]
    return {
        "name": name,
        "made_by": f"HypothalamusSeg {__version__}",
        "parent": protocol.read_protocol(parent).name,
        "usual_range_mm3": [low, high],
        "volume_ratio_to_parent": round(ratio, 4),
        "mean_volume_mm3": round(float(np.mean(volumes)), 1),
        "kind": cases[0].kind,
        "cases": [
            {
                "scan_sha256": case.scan_sha256,
                "label_sha256": case.label_sha256,
                "not_seen_by_fold": case.part,
            }
            for case in sorted(cases, key=lambda case: case.scan_sha256)
        ],
        "scans_without_label_sha256": sorted(case.scan_sha256 for case in memory),
        "figures": figures.as_json(),
    }


def _intervals(manifest: dict, figures: Figures) -> dict:
    """The parent's interval of the ICV; those of the total by the errors of cross-validation.

    Sides and subunits have none: the rater's labels may not tell them, and few cases would not
    bear so many quantiles.
    """
    before = manifest.get(intervals.MANIFEST_KEY) or {"structures": {}}
    kept = {k: v for k, v in before["structures"].items() if k == intervals.ICV}
    scores = [abs(case.after.log_ratio) for case in figures.cases]
    quantile = conformal_quantile(scores)
    kept[TOTAL] = {
        "log_ratio": None if quantile is None else round(quantile, 5),
        "usual_fold_spread": None,
        "n": len(scores),
        "test_covered": None,
        "test_n": 0,
    }
    return {"coverage": intervals.COVERAGE, "structures": kept}


def _write_fold(network: nn.Module, path: Path) -> dict:
    half = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    buffer = io.BytesIO()
    torch.save(half, buffer)
    path.write_bytes(buffer.getvalue())
    return {"file": path.name, "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
