"""From a scan to segmentations, volumes and quality flags: the engine's one way through."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import __version__, label_grids, volumetry, weight_files
from .coarse_stage import CoarseResult, find_head
from .fine_stage import FineResult, segment_region
from .quality import Quality, assess
from .reading import Scan
from .resampling import resample_mask
from .volume import Volume
from .volumetry import StructureVolume

if TYPE_CHECKING:
    from .progress import Steps

# Rough shares of the time, measured on two cores; only the progress bar depends on them.
STAGE_WEIGHTS = {"read": 1.0, "coarse": 4.0, "fine": 4.0, "measure": 0.5, "write": 1.5}


@dataclass(frozen=True)
class Options:
    """What to segment and how.

    Attributes
    ----------
    structures : tuple of str
        Any of ``hypothalamus`` and ``icv``.
    subunits : bool
    grid : {"0.5", "native", "ulm"}
        Grid of the hypothalamus labels.
    device : {"auto", "cpu", "cuda", "mps"}
    threads : int or None
        None: as many as torch chooses.
    folds : tuple of int
    """

    structures: tuple[str, ...] = ("hypothalamus", "icv")
    subunits: bool = False
    grid: str = "0.5"
    device: str = "auto"
    threads: int | None = None
    folds: tuple[int, ...] = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Segmentation:
    """Everything that is known about one scan."""

    scan: Scan
    hypothalamus: Volume | None
    subunits: Volume | None
    icv: Volume | None
    volumes: tuple[StructureVolume, ...]
    quality: Quality
    provenance: dict
    stage_seconds: dict[str, float] = field(default_factory=dict)


class Segmenter:
    """Both ensembles, loaded once for any number of scans.

    Parameters
    ----------
    options : Options
    weights_folder : Path or None
        None: the weights that come with the package.

    Raises
    ------
    WeightsError
        If weights are missing or damaged.
    """

    def __init__(self, options: Options, weights_folder: Path | None = None) -> None:
        import torch

        if options.threads:
            torch.set_num_threads(options.threads)
        self.options = options
        self.device = choose_device(options.device)
        folder = weights_folder or weight_files.default_weights_folder()
        manifest = weight_files.read_manifest(folder)
        # The coarse stage is needed for the place of the hypothalamus, too.
        names = ("icv", "hypothalamus") if "hypothalamus" in options.structures else ("icv",)
        self.ensembles = {name: manifest[name] for name in names}
        self.networks = {
            name: weight_files.load_networks(ensemble, options.folds, self.device)
            for name, ensemble in self.ensembles.items()
        }

    def segment(self, scan: Scan, steps: Steps | None = None) -> Segmentation:
        """Segment one scan.

        Raises
        ------
        HeadNotFoundError
            If the scan holds no head.
        """
        clock = StageClock(steps, len(self.options.folds))
        volume = scan.volume
        coarse, fine = self.run_stages(volume, clock)
        clock.begin("measure", "volumes")
        images = self._label_images(volume, coarse, fine)
        volumes = self._measure(images, coarse, fine)
        quality = assess(volume, scan.flags, coarse, fine, volumes)
        clock.end()
        return Segmentation(
            scan=scan,
            hypothalamus=images.get("hypothalamus"),
            subunits=images.get("subunits"),
            icv=images.get("icv"),
            volumes=tuple(volumes),
            quality=quality,
            provenance=self._provenance(scan, clock.seconds),
            stage_seconds=clock.seconds,
        )

    def run_stages(
        self, volume: Volume, clock: StageClock | None = None
    ) -> tuple[CoarseResult, FineResult | None]:
        """Only the networks' part of `segment`, for those who want posteriors."""
        clock = clock or StageClock(None, len(self.options.folds))
        on_fold = clock.begin("coarse", "ICV")
        coarse = find_head(volume, self.networks["icv"], self.device, on_fold)
        if "hypothalamus" not in self.options.structures:
            return coarse, None
        on_fold = clock.begin("fine", "hypothalamus")
        shape = self.ensembles["hypothalamus"].shape
        networks = self.networks["hypothalamus"]
        fine = segment_region(volume, coarse.place_mm, networks, shape, self.device, on_fold)
        return coarse, fine

    def _label_images(
        self, volume: Volume, coarse: CoarseResult, fine: FineResult | None
    ) -> dict[str, Volume]:
        images = {}
        if fine is not None:
            grid = label_grids.output_grid(self.options.grid, fine.grid, volume.grid)
            images["hypothalamus"] = label_grids.hypothalamus_labels(fine, grid)
            if self.options.subunits:
                images["subunits"] = label_grids.subunit_labels(fine, grid)
        if "icv" in self.options.structures:
            posterior = Volume(coarse.icv_posterior, coarse.grid.affine)
            images["icv"] = Volume(resample_mask(posterior, volume.grid), volume.affine)
        return images

    def _measure(
        self, images: dict[str, Volume], coarse: CoarseResult, fine: FineResult | None
    ) -> list[StructureVolume]:
        volumes: list[StructureVolume] = []
        icv_mm3 = coarse.icv_mm3 if "icv" in images else None
        if fine is not None:
            image = images["hypothalamus"]
            volumes += volumetry.measure_hypothalamus(
                fine, image.array, image.voxel_volume_mm3, icv_mm3
            )
        if "subunits" in images:
            image = images["subunits"]
            volumes += volumetry.measure_subunits(
                fine, image.array, image.voxel_volume_mm3, icv_mm3
            )
        if "icv" in images:
            image = images["icv"]
            mask_mm3 = float(np.count_nonzero(image.array)) * image.voxel_volume_mm3
            volumes.append(volumetry.measure_icv(coarse, mask_mm3))
        return volumes

    def _provenance(self, scan: Scan, seconds: dict[str, float]) -> dict:
        import torch

        checksums = {
            f"{name}_fold{fold.fold}": fold.sha256
            for name, ensemble in self.ensembles.items()
            for fold in ensemble.folds
            if fold.fold in self.options.folds
        }
        return {
            "version": __version__,
            "weights_sha256": checksums,
            "input": scan.path.name,
            "input_sha256": scan.sha256,
            "options": {
                "structures": list(self.options.structures),
                "subunits": self.options.subunits,
                "grid": self.options.grid,
                "folds": list(self.options.folds),
            },
            "device": self.device,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "seconds": round(sum(seconds.values()), 2),
            "peak_memory_mb": peak_memory_mb(),
            "steps": {name: round(value, 3) for name, value in seconds.items()},
        }


