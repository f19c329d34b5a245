"""Write the finished folds as weight files with their manifest.

    python -m Training.export [--runs Training/runs] [--output weights]

Only folds whose run has reached its last step are exported; the weights are those of the best
validation score.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from pathlib import Path

import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.head_box import COARSE_SHAPE, COARSE_SPACING_MM
from HypothalamusSegLib.weight_files import MANIFEST_NAME, STRUCTURES

from .hypothalamus_samples import CROP_SHAPE, CROP_SPACING_MM
from .prepare import PREPARED
from .splits import FOLDS
from .tasks import TASKS
from .train import RUNS

WEIGHTS = Path("weights")
GRIDS = {
    "hypothalamus": (CROP_SHAPE, CROP_SPACING_MM),
    "icv": (COARSE_SHAPE, COARSE_SPACING_MM),
}
CHANNELS = {
    "hypothalamus": ["background", *map(labels.subunit_structure, labels.SUBUNIT_LABELS)],
    "icv": ["icv", "place"],
}


class UnfinishedRunError(Exception):
    """A fold has not been trained to its last step."""


def export(runs: Path, prepared: Path, output: Path) -> dict:
    """Write ``STRUCTURE_foldK.pt`` in half precision and the manifest; returns the manifest.

    Raises
    ------
    UnfinishedRunError
        If a fold that has been begun is not finished, or a structure has no fold at all.
    """
    parts = json.loads((prepared / "splits.json").read_text())
    # Everything is read and checked before the first file is written.
    states = {(s, k): _finished(runs / s / f"fold{k}") for s in STRUCTURES for k in range(FOLDS)}
    output.mkdir(parents=True, exist_ok=True)
    manifest: dict = {"structures": {}, "split": parts}
    for structure in STRUCTURES:
        shape, spacing_mm = GRIDS[structure]
        folds = []
        for fold in range(FOLDS):
            state = states[structure, fold]
            if state is not None:
                path = output / f"{structure}_fold{fold}.pt"
                folds.append({"fold": fold, **_write(runs, structure, fold, path), **state})
        if not folds:
            raise UnfinishedRunError(f"No fold of {structure} has been trained in {runs}.")
        manifest["structures"][structure] = {
            "network": TASKS[structure].network,
            "spacing_mm": spacing_mm,
            "shape": list(shape),
            "channels": CHANNELS[structure],
            "folds": folds,
        }
    (output / MANIFEST_NAME).write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def _finished(run: Path) -> dict | None:
    """Steps, training time and last validation row of a run; None if it was never begun."""
    if not (run / "last.pt").exists():
        return None
    state = torch.load(run / "last.pt", map_location="cpu")
    if state["step"] < state["plan"]["steps"]:
        raise UnfinishedRunError(
            f"{run} stands at step {state['step']} of {state['plan']['steps']}: "
            "finish it with Training.train --resume."
        )
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    best = max(rows, key=lambda row: row["score"])
    return {"plan": state["plan"], "training_seconds": rows[-1]["seconds"], "validation": best}


def _write(runs: Path, structure: str, fold: int, path: Path) -> dict:
    state = torch.load(runs / structure / f"fold{fold}" / "best.pt", map_location="cpu")
    half = {name: value.half().contiguous() for name, value in state.items()}
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
            best = fold["validation"]
            print(
                f"{structure} fold {fold['fold']}: Dice {best['dice']:.4f}, volume "
                f"{best['volume_percent']:+.2f} %, {fold['training_seconds'] / 60:.0f} min"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
