"""Training and validation samples of the fine stage: the hypothalamus in its canonical frame."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry import canonical_frame
from torch import Tensor

from . import augmentation, planted_change
from .dataset import STABLE_VIEW_DICE
from .regions import FIELD_SPACING_MM, POSTERIOR_SPACING_MM, REGION_SPACING_MM, read_template

# In the frame the structure spans 16 × 17 × 12 mm and lies in the middle to a millimeter.
CROP_SHAPE = (28, 28, 24)
CROP_SPACING_MM = 1.0
# What remains in the frame: its own errors, and shape.
WARP = augmentation.SpatialRange(
    rotation_sd=5.0, scale_sd=0.06, shift=1.5, elastic_sd=(0.2, 1.4), elastic_points=5
)
# Labels on which the teacher disagrees with itself count less.
UNSTABLE_VIEW_DICE = 0.87
TEXTURE_CHANCE = 0.5
# Scans as they are and scans changed as far as scanners differ, half and half: with the second kind
# alone, validation Dice on unchanged scans was lower by 0.006 than without any augmentation.
WEAK_CHANCE, WEAK_STRENGTH = 0.5, (0.0, 0.5)
# Planted changes of the logarithm of volume: of all, of a side, of a subunit. A label's soft edge
# lies in what makes up for them, so about half of a change arrives in the label's volume.
CHANGE_CHANCE = 0.7
CHANGE_SD_ALL, CHANGE_SD_SIDE, CHANGE_SD_SUBUNIT = 0.45, 0.2, 0.12
LARGEST_CHANGE = 0.8
FLUID_CHANCE, SURROUNDINGS_CHANCE = 0.6, 0.2  # otherwise a mixture of both


class RegionSamples:
    """Regions held in memory and served augmented or plain.

    Parameters
    ----------
    items : list of dict
        As `region_item` makes them.
    """

    def __init__(self, items: list[dict]) -> None:
        self._items = items

    def draw_augmented(
        self, index: int, generator: torch.Generator, mirrored: bool | None = None
    ) -> tuple[Tensor, Tensor, float]:
        """One random version of a subject, its volume changed by a random deformation.

        Returns
        -------
        image : Tensor, shape (1, *CROP_SHAPE)
        target : Tensor, shape (11, *CROP_SHAPE)
            Background and subunit posteriors.
        weight : float
            0.2–1, how much the label counts.
        """
        item = self._items[index]
        strength = 1.0
        if augmentation.chance(WEAK_CHANCE, generator):
            strength = augmentation.uniform(*WEAK_STRENGTH, generator)
        points, mirrored = augmentation.warped_points(
            CROP_SHAPE, CROP_SPACING_MM, WARP.at_strength(strength), generator, mirrored
        )
        points = _in_region(points, item)
        if augmentation.chance(CHANGE_CHANCE, generator):
            points = _with_change(points, item, *_random_change(generator))
        image = augmentation.sample(item["image"], points, REGION_SPACING_MM)
        target = _target(item["posteriors"], points, mirrored)
        if not item["skull"] and augmentation.chance(TEXTURE_CHANCE, generator):
            image = augmentation.random_texture(image, generator)
        image = augmentation.random_intensity(image, generator, strength)
        return image, target, item["weight"]

    def draw_plain(
        self, index: int, log_change: float = 0.0, log_zoom: float = 0.0
    ) -> tuple[Tensor, Tensor, float]:
        """A subject in its frame, in the form of `draw_augmented`.

        Parameters
        ----------
        log_change : float
            Logarithm of the volume ratio of a planted change that fluid takes up.
        log_zoom : float
            Logarithm of the volume ratio by which all is zoomed.
        """
        item = self._items[index]
        axes = [(torch.arange(n) - (n - 1) / 2) * CROP_SPACING_MM for n in CROP_SHAPE]
        points = torch.stack(torch.meshgrid(*axes, indexing="ij")) * math.exp(-log_zoom / 3)
        points = _in_region(points, item)
        if log_change:
            points = _with_change(points, item, torch.full((10,), log_change), 1.0)
        image = augmentation.sample(item["image"], points, REGION_SPACING_MM)
        return image.clamp_min(0), _target(item["posteriors"], points, False), item["weight"]

    def __len__(self) -> int:
        return len(self._items)


class HypothalamusSamples(RegionSamples):
    """Regions of some subjects.

    Parameters
    ----------
    prepared : Path
        Folder written by Training.prepare.
    subjects : list of str
    """

    def __init__(self, prepared: Path, subjects: list[str]) -> None:
        self.subjects = subjects
        template = read_template(prepared)
        super().__init__(
            [_load(prepared / "regions" / f"{name}.npz", template) for name in subjects]
        )


def region_item(
    image: np.ndarray,
    posteriors: np.ndarray,
    displacements: np.ndarray,
    skull: bool,
    weight: float,
    frame: canonical_frame.CanonicalFrame,
) -> dict:
    """What `RegionSamples` holds of one hypothalamus.

    Parameters
    ----------
    image : ndarray, shape REGION_SHAPE
    posteriors : ndarray of uint8, shape (10 or more, *POSTERIOR_SHAPE)
        Value / 255 = posterior; channels beyond ten are neither subunits nor background.
    displacements : ndarray of float16, shape (2, 10, 3, *FIELD_SHAPE)
    skull : bool
        False: what a publisher has cut to zero is filled at random.
    weight : float
        How much the label counts.
    frame : CanonicalFrame
        Relative to the center that the arrays share.
    """
    return {
        "image": torch.from_numpy(image.astype(np.float32))[None],
        "posteriors": torch.from_numpy(posteriors),
        "displacements": torch.from_numpy(displacements),
        "skull": skull,
        "weight": weight,
        "matrix": torch.from_numpy(frame.zoom * frame.rotation).float(),
        "centre_mm": torch.from_numpy(frame.centre_mm).float(),
    }


def _load(path: Path, template: canonical_frame.Template) -> dict:
    with np.load(path) as arrays:
        stability = float(arrays["stability"])
        span = STABLE_VIEW_DICE - UNSTABLE_VIEW_DICE
        weight = 1.0 if np.isnan(stability) else (stability - UNSTABLE_VIEW_DICE) / span
        moments = canonical_frame.Moments(
            arrays["subunit_volumes_mm3"], arrays["subunit_centres_mm"]
        )
        frame = canonical_frame.fit_frame(moments, template)
        return region_item(
            arrays["image"],
            arrays["posteriors"],
            arrays["displacements"],
            bool(arrays["skull"]),
            float(np.clip(weight, 0.2, 1.0)),
            frame,
        )


def _in_region(points_mm: Tensor, item: dict) -> Tensor:
    """From the canonical frame to the subject's region; (3, I, J, K)."""
    moved = torch.einsum("ab,bijk->aijk", item["matrix"], points_mm)
    return moved + item["centre_mm"].view(3, 1, 1, 1)


