"""Training and validation samples of the coarse stage: whole heads on the 2 mm grid.

Two kinds are mixed: images generated from label heads, with exact ICV; and real scans, which teach
where the hypothalamus is (and ICV too, where the data set has a mask for them).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib.geometry.head_box import COARSE_SPACING_MM
from HypothalamusSegLib.stages.border import PROFILE_RESOLUTION_MM
from torch import Tensor

from . import augmentation
from .head_generator import MILD_WARP, WARP, LabelHeadSource

PLACE_SD_MM = 4.0
REAL_SCAN_CHANCE = 0.25
# Fine images show the border as the engine's profiles do.
FINE_SPACING_MM = PROFILE_RESOLUTION_MM
VALIDATION_SEED, VALIDATION_IMAGES = 7, 2


class HeadSamples:
    """Label heads and real scans of some subjects.

    Parameters
    ----------
    prepared : Path
    heads, scans : list of str
        Names of label heads and subjects; either may be empty, not both.
    fine : bool
        Images at 1 mm; scans that have no intracranial label are left out.
    """

    def __init__(
        self, prepared: Path, heads: list[str], scans: list[str], fine: bool = False
    ) -> None:
        self.heads = [LabelHeadSource(prepared / "heads" / f"{name}.npz") for name in heads]
        loaded = (_load_scan(prepared / "scans" / f"{name}.npz", fine) for name in scans)
        self.scans = [scan for scan in loaded if scan["icv"] is not None or not fine]
        self._spacing_mm = FINE_SPACING_MM if fine else COARSE_SPACING_MM

    def draw_augmented(self, generator: torch.Generator) -> tuple[Tensor, Tensor, float, Tensor]:
        """One random sample.

        Returns
        -------
        image, icv : Tensor, shape (1, 96, 112, 104); twice that if fine
        icv_known : float
            1 if ``icv`` is a label, 0 if there is none.
        place : Tensor, as ``icv``
            Gaussian around the hypothalamus; all 0 where its place is unknown.
        """
        return self._draw(generator, WARP, mild=False)

    def draw_plain(self, generator: torch.Generator) -> tuple[Tensor, Tensor, float, Tensor]:
        """A sample without augmentation beyond the mild contrast that an image needs to exist."""
        return self._draw(generator, MILD_WARP, mild=True)

    def _draw(
        self, generator: torch.Generator, warp: augmentation.SpatialRange, mild: bool
    ) -> tuple[Tensor, Tensor, float, Tensor]:
        take_scan = not self.heads or augmentation.chance(REAL_SCAN_CHANCE, generator)
        if self.scans and take_scan:
            index = int(torch.randint(len(self.scans), (), generator=generator))
            return self._scan(index, warp, generator)
        index = int(torch.randint(len(self.heads), (), generator=generator))
        image, icv = self.heads[index].draw(generator, mild, self._spacing_mm)
        return image, icv, 1.0, torch.zeros_like(icv)

    @property
    def has_icv(self) -> bool:
        """Whether any sample has an intracranial label."""
        return bool(self.heads) or any(scan["icv"] is not None for scan in self.scans)

    def validation_samples(self) -> Iterator[tuple[Tensor, Tensor, float, Tensor]]:
        """The same mild images of each head and one version of each scan, as `draw_augmented`."""
        generator = torch.Generator().manual_seed(VALIDATION_SEED)
        for head in self.heads:
            for _ in range(VALIDATION_IMAGES):
                image, icv = head.draw(generator, True, self._spacing_mm)
                yield image, icv, 1.0, torch.zeros_like(icv)
        generator = torch.Generator().manual_seed(VALIDATION_SEED)
        for index in range(len(self.scans)):
            yield self._scan(index, MILD_WARP, generator)

    def _scan(
        self, index: int, warp: augmentation.SpatialRange, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, float, Tensor]:
        item, spacing_mm = self.scans[index], self._spacing_mm
        shape = tuple(item["image"].shape[1:])
        points, _ = augmentation.warped_points(shape, spacing_mm, warp, generator)
        image = augmentation.sample(item["image"], points, spacing_mm)
        icv = torch.zeros_like(image)
        if item["icv"] is not None:
            icv = augmentation.sample(item["icv"], points, spacing_mm)
        place = torch.zeros_like(image)
        if item["place_mm"] is not None:
            squared = ((points - item["place_mm"].view(3, 1, 1, 1)) ** 2).sum(0, keepdim=True)
            place = torch.exp(-0.5 * squared / PLACE_SD_MM**2)
        image = augmentation.random_intensity(image, generator)
        return image, icv, float(item["icv"] is not None), place


def _load_scan(path: Path, fine: bool) -> dict:
    """Image and mask (1, I, J, K), half precision, and place (3,); None for what is not there."""
    image, icv = ("fine_image", "fine_icv") if fine else ("image", "icv")
    with np.load(path) as arrays:
        known = {
            name: torch.from_numpy(arrays[key]) if key in arrays else None
            for name, key in (("image", image), ("icv", icv), ("place_mm", "place_mm"))
        }
    known.update({name: known[name][None] for name in ("image", "icv") if known[name] is not None})
    if known["place_mm"] is not None:
        known["place_mm"] = known["place_mm"].float()
    return known


def has_fine_icv(prepared: Path, kind: str, name: str) -> bool:
    """Whether images at 1 mm can be made of a subject: label heads, and scans with a mask."""
    if kind == "heads":
        return True
    with np.load(prepared / kind / f"{name}.npz") as arrays:
        return "fine_icv" in arrays
