"""The parent networks' view of a scan, in the form that fine-tuning needs.

The parent is the ensemble that is adapted. Its first network still finds the frame, so the
frame of a scan is the same before, while and after the networks are adapted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from HypothalamusSegLib.geometry.canonical_frame import CanonicalFrame
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.results.atomic_files import atomic_files
from HypothalamusSegLib.stages.fine import FineResult, frame_regions

from ..regions import POSTERIOR_SHAPE, posterior_grid, region_image, unit_displacements

# Where a publisher has removed the skull, much of the region is exactly zero.
STRIPPED_SHARE = 0.05


@dataclass(frozen=True)
class Look:
    """A scan as the parent sees it.

    Attributes
    ----------
    regions : ndarray of float32, shape (2, I, J, K)
        What the networks see: one region a lattice.
    image : ndarray of float16, shape REGION_SHAPE
        Upright, around the frame's center.
    answer : ndarray of uint8, shape (10, *POSTERIOR_SHAPE)
        The parent's mean posterior around the frame's center; value / 255.
    displacements : ndarray of float16, shape (2, 10, 3, *FIELD_SHAPE)
        How the answer's subunits could change: `regions.unit_displacements`.
    frame : CanonicalFrame
    turned : ndarray, shape (3, 3), or None
        By which the scan had to be turned to be upright.
    place_mm : ndarray, shape (3,)
    has_skull : bool
    settled : bool
    """

    regions: np.ndarray
    image: np.ndarray
    answer: np.ndarray
    displacements: np.ndarray
    frame: CanonicalFrame
    turned: np.ndarray | None
    place_mm: np.ndarray
    has_skull: bool
    settled: bool

    @property
    def posterior(self) -> np.ndarray:
        """The parent's answer as float32, 0–1, shape (10, *POSTERIOR_SHAPE)."""
        return self.answer.astype(np.float32) / 255

    @property
    def answer_mm3(self) -> float:
        """Volume of the parent's answer, both sides."""
        voxel_mm3 = posterior_grid(self.frame.centre_mm).voxel_volume_mm3
        return float(self.answer.sum(dtype=np.float64)) / 255 * voxel_mm3


def look_at(volume: VoxelImage, parent: Segmenter) -> tuple[Look, VoxelImage]:
    """Run the parent on a scan; returns also the scan upright.

    Raises
    ------
    HeadNotFoundError
        If the scan shows no head.
    """
    stages = parent.run_stages(volume)
    fine = stages.fine
    image = region_image(stages.volume, fine.frame.centre_mm)
    posteriors = padded_posteriors(fine)
    grid = posterior_grid(fine.frame.centre_mm)
    look = Look(
        regions=np.stack(
            frame_regions(stages.volume, fine.frame, parent.ensembles["hypothalamus"].shape)
        ),
        image=image,
        answer=(posteriors * 255).round().astype(np.uint8),
        displacements=unit_displacements(posteriors, grid, stages.volume),
        frame=fine.frame,
        turned=stages.rotation,
        place_mm=np.asarray(stages.coarse.place_mm, float),
        has_skull=float((image <= 0).mean()) < STRIPPED_SHARE,
        settled=fine.settled,
    )
    return look, stages.volume


def padded_posteriors(fine: FineResult) -> np.ndarray:
    """The ten subunits of a result on `posterior_grid`, which is its own grid and more around."""
    margins = [
        ((a - b) // 2, (a - b) // 2) for a, b in zip(POSTERIOR_SHAPE, fine.grid.shape, strict=True)
    ]
    return np.clip(np.pad(fine.posterior[1:], [(0, 0), *margins]), 0, 1)


def save_look(look: Look, path: Path) -> None:
    with atomic_files(path.parent) as stage:
        np.savez(
            stage / path.name,
            regions=look.regions,
            image=look.image,
            answer=look.answer,
            displacements=look.displacements,
            centre_mm=look.frame.centre_mm,
            rotation=look.frame.rotation,
            zoom=look.frame.zoom,
            turned=np.eye(3) if look.turned is None else look.turned,
            is_turned=look.turned is not None,
            place_mm=look.place_mm,
            has_skull=look.has_skull,
            settled=look.settled,
        )


def load_look(path: Path) -> Look:
    with np.load(path) as arrays:
        return Look(
            regions=arrays["regions"],
            image=arrays["image"],
            answer=arrays["answer"],
            displacements=arrays["displacements"],
            frame=CanonicalFrame(arrays["centre_mm"], arrays["rotation"], float(arrays["zoom"])),
            turned=arrays["turned"] if arrays["is_turned"] else None,
            place_mm=arrays["place_mm"],
            has_skull=bool(arrays["has_skull"]),
            settled=bool(arrays["settled"]),
        )
