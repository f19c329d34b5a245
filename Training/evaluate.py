"""Measure the exported weights through the engine and write the validation report.

    python -m Training.evaluate --scans FOLDER --heads FOLDER [--weights weights] [--docs Docs]

Either folder may be left out. Writes Docs/validation/results.json, the figures beside it, and
Docs/VALIDATION.md.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.machine.processes import processor_name
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter

from . import report
from .change_evaluation import measure_planted_changes
from .dataset import DatasetError, LabelHead, LabelledScan, find_label_heads, find_scans
from .engine_scores import score_part, score_scans
from .evaluation_extent import FULL, QUICK, Extent
from .prepare import PREPARED, load_volume
from .repeatability import measure_repeatability, measure_repeatability_of_heads
from .report_tables import UNSTABLE_VIEW_DICE
from .splits import TEST
from .train import RUNS, is_finished


class CannotEvaluateError(Exception):
    """The weights and the data set hold nothing that could be measured."""


def evaluate(
    scans: list[LabelledScan],
    heads: list[LabelHead],
    parts: dict[str, dict],
    weights: Path,
    prepared: Path,
    runs: Path,
    extent: Extent = FULL,
) -> dict:
    """All measurements, as a JSON-able dictionary.

    What cannot be measured is an empty list: hypothalamic scores without hypothalamic weights or
    labels, ICV scores without label heads or masks.

    Raises
    ------
    CannotEvaluateError
        If the weights hold no ICV ensemble, without which the engine does nothing, or a scan or
        head has no part in the split.
    """
    structures, folds = what_is_there(weights)
    for names, known in (
        ([s.subject for s in scans], parts["scans"]),
        ([h.name for h in heads], parts["heads"]),
    ):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise CannotEvaluateError(
                f"{unknown[0]} has no part in {prepared}/splits.json: run Training.prepare with "
                "the same --scans and --heads."
            )
    results: dict = {
        "machine": f"{processor_name()}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
        "structures": list(structures),
        "extent": asdict(extent),
        "parts": parts,
        "scanner": {s.subject: s.scanner for s in scans},
        "skull": {s.subject: s.skull for s in scans},
    }
    ensemble = Segmenter(Options(structures=structures, device="cpu", folds=folds), weights)
    test_scans = [s for s in scans if parts["scans"][s.subject] == TEST]
    test_heads = [h for h in heads if parts["heads"][h.name] == TEST]
    for kind, rows in score_part(ensemble, test_scans, test_heads, prepared, extent).items():
        results[f"test_{kind}"] = rows
        results[f"validation_{kind}"] = []
    results["repeatability"] = measure_repeatability_of_heads(
        ensemble, test_scans, test_heads, prepared, extent
    )
    results["planted"] = []
    if "hypothalamus" in structures:
        stable = [scan for scan in test_scans if not _is_unstable(scan)]
        results["planted"] = measure_planted_changes(
            ensemble, stable[: extent.planted_scans], extent.planted_changes
        )
    for fold in folds:
        single = Segmenter(Options(structures=structures, device="cpu", folds=(fold,)), weights)
        fold_scans = [s for s in scans if parts["scans"][s.subject] == fold]
        fold_heads = [h for h in heads if parts["heads"][h.name] == fold]
        for kind, rows in score_part(single, fold_scans, fold_heads, prepared, extent).items():
            results[f"validation_{kind}"] += [{"fold": fold, **row} for row in rows]
    results["augmentation"] = None
    if "hypothalamus" in structures and 0 in folds:
        results["augmentation"] = compare_augmentation(weights, runs, test_scans, extent)
    return results


def _is_unstable(scan: LabelledScan) -> bool:
    return scan.label_stability is not None and scan.label_stability < UNSTABLE_VIEW_DICE


def what_is_there(weights: Path) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The structures that weights hold, and the folds that all of them have."""
    ensembles = weight_files.read_manifest(weights)
    if "icv" not in ensembles:
        raise CannotEvaluateError(
            f"{weights} holds no ICV ensemble, without which the hypothalamus is not found: export "
            "into a copy of the published weights, or train one."
        )
    trained = [{fold.fold for fold in ensemble.folds} for ensemble in ensembles.values()]
    folds = tuple(sorted(set.intersection(*trained)))
    if not folds:
        raise CannotEvaluateError(f"{weights}: no fold has been trained for every structure.")
    return tuple(name for name in weight_files.STRUCTURES if name in ensembles), folds


def compare_augmentation(
    weights: Path, runs: Path, scans: list[LabelledScan], extent: Extent = FULL
) -> dict | None:
    """Fold 0 trained with and without augmentation, on the test split and under perturbation.

    None if the run without augmentation is not finished, or there is nothing to compare on.
    """
    scans = [scan for scan in scans if scan.soft_subunits or scan.hard_subunits]
    plain_run = runs / "hypothalamus" / "fold0-plain"
    if not (is_finished(plain_run) and scans):
        return None
    compared = {}
    for name in ("augmented", "plain"):
        segmenter = Segmenter(Options(device="cpu", folds=(0,)), weights)
        if name == "plain":
            state = torch.load(plain_run / "best.pt", map_location="cpu")
            segmenter.networks["hypothalamus"][0].load_state_dict(state)
        first = load_volume(scans[-1].t1w)
        compared[name] = {
            "test": [asdict(score) for score in score_scans(segmenter, scans)],
            "repeatability": measure_repeatability(segmenter, first, scans[-1].subject, extent),
        }
    return compared


def _finite(value: object) -> object:
    """The same without NaN and infinity (distances to nothing), which JSON cannot express."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.evaluate", description=__doc__)
    parser.add_argument("--scans", type=Path, help="BIDS-like folder of labelled T1w scans")
    parser.add_argument("--heads", type=Path, help="folder of label heads")
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    parser.add_argument("--prepared", type=Path, default=PREPARED)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--docs", type=Path, default=Path("Docs"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--quick", action="store_true", help="a first look, not for publication")
    options = parser.parse_args(arguments)
    if not (options.scans or options.heads):
        parser.error("give --scans, --heads or both")
    torch.set_num_threads(options.threads)
    parts = json.loads((options.prepared / "splits.json").read_text(encoding="utf-8"))
    try:
        results = evaluate(
            find_scans(options.scans) if options.scans else [],
            find_label_heads(options.heads) if options.heads else [],
            parts,
            options.weights,
            options.prepared,
            options.runs,
            QUICK if options.quick else FULL,
        )
    except (CannotEvaluateError, DatasetError, HypothalamusSegError) as error:
        print(error)
        return 1
    results["manifest"] = json.loads(
        (options.weights / weight_files.MANIFEST_NAME).read_text(encoding="utf-8")
    )
    folder = options.docs / "validation"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_finite(results), indent=1, allow_nan=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    report.write(results, options.runs, options.docs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
