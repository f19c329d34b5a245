"""Measure the exported weights through the engine and write the validation report.

    python -m Training.evaluate --scans FOLDER --heads FOLDER [--weights weights] [--docs Docs]

Writes Docs/validation/results.json, the figures beside it, and Docs/VALIDATION.md.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib import volumetry
from HypothalamusSegLib.pipeline import Options, Segmenter
from HypothalamusSegLib.reading import Scan
from HypothalamusSegLib.volume import Grid, Volume

from . import report
from .dataset import LabelHead, LabelledScan, find_label_heads, find_scans
from .head_generator import LabelHeadSource
from .perturbations import all_perturbations
from .prepare import PREPARED, load_volume, subunit_posteriors
from .scoring import HypothalamusScore, IcvScore, labels_on, score_hypothalamus, score_icv
from .splits import FOLDS, TEST
from .train import RUNS

RENDERS_PER_HEAD = 4
RENDER_SPACING_MM = 1.0
RENDER_SEED = 99
REPEATABILITY_SCANS, REPEATABILITY_HEADS = 6, 2


def evaluate(
    scans: list[LabelledScan],
    heads: list[LabelHead],
    parts: dict[str, dict],
    weights: Path,
    prepared: Path,
    runs: Path,
) -> dict:
    """All measurements, as a JSON-able dictionary."""
    scan_part, head_part = parts["scans"], parts["heads"]
    test_scans = [s for s in scans if scan_part[s.subject] == TEST]
    test_heads = [h for h in heads if head_part[h.name] == TEST]
    ensemble = Segmenter(Options(device="cpu"), weights)
    results: dict = {
        "machine": f"{platform.processor() or platform.machine()}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
        "parts": parts,
        "scanner": {s.subject: s.scanner for s in scans},
        "skull": {s.subject: s.skull for s in scans},
    }
    results["test_hypothalamus"] = _rows(score_scans(ensemble, test_scans))
    results["test_icv"] = _rows(score_heads(ensemble, test_heads, prepared))
    results["repeatability"] = repeatability(ensemble, test_scans, test_heads, prepared)
    results["validation_hypothalamus"], results["validation_icv"] = [], []
    for fold in range(FOLDS):
        single = Segmenter(Options(device="cpu", folds=(fold,)), weights)
        fold_scans = [s for s in scans if scan_part[s.subject] == fold]
        fold_heads = [h for h in heads if head_part[h.name] == fold]
        for row in _rows(score_scans(single, fold_scans)):
            results["validation_hypothalamus"].append({"fold": fold, **row})
        for row in _rows(score_heads(single, fold_heads, prepared)):
            results["validation_icv"].append({"fold": fold, **row})
    results["augmentation"] = compare_augmentation(weights, runs, test_scans)
    return results


def score_scans(segmenter: Segmenter, scans: Iterable[LabelledScan]) -> list[HypothalamusScore]:
    """Run the engine on labelled scans and compare with their subunit labels."""
    scores = []
    for scan in scans:
        if not (scan.soft_subunits or scan.hard_subunits):
            continue
        _, fine = segmenter.run_stages(load_volume(scan.t1w))
        posteriors, affine = subunit_posteriors(scan)
        found, found_subunits = labels_on(fine, Grid(posteriors.shape[1:], affine))
        volumes = volumetry.measure_hypothalamus(fine, found.array, found.voxel_volume_mm3, None)
        score = score_hypothalamus(
            scan.subject,
            found,
            found_subunits,
            volumes[2].volume_mm3,
            posteriors,
            affine,
            scan.label_stability,
        )
        print(scan.subject, f"Dice {score.dice:.3f}", flush=True)
        scores.append(score)
    return scores


def rendered_heads(head: LabelHead, prepared: Path, count: int) -> list[tuple[Scan, np.ndarray]]:
    """Render T1-like whole heads at 1 mm with their exact masks; always the same ones."""
    source = LabelHeadSource(prepared / "heads" / f"{head.name}.npz")
    generator = torch.Generator().manual_seed(RENDER_SEED)
    rendered = []
    for index in range(count):
        image, icv = source.draw(generator, mild=True, spacing_mm=RENDER_SPACING_MM)
        grid = Grid.axis_aligned(np.zeros(3), tuple(image.shape[1:]), RENDER_SPACING_MM)
        volume = Volume(image[0].clamp_min(0).numpy(), grid.affine)
        scan = Scan(volume, f"{head.name}-{index}", Path(head.name), "", ())
        rendered.append((scan, icv[0].numpy() > 0.5))
    return rendered


def score_heads(segmenter: Segmenter, heads: Iterable[LabelHead], prepared: Path) -> list[IcvScore]:
    """Run the engine on rendered label heads and compare with their exact masks."""
    scores = []
    for head in heads:
        for scan, mask in rendered_heads(head, prepared, RENDERS_PER_HEAD):
            score = score_icv(scan.name, segmenter.segment(scan), mask)
            print(scan.name, f"Dice {score.dice:.4f}, {score.volume_percent:+.2f} %", flush=True)
            scores.append(score)
    return scores


def repeatability(
    segmenter: Segmenter, scans: list[LabelledScan], heads: list[LabelHead], prepared: Path
) -> dict:
    """Volumes of some heads under every perturbation, in mm³, by head and perturbation."""
    # Both scanners, in the order of the names: nothing is picked by its result.
    by_scanner = sorted(scans, key=lambda s: (s.scanner != scans[-1].scanner, s.subject))
    volumes = {s.subject: load_volume(s.t1w) for s in by_scanner[:REPEATABILITY_SCANS]}
    for head in heads[:REPEATABILITY_HEADS]:
        volumes[head.name] = rendered_heads(head, prepared, 1)[0][0].volume
    return {name: measure_repeatability(segmenter, v, name) for name, v in volumes.items()}


def measure_repeatability(segmenter: Segmenter, volume: Volume, name: str) -> dict:
    """Hypothalamic and intracranial volume of one head, unchanged and under each perturbation."""
    scan = Scan(volume, name, Path(name), "", ())
    first = segmenter.segment(scan)
    rows = {"unchanged": _volumes(first)}
    for label, perturb in all_perturbations(first.icv.array > 0).items():
        changed = Scan(perturb(volume), name, Path(name), "", ())
        rows[label] = _volumes(segmenter.segment(changed))
    print(name, "repeatability", report.coefficients_of_variation(rows), flush=True)
    return rows


def compare_augmentation(weights: Path, runs: Path, scans: list[LabelledScan]) -> dict | None:
    """Fold 0 trained with and without augmentation, on the test split and under perturbation.

    None if the run without augmentation is not there.
    """
    plain_run = runs / "hypothalamus" / "fold0-plain" / "best.pt"
    if not plain_run.exists():
        return None
    compared = {}
    for name in ("augmented", "plain"):
        segmenter = Segmenter(Options(device="cpu", folds=(0,)), weights)
        if name == "plain":
            state = torch.load(plain_run, map_location="cpu")
            segmenter.networks["hypothalamus"][0].load_state_dict(state)
        first = load_volume(scans[-1].t1w)
        compared[name] = {
            "test": _rows(score_scans(segmenter, scans)),
            "repeatability": measure_repeatability(segmenter, first, scans[-1].subject),
        }
    return compared


def _volumes(result) -> dict[str, float]:
    by_name = {v.structure: v.volume_mm3 for v in result.volumes}
    return {name: by_name[name] for name in ("hypothalamus_total", "icv")}


def _rows(scores: Iterable[HypothalamusScore | IcvScore]) -> list[dict]:
    return [asdict(score) for score in scores]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.evaluate", description=__doc__)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--heads", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    parser.add_argument("--prepared", type=Path, default=PREPARED)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--docs", type=Path, default=Path("Docs"))
    options = parser.parse_args(arguments)
    parts = json.loads((options.prepared / "splits.json").read_text())
    results = evaluate(
        find_scans(options.scans),
        find_label_heads(options.heads),
        parts,
        options.weights,
        options.prepared,
        options.runs,
    )
    results["manifest"] = json.loads((options.weights / "manifest.json").read_text())
    folder = options.docs / "validation"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    report.write(results, options.runs, options.docs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
