"""Write the finished folds as weight files with their manifest.

    python -m Training.export [--runs Training/runs] [--output weights]

Only folds whose run has reached its last step are exported; the weights are those of the best
validation score. A structure that was not trained keeps the weights that already lie in the output
folder: so an own hypothalamus ensemble can go with the published one for ICV.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
from pathlib import Path

import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.head_box import COARSE_SHAPE, COARSE_SPACING_MM
from HypothalamusSegLib.networks.weight_files import (
    ENSEMBLES,
    ICV_BORDER,
    MANIFEST_NAME,
)

from .hypothalamus_samples import CROP_SHAPE, CROP_SPACING_MM
from .prepare import PREPARED
from .regions import read_template
from .splits import FOLDS
from .tasks import TASKS
from .train import RUNS

WEIGHTS = Path("weights")
GRIDS = {
    "hypothalamus": (CROP_SHAPE, CROP_SPACING_MM),
    "icv": (COARSE_SHAPE, COARSE_SPACING_MM),
    ICV_BORDER: (COARSE_SHAPE, COARSE_SPACING_MM),
}
CHANNELS = {
    "hypothalamus": ["background", *map(labels.subunit_structure, labels.SUBUNIT_LABELS)],
    "icv": ["icv", "place"],
    ICV_BORDER: ["displacement_mm"],
}


class UnfinishedRunError(Exception):
    """No fold has been trained, or one is unfinished."""


def export(runs: Path, prepared: Path, output: Path) -> dict:
    """Write ``STRUCTURE_foldK.pt`` in half precision and the manifest; returns the manifest.

    Raises
    ------
    UnfinishedRunError
        If a fold that was started is not finished, or no fold was started.
    """
    parts = json.loads((prepared / "splits.json").read_text(encoding="utf-8"))
    # Everything is read and checked before the first file is written.
    finished = {structure: _finished_folds(runs / structure) for structure in ENSEMBLES}
    if not any(finished.values()):
        raise UnfinishedRunError(f"No fold of any structure has been trained in {runs}.")
    kept = _other_structures(output, [name for name, folds in finished.items() if folds])
    output.mkdir(parents=True, exist_ok=True)
    manifest: dict = {"structures": kept, "split": parts}
    for structure, folds in finished.items():
        if not folds:
            continue
        shape, spacing_mm = GRIDS[structure]
        described = []
        for fold, state in folds.items():
            path = output / f"{structure}_fold{fold}.pt"
            weights = _averaged_weights(runs / structure / f"fold{fold}")
            described.append({"fold": fold, **_write(weights, path), **state})
        manifest["structures"][structure] = {
            "network": TASKS[structure].network,
            "spacing_mm": spacing_mm,
            "shape": list(shape),
            "channels": CHANNELS[structure],
            "folds": described,
        }
    if finished["hypothalamus"]:
        manifest["structures"]["hypothalamus"]["template"] = read_template(prepared).as_json()
    # NaN is not JSON, and other programs read this file.
    text = json.dumps(manifest, indent=1, allow_nan=False)
    (output / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")
    return manifest


def _other_structures(output: Path, trained: list[str]) -> dict:
    """The existing manifest's entries for structures that were not trained.

    Border networks that were trained after other ICV networks are left out.
    """
    path = output / MANIFEST_NAME
    if not path.exists():
        return {}
    there = json.loads(path.read_text(encoding="utf-8"))
    # With the split that they were trained on, which is not the one of this export.
    return {
        structure: {"split": there.get("split"), **plan}
        for structure, plan in there["structures"].items()
        if structure not in trained and not (structure == ICV_BORDER and "icv" in trained)
    }


def _finished_folds(runs: Path) -> dict[int, dict]:
    """Entries for each fold of a structure that was started."""
    found = {fold: _read_finished(runs / f"fold{fold}") for fold in range(FOLDS)}
    return {fold: state for fold, state in found.items() if state is not None}


def _read_finished(run: Path) -> dict | None:
    """Plan, training time and best validation row of a run; None if it was never begun."""
    if not (run / "last.pt").exists():
        return None
    state = torch.load(run / "last.pt", map_location="cpu")
    if state["step"] < state["plan"]["steps"]:
        raise UnfinishedRunError(
            f"{run} stands at step {state['step']} of {state['plan']['steps']}: "
            "finish it with Training.train --resume."
        )
    rows = [
        json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    scored = [row for row in rows if math.isfinite(row["score"])]
    best = rows[-1]
    if scored and (run / "best.pt").exists():
        best = max(scored, key=lambda row: row["score"])
    known = {name: value if math.isfinite(value) else None for name, value in best.items()}
    plan = dict(state["plan"])
    if plan.get("start"):
        # The folder is private.
        plan["start"] = Path(plan["start"]).name
    return {"plan": plan, "training_seconds": rows[-1]["seconds"], "validation": known}


def _averaged_weights(run: Path) -> dict:
    """The weights of the best validation; of the last step where nothing could be validated."""
    if (run / "best.pt").exists():
        return torch.load(run / "best.pt", map_location="cpu")
    return torch.load(run / "last.pt", map_location="cpu")["average"]


def _write(weights: dict, path: Path) -> dict:
    half = {name: value.half().contiguous() for name, value in weights.items()}
    buffer = io.BytesIO()
    torch.save(half, buffer)
    path.write_bytes(buffer.getvalue())
    return {"file": path.name, "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.export", description=__doc__)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--prepared", type=Path, default=PREPARED)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    options = parser.parse_args(arguments)
    try:
        manifest = export(options.runs, options.prepared, options.output)
    except UnfinishedRunError as error:
        print(error)
        return 1
    for structure, plan in manifest["structures"].items():
        for fold in plan["folds"]:
            print(f"{structure} fold {fold['fold']}: {_result(fold)}")
    if "icv" not in manifest["structures"]:
        print(
            "The engine needs an ICV ensemble too, to find the hypothalamus: export into a copy of "
            "the published weights, or train one."
        )
    return 0


def _result(fold: dict) -> str:
    best = fold["validation"]
    minutes = f"{fold['training_seconds'] / 60:.0f} min"
    if best["dice"] is None:
        return f"not validated, {minutes}"
    return f"Dice {best['dice']:.4f}, volume {best['volume_percent']:+.2f} %, {minutes}"


if __name__ == "__main__":
    raise SystemExit(main())
