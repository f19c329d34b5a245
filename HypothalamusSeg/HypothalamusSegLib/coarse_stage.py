"""Coarse stage: the intracranial volume, and where the hypothalamus is.

The networks see the whole head at 2 mm. Intracranial space and inner table of the skull are both
dark on T1, so the boundary is a matter of shape and wants the whole head as context. Where exactly
it runs is then corrected by smaller networks (icv_border.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import ensemble, icv_border, intensity
from .components import dice, dilate, fill_holes, largest_component
from .errors import HeadNotFoundError
from .head_box import head_grid
from .resampling import resample_linear
from .volume import Grid, Volume

if TYPE_CHECKING:
    from torch import Tensor, nn

ICV_CHANNEL, PLACE_CHANNEL = 0, 1
MIRRORED_CHANNELS = (ICV_CHANNEL, PLACE_CHANNEL)
# Around the peak of the place map that the centre of mass is taken of.
PLACE_WINDOW_MM = 12.0
# How far beyond the mask its posterior still falls off and counts towards the volume.
EDGE_VOXELS = 2
# Adult ICV is 1.0–1.9 L (FACTS of the field); a twentieth of that is no head.
SMALLEST_ICV_MM3 = 50_000.0


@dataclass(frozen=True)
class CoarseResult:
    """What the coarse stage found.

    Attributes
    ----------
    grid : Grid
        2 mm, along the RAS axes.
    image : ndarray, shape ``grid.shape``
        The head as the networks saw it, before standardisation.
    icv_posterior : ndarray, shape ``grid.shape``
        Mean of the folds, largest piece, holes filled.
    fold_icv_mm3 : list of float
        Posterior volume of each fold inside the piece that was kept.
    fold_dice : list of float
        Dice of each fold's mask with the mean's.
    place_mm : ndarray, shape (3,)
        RAS position of the hypothalamus.
    place_confidence : float
        Peak of the place map, 0–1.
    place_spread_mm : float
        Largest distance of a fold's own place from the mean's.
    """

    grid: Grid
    image: np.ndarray
    icv_posterior: np.ndarray
    fold_icv_mm3: list[float]
    fold_dice: list[float]
    place_mm: np.ndarray
    place_confidence: float
    place_spread_mm: float

    @property
    def icv_mm3(self) -> float:
        """Posterior-weighted intracranial volume."""
        return float(self.icv_posterior.sum(dtype=np.float64)) * self.grid.voxel_volume_mm3


def find_head(
    volume: Volume,
    networks: Sequence[nn.Module],
    device: str,
    on_fold: Callable[[int], None] = lambda fold: None,
    border_networks: Sequence[nn.Module] = (),
) -> CoarseResult:
    """Segment the intracranial volume and locate the hypothalamus.

    Parameters
    ----------
    volume : Volume
        Any orientation, spacing and intensity unit.
    networks : sequence of Module
        The folds of the ICV ensemble.
    device : str
    on_fold : callable
        Told the index of each fold when it is done.
    border_networks : sequence of Module
        The folds that correct the intracranial border; none: it stays as it was found.

    Raises
    ------
    HeadNotFoundError
        If nothing that could be a head is found.
    """
    grid = head_grid(volume)
    image = resample_linear(volume, grid)
    folds = _fold_posteriors(image, networks, device, on_fold)
    icv, place = folds[:, ICV_CHANNEL], folds[:, PLACE_CHANNEL]
    if border_networks:
        icv = icv_border.refine(border_networks, volume, grid, image, icv, device)
    kept = fill_holes(largest_component(icv.mean(0) > 0.5))
    voxel_mm3 = grid.voxel_volume_mm3
    if kept.sum() * voxel_mm3 < SMALLEST_ICV_MM3:
        raise HeadNotFoundError(
            "No head was found: the intracranial volume would be "
            f"{kept.sum() * voxel_mm3 / 1000:.0f} mL. Is this a T1-weighted scan of a head?"
        )
    near = dilate(kept, EDGE_VOXELS)
    mean = icv.mean(0)
    # What is enclosed is intracranial without doubt: one half would be cut out again.
    posterior = np.where(kept & (mean <= 0.5), 1.0, mean) * near
    place_mm = _centre_of_peak(place.mean(0), grid)
    fold_places = [_centre_of_peak(fold_place, grid) for fold_place in place]
    return CoarseResult(
        grid=grid,
        image=image,
        icv_posterior=posterior.astype(np.float32),
        fold_icv_mm3=[float((fold * near).sum(dtype=np.float64)) * voxel_mm3 for fold in icv],
        fold_dice=[dice((fold > 0.5) & near, kept) for fold in icv],
        place_mm=place_mm,
        place_confidence=float(place.mean(0).max()),
        place_spread_mm=max(float(np.linalg.norm(p - place_mm)) for p in fold_places),
    )


def place_confidence(volume: Volume, network: nn.Module, device: str) -> float:
    """Peak of one network's place map at first look, 0–1: how clearly it sees a hypothalamus."""
    import torch

    image = resample_linear(volume, head_grid(volume))
    with torch.inference_mode():
        logits = _first_look(torch.from_numpy(image)[None, None].to(device), network)
        return float(logits[:, PLACE_CHANNEL].sigmoid().max())


def _fold_posteriors(
    image: np.ndarray, networks: Sequence[nn.Module], device: str, on_fold: Callable[[int], None]
) -> np.ndarray:
    """ICV and place posteriors of each fold, shape (F, 2, I, J, K)."""
    import torch

    head = torch.from_numpy(image)[None, None].to(device)
    with torch.inference_mode():
        # One look of one network is enough to measure the fluid.
        first = _first_look(head, networks[0])[:, [ICV_CHANNEL]]
        head = intensity.standardise_head(intensity.with_usual_fluid(head, first))
    folds = ensemble.posteriors(
        networks, head, torch.sigmoid, MIRRORED_CHANNELS, on_fold, alternate=True
    )
    return np.stack([fold[0].cpu().numpy() for fold in folds])


def _first_look(head: Tensor, network: nn.Module) -> Tensor:
    """Logits (1, 2, I, J, K) of a head as it is, its fluid not yet measured."""
    import torch

    look = intensity.standardise_head(head)
    return network(look.contiguous(memory_format=torch.channels_last_3d)).float()


def _centre_of_peak(place: np.ndarray, grid: Grid) -> np.ndarray:
    """RAS centre of mass of a map in a window around its maximum."""
    peak = np.array(np.unravel_index(place.argmax(), place.shape))
    reach = int(round(PLACE_WINDOW_MM / grid.spacing_mm[0]))
    low = np.clip(peak - reach, 0, None)
    window = place[tuple(slice(a, p + reach + 1) for a, p in zip(low, peak, strict=True))]
    indices = np.indices(window.shape).reshape(3, -1)
    centre = (indices * window.ravel()).sum(1) / max(1e-6, float(window.sum()))
    return grid.points_at(low + centre)
