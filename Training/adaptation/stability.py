"""Is what the published networks can kept? Repeatability and the share of a planted change.

    python -m Training.adaptation.stability --scans FOLDER --looks FOLDER --rater RATER \
        --checkpoints FILE … --output FILE

On scans of the test split, by the mean of the folds of the checkpoints before and after.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.stages.fine import segment_region
from torch import nn

from .. import perturbations
from ..planted_scans import PlantingGround
from ..prepare import load_volume
from ..regions import posterior_grid
from .evidence import Bench, parent_fold
from .probes import PLANTED_CHANGE
from .simulated_rater import RATERS

PERTURBATIONS = {
    "mirrored": perturbations.mirror,
    "rotated 8° (pitch)": perturbations.rotate(8, 0, 0),
    "rotated 7° (roll)": perturbations.rotate(0, 7, 0),
    "shifted by half a voxel": perturbations.shift(0.5),
    "resampled to 1.2 mm": perturbations.resample(1.2),
    "noise 3 %": perturbations.noisy(0.03),
    "bias field 20 %": perturbations.add_bias_field(0.2),
}


class Measure:
    """The fine stage of some folds, with the parent's frame, as adapted weights have it."""

    def __init__(self, networks: Sequence[nn.Module], frame_network: nn.Module) -> None:
        folder = weight_files.default_weights_folder()
        self._ensemble = weight_files.read_manifest(folder)["hypothalamus"]
        self._networks, self._frame_network = networks, frame_network

    def volume_mm3(self, image: VoxelImage, place_mm: np.ndarray) -> float:
        fine = segment_region(
            image,
            place_mm,
            self._networks,
            self._ensemble.template,
            self._ensemble.shape,
            "cpu",
            frame_network=self._frame_network,
        )
        return float(fine.posterior[1:].sum(dtype=np.float64)) * fine.grid.voxel_volume_mm3


def stability(bench: Bench, names: list[str], measures: dict[str, Measure]) -> list[dict]:
    """Coefficient of variation over perturbations, and share of a planted change, by scan."""
    rows = []
    for name in names:
        scan, look = load_volume(bench.scans[name].t1w), bench.looks[name]
        affine = posterior_grid(look.frame.centre_mm).affine
        planted = PlantingGround(scan, bench.target(name), affine).atrophy(PLANTED_CHANGE)
        changed = {title: change(scan) for title, change in PERTURBATIONS.items()}
        for which, measure in measures.items():
            before = measure.volume_mm3(scan, look.place_mm)
            after = measure.volume_mm3(planted.volume, look.place_mm)
            volumes = [measure.volume_mm3(image, look.place_mm) for image in changed.values()]
            row = {
                "scan": name,
                "networks": which,
                "cv_percent": 100 * float(np.std([before, *volumes], ddof=1) / np.mean(volumes)),
                "planted_share": math.log(after / before) / math.log(planted.total_ratio),
            }
            print(json.dumps(row), flush=True)
            rows.append(row)
    return rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.adaptation.stability")
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--looks", type=Path, required=True)
    parser.add_argument("--rater", choices=RATERS, required=True)
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True)
    parser.add_argument("--folds", type=int, nargs="+", default=[0], help="of the checkpoints")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=3, help="scans of the test split")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    bench = Bench(options.scans, options.looks, options.rater)
    parents = [parent_fold(fold)[0] for fold in options.folds]
    adapted = [parent_fold(fold)[0] for fold in options.folds]
    for network, checkpoint in zip(adapted, options.checkpoints, strict=True):
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        network.load_state_dict(state["average"])
    frame_network = parent_fold(0)[0]
    measures = {
        "before": Measure(parents, frame_network),
        "after": Measure(adapted, frame_network),
    }
    rows = stability(bench, bench.test[: options.count], measures)
    options.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