class StageClock:
    """Seconds of each stage, and progress on the way."""

    def __init__(self, steps: Steps | None, fold_count: int) -> None:
        self.seconds: dict[str, float] = {}
        self._steps = steps
        self._fold_count = fold_count
        self._stage: str | None = None
        self._since = 0.0

    def begin(self, stage: str, what: str):
        """End the stage before and begin another; returns a callback for each fold done."""
        self.end()
        self._stage, self._since = stage, time.monotonic()
        self._tell(stage, 0.0, what)
        count = self._fold_count
        return lambda index: self._tell(
            stage, (index + 1) / count, f"{what} fold {index + 1}/{count}"
        )

    def end(self) -> None:
        """End the current stage, if any."""
        if self._stage:
            self.seconds[self._stage] = time.monotonic() - self._since
        self._stage = None

    def _tell(self, stage: str, within: float, step: str) -> None:
        if self._steps:
            self._steps.at(stage, within, step)


def choose_device(wanted: str) -> str:
    """Resolve "auto": a CUDA or Apple GPU where torch sees one, else the CPU."""
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def peak_memory_mb() -> float | None:
    """Largest resident size of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024), 1)


def parse_folds(text: str) -> tuple[int, ...]:
    """Read "0,2,4"; raises ValueError if it is not a list of different numbers."""
    folds = tuple(int(part) for part in text.split(","))
    if len(set(folds)) != len(folds):
        raise ValueError(f"{text}: a fold is named twice")
    return folds


def check_structures(names: Sequence[str]) -> tuple[str, ...]:
    """Refuse unknown structures with a ValueError; keeps the order of `weight_files.STRUCTURES`."""
    unknown = sorted(set(names) - set(weight_files.STRUCTURES))
    if unknown or not names:
        raise ValueError(f"unknown structure {unknown[0] if unknown else ''!r}")
    return tuple(name for name in weight_files.STRUCTURES if name in names)


def default_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