def _random_change(generator: torch.Generator) -> tuple[Tensor, float]:
    """Logarithms of the subunits' volume ratios, and fluid's share in taking them up."""
    change = CHANGE_SD_SUBUNIT * torch.randn(2, labels.SUBUNITS_PER_SIDE, generator=generator)
    change += CHANGE_SD_SIDE * torch.randn(2, 1, generator=generator)
    change += CHANGE_SD_ALL * torch.randn(1, 1, generator=generator)
    kind = augmentation.uniform(0, 1, generator)
    fluid_share = augmentation.uniform(0, 1, generator)
    if kind < FLUID_CHANCE:
        fluid_share = 1.0
    elif kind < FLUID_CHANCE + SURROUNDINGS_CHANCE:
        fluid_share = 0.0
    return change.flatten().clamp(-LARGEST_CHANGE, LARGEST_CHANGE), fluid_share


def _with_change(points_mm: Tensor, item: dict, log_change: Tensor, fluid_share: float) -> Tensor:
    """Look up where each point was before the subunits' volumes changed."""
    # Sampling is a pull: where the lookup spreads, what it finds is smaller.
    divergence = torch.exp(-log_change) - 1
    fluid, surroundings = (planted_change.COMPENSATIONS.index(n) for n in ("fluid", "surroundings"))
    shares = torch.zeros(len(planted_change.COMPENSATIONS))
    shares[fluid], shares[surroundings] = fluid_share, 1 - fluid_share
    weights = shares[:, None] * divergence[None]
    used = weights.abs().sum(1) > 0
    field = torch.einsum("cs,csaijk->aijk", weights[used], item["displacements"][used].float())
    return points_mm + augmentation.sample(field, points_mm, FIELD_SPACING_MM)


def _target(posteriors: Tensor, points_mm: Tensor, mirrored: bool) -> Tensor:
    subunits = augmentation.sample(posteriors, points_mm, POSTERIOR_SPACING_MM) / 255.0
    total = subunits.sum(0, keepdim=True)
    subunits = subunits / total.clamp_min(1.0)
    target = torch.cat([1 - total.clamp_max(1.0), subunits])
    order = labels.MIRRORED_CHANNELS if mirrored else range(labels.CHANNELS)
    return target[list(order)]
