"""How many cases it takes: raters that are simulated, 5, 10, 20 or all training scans.

    python -m Training.adaptation.evidence --scans FOLDER --looks FOLDER --output FILE
        [--folds 0 1 2 3 4]

Each fold is adapted and scored by itself; of several, their mean is scored too.

Everything is scored on the data set's test split, which no network has seen.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel
import numpy as np
import torch
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter

from ..dataset import LabelledScan, find_scans
from ..hypothalamus_samples import RegionSamples
from ..prepare import load_volume, subunit_posteriors
from ..splits import TEST, assign_parts
from .fine_tuning import FoldAdaptation, FoldPlan, PairSampler
from .looks import load_look, look_at, save_look
from .protocol_map import difference_in_frame, disagreement_map
from .samples import case_target, memory_item, sample_item
from .scores import CaseScore, score_case, segment_look
from .simulated_rater import RATERS, rater_sides
from .targets import SIDES

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Scenario:
    """One adaptation of one fold."""

    rater: str
    cases: int
    memory: int
    steps: int
    peak: float
    memory_share: float
    fold: int = 0
    seed: int = 1

    @property
    def name(self) -> str:
        return "-".join(map(str, asdict(self).values()))


class Bench:
    """The data set as the parent sees it, and what a simulated rater draws of it."""

    def __init__(self, scans: Path, looks: Path, rater: str) -> None:
        self.rater = rater
        self.scans = {scan.subject: scan for scan in find_scans(scans)}
        parts = assign_parts({s.subject: s.scanner for s in self.scans.values()}, TEST_SHARE)
        self.test = [name for name, part in parts.items() if part == TEST]
        self.training = [name for name, part in parts.items() if part != TEST]
        self.looks = {name: load_look(looks / f"{name}.npz") for name in self.scans}
        self._labels = looks / rater
        self._labels.mkdir(exist_ok=True)

    def label(self, name: str) -> VoxelImage:
        path = self._labels / f"{name}.nii.gz"
        if not path.exists():
            drawn = rater_sides(*subunit_posteriors(self.scans[name]), self.rater)
            nibabel.save(nibabel.Nifti1Image(drawn.array, drawn.affine), path)
        image = nibabel.load(path)
        return VoxelImage(np.asarray(image.dataobj), image.affine)

    def target(self, name: str) -> np.ndarray:
        path = self._labels / f"{name}.npy"
        if not path.exists():
            target = case_target(self.looks[name], self.label(name), SIDES)
            np.save(path, target.astype(np.float16))
        return np.load(path).astype(np.float32)


def make_looks(scans: list[LabelledScan], folder: Path) -> None:
    """Let the parent look at all scans, once."""
    parent = Segmenter(Options(structures=("hypothalamus",), device="cpu"))
    for scan in scans:
        path = folder / f"{scan.subject}.npz"
        if not path.exists():
            look, _ = look_at(load_volume(scan.t1w), parent)
            save_look(look, path)


def run_scenario(scenario: Scenario, bench: Bench, runs: Path) -> tuple[dict, torch.nn.Module]:
    """Adapt one fold and score it on the test split; returns the row and the network."""
    order = list(bench.training)
    random.Random(scenario.seed).shuffle(order)
    cases = order[: scenario.cases]
    memory = order[scenario.cases :][: scenario.memory]
    started = time.monotonic()
    looks = bench.looks
    targets = {name: bench.target(name) for name in cases}
    differs = disagreement_map(
        [
            difference_in_frame(targets[name], looks[name].posterior, looks[name].frame)
            for name in cases
        ]
    )
    sampler = PairSampler(
        RegionSamples([sample_item(looks[name], targets[name]) for name in cases]),
        RegionSamples([memory_item(looks[name], differs) for name in memory]),
        scenario.memory_share,
    )
    prepared_s = time.monotonic() - started
    network, sha256 = parent_fold(scenario.fold)
    plan = FoldPlan(
        scenario.fold,
        scenario.steps,
        scenario.peak,
        scenario.memory_share,
        scenario.seed,
        True,
        sha256,
        tuple(cases),
        tuple(memory),
    )
    run = FoldAdaptation(plan, network, sampler, runs / f"{scenario.name}.pt")
    run.resume()
    adapted = run.run()
    seconds = time.monotonic() - started
    row = {
        **asdict(scenario),
        **score_networks(bench, [adapted]),
        "prepared_seconds": prepared_s,
        "seconds": seconds,
    }
    return row, adapted


def parent_fold(fold: int) -> tuple[torch.nn.Module, str]:
    ensemble = weight_files.read_manifest(weight_files.default_weights_folder())["hypothalamus"]
    sha256 = next(f.sha256 for f in ensemble.folds if f.fold == fold)
    return weight_files.load_networks(ensemble, (fold,), "cpu")[0], sha256


def score_networks(bench: Bench, networks: list[torch.nn.Module]) -> dict:
    """Means over the test split."""
    scores = [
        score_case(segment_look(bench.looks[name], networks), bench.label(name), SIDES)
        for name in bench.test
    ]
    return summary(scores)


def summary(scores: list[CaseScore]) -> dict:
    errors = [score.log_ratio for score in scores]
    return {
        "n": len(scores),
        "dice": float(np.mean([score.dice for score in scores])),
        "volume_percent": 100 * math.expm1(float(np.mean(errors))),
        "error_sd_percent": 100 * float(np.std(errors, ddof=1)),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.adaptation.evidence")
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--looks", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="JSON lines, one a scenario")
    parser.add_argument("--rater", choices=RATERS, required=True)
    parser.add_argument("--cases", type=int, nargs="+", default=[5, 10, 20, 54])
    parser.add_argument("--memory", type=int, default=15)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--peak", type=float, default=0.2)
    parser.add_argument("--memory-share", type=float, default=0.33)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    make_looks(find_scans(options.scans), options.looks)
    bench = Bench(options.scans, options.looks, options.rater)
    runs = options.output.parent / "adapt-runs"
    runs.mkdir(parents=True, exist_ok=True)
    parents = [parent_fold(fold)[0] for fold in options.folds]
    for folds, networks in _each_and_all(options.folds, parents):
        row = {"rater": options.rater, "cases": 0, "fold": folds}
        _append(options.output, {**row, **score_networks(bench, networks)})
    for count in options.cases:
        scenarios = [_scenario(options, count, fold) for fold in options.folds]
        adapted = []
        for scenario in scenarios:
            row, network = run_scenario(scenario, bench, runs)
            adapted.append(network)
            _append(options.output, row)
        if len(adapted) > 1:
            row = {**asdict(scenarios[0]), "fold": options.folds}
            _append(options.output, {**row, **score_networks(bench, adapted)})
    return 0


def _each_and_all(folds: list[int], networks: list) -> list[tuple[int | list[int], list]]:
    each: list = [(fold, [network]) for fold, network in zip(folds, networks, strict=True)]
    return [*each, (folds, networks)] if len(folds) > 1 else each


def _scenario(options: argparse.Namespace, cases: int, fold: int) -> Scenario:
    return Scenario(
        rater=options.rater,
        cases=cases,
        memory=options.memory,
        steps=options.steps,
        peak=options.peak,
        memory_share=options.memory_share,
        fold=fold,
        seed=options.seed,
    )


def _append(path: Path, row: dict) -> None:
    text = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()})
    print(text, flush=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
