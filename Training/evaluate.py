"""Measure the exported weights through the engine and write the validation report.

    python -m Training.evaluate --scans FOLDER --heads FOLDER [--weights weights] [--docs Docs]

Either folder may be left out. Writes Docs/validation/results.json, the figures beside it, and
Docs/VALIDATION.md.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.geometry.resampling import resample_mask
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.machine.processes import processor_name
from HypothalamusSegLib.measures.quality import hypothalamus_agreement
from HypothalamusSegLib.measures.volumes import measure_hypothalamus, measure_subunits
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmentation, Segmenter
from HypothalamusSegLib.reading import Scan
from HypothalamusSegLib.stages.orientation import turn

from . import report
from .change_evaluation import measure_planted_changes
from .dataset import DatasetError, LabelHead, LabelledScan, find_label_heads, find_scans
from .head_generator import LabelHeadSource
from .perturbations import all_perturbations
from .prepare import PREPARED, load_volume, subunit_posteriors
from .report_tables import UNSTABLE_VIEW_DICE
from .scoring import (
    HypothalamusScore,
    IcvScore,
    labels_on,
    score_hypothalamus,
    score_icv,
    structure_volumes,
)
from .splits import TEST
from .train import RUNS, is_finished

RENDER_SEED = 99


@dataclass(frozen=True)
class Extent:
    """How much is measured; the report says it.

    Attributes
    ----------
    renders_per_head : int
        Images generated of each label head.
    render_spacing_mm : float
    repeatability_scans, repeatability_heads : int
        Test scans and heads that are perturbed.
    perturbations : tuple of str or None
        None: all of `perturbations.all_perturbations`.
    planted_scans : int or None
        Test scans with a stable label in which changes are planted; None: all.
    """

    renders_per_head: int = 2
    render_spacing_mm: float = 1.0
    repeatability_scans: int = 4
    repeatability_heads: int = 1
    perturbations: tuple[str, ...] | None = None
    planted_scans: int | None = None


FULL = Extent()
QUICK = Extent(1, 2.0, 1, 0, ("mirrored", "rotated 8° (pitch)"), 1)


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
    for kind, rows in _scores(ensemble, test_scans, test_heads, prepared, extent).items():
        results[f"test_{kind}"] = rows
        results[f"validation_{kind}"] = []
    results["repeatability"] = repeatability(ensemble, test_scans, test_heads, prepared, extent)
    results["planted"] = []
    if "hypothalamus" in structures:
        stable = [scan for scan in test_scans if not _is_unstable(scan)]
        results["planted"] = measure_planted_changes(ensemble, stable[: extent.planted_scans])
    for fold in folds:
        single = Segmenter(Options(structures=structures, device="cpu", folds=(fold,)), weights)
        fold_scans = [s for s in scans if parts["scans"][s.subject] == fold]
        fold_heads = [h for h in heads if parts["heads"][h.name] == fold]
        for kind, rows in _scores(single, fold_scans, fold_heads, prepared, extent).items():
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


def _scores(
    segmenter: Segmenter,
    scans: list[LabelledScan],
    heads: list[LabelHead],
    prepared: Path,
    extent: Extent,
) -> dict[str, list[dict]]:
    """Scores of one part by kind: hypothalamus, icv (label heads), icv_scans (masks of scans)."""
    scores = {
        "hypothalamus": score_scans(segmenter, scans),
        "icv": score_heads(segmenter, heads, prepared, extent),
        "icv_scans": score_icv_masks(segmenter, scans),
    }
    return {kind: [asdict(score) for score in found] for kind, found in scores.items()}


def score_scans(segmenter: Segmenter, scans: Iterable[LabelledScan]) -> list[HypothalamusScore]:
    """Run the engine on labelled scans and compare with their subunit labels."""
    scores: list[HypothalamusScore] = []
    if "hypothalamus" not in segmenter.options.structures:
        return scores
    for scan in scans:
        if not (scan.soft_subunits or scan.hard_subunits):
            continue
        stages = segmenter.run_stages(load_volume(scan.t1w))
        fine = stages.fine
        posteriors, affine = subunit_posteriors(scan)
        if stages.rotation is not None:
            # The engine has laid the head upright; the labels go with it.
            affine = turn(VoxelImage(posteriors[0], affine), stages.rotation).affine
        found, found_subunits = labels_on(fine, Grid(posteriors.shape[1:], affine))
        volumes = measure_hypothalamus(fine, found.array, found.voxel_volume_mm3, None)
        fold_dice, confidence = hypothalamus_agreement(fine)
        quality = (float(np.mean(fold_dice)), confidence, stages.coarse.place_confidence)
        score = score_hypothalamus(
            scan.subject,
            found,
            found_subunits,
            volumes[2].volume_mm3,
            posteriors,
            affine,
            scan.label_stability,
            quality,
        )
        print(scan.subject, f"Dice {score.dice:.3f}", flush=True)
        subunits = measure_subunits(fine, found_subunits.array, found.voxel_volume_mm3, None)
        structures = structure_volumes([*volumes, *subunits], posteriors, affine)
        scores.append(replace(score, structures=structures))
    return scores


def rendered_heads(
    head: LabelHead, prepared: Path, count: int, spacing_mm: float
) -> list[tuple[Scan, np.ndarray]]:
    """Render T1-like whole heads with their exact masks; always the same ones."""
    source = LabelHeadSource(prepared / "heads" / f"{head.name}.npz")
    generator = torch.Generator().manual_seed(RENDER_SEED)
    rendered = []
    for index in range(count):
        image, icv = source.draw(generator, mild=True, spacing_mm=spacing_mm)
        grid = Grid.axis_aligned(np.zeros(3), tuple(image.shape[1:]), spacing_mm)
        volume = VoxelImage(image[0].clamp_min(0).numpy(), grid.affine)
        scan = Scan(volume, f"{head.name}-{index}", Path(head.name), "", ())
        rendered.append((scan, icv[0].numpy() > 0.5))
    return rendered


def score_heads(
    segmenter: Segmenter, heads: Iterable[LabelHead], prepared: Path, extent: Extent = FULL
) -> list[IcvScore]:
    """Run the engine on rendered label heads and compare with their exact masks."""
    scores = []
    for head in heads:
        count, spacing_mm = extent.renders_per_head, extent.render_spacing_mm
        for scan, mask in rendered_heads(head, prepared, count, spacing_mm):
            score = score_icv(scan.name, segmenter.segment(scan), mask)
            print(scan.name, f"Dice {score.dice:.4f}, {score.volume_percent:+.2f} %", flush=True)
            scores.append(score)
    return scores


def score_icv_masks(segmenter: Segmenter, scans: Iterable[LabelledScan]) -> list[IcvScore]:
    """Run the engine on the scans that have an intracranial mask and compare with it."""
    scores = []
    for labelled in scans:
        if labelled.icv_mask is None:
            continue
        volume = load_volume(labelled.t1w)
        mask = resample_mask(load_volume(labelled.icv_mask), volume.grid)
        scan = Scan(volume, labelled.subject, labelled.t1w, "", ())
        score = score_icv(labelled.subject, segmenter.segment(scan), mask)
        print(scan.name, f"ICV Dice {score.dice:.4f}, {score.volume_percent:+.2f} %", flush=True)
        scores.append(score)
    return scores


def repeatability(
    segmenter: Segmenter,
    scans: list[LabelledScan],
    heads: list[LabelHead],
    prepared: Path,
    extent: Extent = FULL,
) -> dict:
    """Volumes of some heads under every perturbation, in mm³, by head and perturbation."""
    # Both scanners, in the order of the names: nothing is picked by its result.
    by_scanner = sorted(scans, key=lambda s: (s.scanner != scans[-1].scanner, s.subject))
    volumes = {s.subject: load_volume(s.t1w) for s in by_scanner[: extent.repeatability_scans]}
    for head in heads[: extent.repeatability_heads]:
        rendered = rendered_heads(head, prepared, 1, extent.render_spacing_mm)
        volumes[head.name] = rendered[0][0].volume
    return {n: measure_repeatability(segmenter, v, n, extent) for n, v in volumes.items()}


def measure_repeatability(
    segmenter: Segmenter, volume: VoxelImage, name: str, extent: Extent = FULL
) -> dict:
    """Hypothalamic and intracranial volume of one head, unchanged and under each perturbation."""
    scan = Scan(volume, name, Path(name), "", ())
    first = segmenter.segment(scan)
    rows = {"unchanged": _volumes(first)}
    for label, perturb in all_perturbations(first.icv.array > 0).items():
        if extent.perturbations is None or label in extent.perturbations:
            changed = Scan(perturb(volume), name, Path(name), "", ())
            rows[label] = _volumes(segmenter.segment(changed))
    print(name, "repeatability", report.coefficients_of_variation(rows), flush=True)
    return rows


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


def _volumes(result: Segmentation) -> dict[str, float]:
    totals = ("hypothalamus_total", "icv")
    return {v.structure: v.volume_mm3 for v in result.volumes if v.structure in totals}


def _finite(value: object) -> object:
    """The same without NaN and infinity (distances to nothing), which JSON has no words for."""
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
