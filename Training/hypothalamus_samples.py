"""Training and validation samples of the fine stage: regions around the hypothalamus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib import labels
from torch import Tensor

from . import augmentation
from .prepare import POSTERIOR_SPACING_MM, REGION_SPACING_MM

# The structure spans 16 × 17 × 12 mm; the coarse stage and the second centring find it to ± 3 mm.
CROP_SHAPE = (32, 32, 32)
CROP_SPACING_MM = 1.0
WARP = augmentation.SpatialRange(
    rotation_sd=8.0, scale_sd=0.07, shift=4.0, elastic_sd=(0.3, 1.6), elastic_points=5
)
# Labels on which the teacher disagrees with itself count less.
STABLE_VIEW_DICE, UNSTABLE_VIEW_DICE = 0.93, 0.87
TEXTURE_CHANCE = 0.5
# Scans as they are and scans changed as far as scanners differ, half and half: with the second kind
# alone, validation Dice on unchanged scans was lower by 0.006 than without any augmentation.
WEAK_CHANCE, WEAK_STRENGTH = 0.5, (0.0, 0.5)


class HypothalamusSamples:
    """Regions of some subjects, held in memory and served augmented or plain.

    Parameters
    ----------
    prepared : Path
        Folder written by Training.prepare.
    subjects : list of str
    """

    def __init__(self, prepared: Path, subjects: list[str]) -> None:
        self.subjects = subjects
        self._items = [_load(prepared / "regions" / f"{name}.npz") for name in subjects]

    def augmented(self, index: int, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
        """One random version of a subject.

        Returns
        -------
        image : Tensor, shape (1, 32, 32, 32)
        target : Tensor, shape (11, 32, 32, 32)
            Background and subunit posteriors.
        weight : float
            0.2–1, how much the label counts.
        """
        item = self._items[index]
        strength = 1.0
        if augmentation.chance(WEAK_CHANCE, generator):
            strength = augmentation.uniform(*WEAK_STRENGTH, generator)
        points, mirrored = augmentation.warped_points(
            CROP_SHAPE, CROP_SPACING_MM, WARP.scaled(strength), generator
        )
        image = augmentation.sample(item["image"], points, REGION_SPACING_MM)
        target = _target(item["posteriors"], points, mirrored)
        if not item["skull"] and augmentation.chance(TEXTURE_CHANCE, generator):
            image = augmentation.random_texture(image, generator)
        image = augmentation.random_intensity(image, generator, strength)
        return image, target, item["weight"]

    def plain(self, index: int) -> tuple[Tensor, Tensor, float]:
        """The unchanged region of a subject, in the form of `augmented`."""
        item = self._items[index]
        axes = [(torch.arange(n) - (n - 1) / 2) * CROP_SPACING_MM for n in CROP_SHAPE]
        points = torch.stack(torch.meshgrid(*axes, indexing="ij"))
        image = augmentation.sample(item["image"], points, REGION_SPACING_MM)
        return image.clamp_min(0), _target(item["posteriors"], points, False), item["weight"]

    def __len__(self) -> int:
        return len(self._items)


def _load(path: Path) -> dict:
    with np.load(path) as arrays:
        stability = float(arrays["stability"])
        span = STABLE_VIEW_DICE - UNSTABLE_VIEW_DICE
        weight = 1.0 if np.isnan(stability) else (stability - UNSTABLE_VIEW_DICE) / span
        return {
            "image": torch.from_numpy(arrays["image"].astype(np.float32))[None],
            "posteriors": torch.from_numpy(arrays["posteriors"]),
            "skull": bool(arrays["skull"]),
            "weight": float(np.clip(weight, 0.2, 1.0)),
        }


def _target(posteriors: Tensor, points_mm: Tensor, mirrored: bool) -> Tensor:
    subunits = augmentation.sample(posteriors, points_mm, POSTERIOR_SPACING_MM) / 255.0
    total = subunits.sum(0, keepdim=True)
    subunits = subunits / total.clamp_min(1.0)
    target = torch.cat([1 - total.clamp_max(1.0), subunits])
    return target[list(labels.MIRRORED_CHANNELS)] if mirrored else target
