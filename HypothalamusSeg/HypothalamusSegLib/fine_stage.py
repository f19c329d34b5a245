"""Fine stage: the ten subunits in a region around the hypothalamus.

The region lies along the RAS axes at 1 mm and is centred on what the coarse stage found, then once
more on the hypothalamus itself: so it depends on the anatomy and not on how the scan was stored.
Each network sees it as it is and mirrored, on two lattices half a voxel apart; their posteriors
meet on one 0.5 mm lattice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import ensemble, intensity, labels
from .components import dilate, largest_component
from .resampling import resample_cubic
from .spline import refine, spline_matrix
from .volume import Grid, Volume

if TYPE_CHECKING:
    from torch import nn

REGION_SPACING_MM = 1.0
FINE_SPACING_MM = 0.5
# Half a voxel apart, so that together the two lattices hold every other point of the fine one.
LATTICE_OFFSETS_MM = (-0.25, 0.25)
# Posterior beyond this distance from a side's largest piece belongs to something else; the labels
# that the networks learnt from are cut at the same distance.
EDGE_MM = 3.0
CENTRING_ROUNDS = 2
CENTRED_WITHIN_MM = 1.0


@dataclass(frozen=True)
class FineResult:
    """What the fine stage found.

    Attributes
    ----------
    grid : Grid
        0.5 mm, along the RAS axes, around the hypothalamus.
    posterior : ndarray, shape (11, *grid.shape)
        Background and ten subunits, mean of folds and views, each side's largest piece.
    fold_posteriors : ndarray, shape (F, 11, *grid.shape)
        The same of each fold, not cleaned.
    """

    grid: Grid
    posterior: np.ndarray
    fold_posteriors: np.ndarray


def segment_region(
    volume: Volume,
    place_mm: np.ndarray,
    networks: Sequence[nn.Module],
    shape: tuple[int, int, int],
    device: str,
    on_fold: Callable[[int], None] = lambda fold: None,
) -> FineResult:
    """Segment the subunits around a place.

    Parameters
    ----------
    volume : Volume
    place_mm : ndarray, shape (3,)
        RAS position near the hypothalamus, right to about a centimetre.
    networks : sequence of Module
        The folds of the hypothalamus ensemble.
    shape : tuple of int
        Voxels of the networks' region.
    device : str
    on_fold : callable
        Told the index of each fold when it is done.
    """
    centre = recentre(volume, place_mm, networks[0], shape, device)
    fine_shape = tuple(int(n * REGION_SPACING_MM / FINE_SPACING_MM) for n in shape)
    grid = Grid.axis_aligned(centre, fine_shape, FINE_SPACING_MM)
    offsets = [np.full(3, offset) for offset in LATTICE_OFFSETS_MM]
    regions = [_region(volume, centre + offset, shape) for offset in offsets]
    matrices = [_refinement(shape, offset) for offset in offsets]
    total = np.zeros((labels.CHANNELS, *fine_shape), np.float32)
    folds = []
    for fold in _fold_posteriors(regions, networks, device, on_fold):
        views = [refine(view, matrix) for view, matrix in zip(fold, matrices, strict=True)]
        posterior = np.clip(np.mean(views, axis=0), 0, 1)
        posterior /= posterior.sum(0, keepdims=True)
        total += posterior
        folds.append(posterior)
    return FineResult(grid, clean(total / len(networks)), np.stack(folds))


def side_posteriors(posterior: np.ndarray) -> np.ndarray:
    """Sum the subunits of each side; (11, …) → (2, …), left first."""
    left = posterior[labels.LEFT_CHANNELS].sum(0)
    right = posterior[labels.RIGHT_CHANNELS].sum(0)
    return np.stack([left, right])


def side_labels(posterior: np.ndarray) -> np.ndarray:
    """Arg-max of background, left and right: 0, 1 or 2; (11, …) → (…), uint8."""
    three = np.concatenate([posterior[:1], side_posteriors(posterior)])
    return three.argmax(0).astype(np.uint8)


def clean(posterior: np.ndarray) -> np.ndarray:
    """Keep each side's largest piece and the posterior within `EDGE_MM` of it.

    Parameters
    ----------
    posterior : ndarray, shape (11, I, J, K)
        On a grid of `FINE_SPACING_MM`.
    """
    found = side_labels(posterior)
    cleaned = np.zeros_like(posterior)
    for label, channels in (
        (labels.LEFT, labels.LEFT_CHANNELS),
        (labels.RIGHT, labels.RIGHT_CHANNELS),
    ):
        piece = largest_component(found == label)
        near = dilate(piece, round(EDGE_MM / FINE_SPACING_MM))
        cleaned[channels] = posterior[channels] * near
    cleaned[0] = 1 - cleaned[1:].sum(0)
    return cleaned


def recentre(
    volume: Volume,
    place_mm: np.ndarray,
    network: nn.Module,
    shape: tuple[int, int, int],
    device: str,
) -> np.ndarray:
    """Move a place to the centre of mass of the hypothalamus that one network finds around it."""
    import torch

    centre = np.asarray(place_mm, float)
    for _ in range(CENTRING_ROUNDS):
        region = _region(volume, centre, shape)
        views = ensemble.posteriors(
            [network], _standardise([region], device), _softmax, labels.MIRRORED_CHANNELS
        )
        with torch.inference_mode():
            mass = 1 - next(views)[0, 0].cpu().numpy()
        mass = mass * (mass > 0.3)
        if mass.sum() < 1:
            return centre
        indices = np.indices(mass.shape).reshape(3, -1)
        middle = (indices * mass.ravel()).sum(1) / mass.sum()
        moved = Grid.axis_aligned(centre, shape, REGION_SPACING_MM).points_at(middle)
        distance = float(np.linalg.norm(moved - centre))
        centre = moved
        if distance < CENTRED_WITHIN_MM:
            break
    return centre


def _region(volume: Volume, centre_mm: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    grid = Grid.axis_aligned(centre_mm, shape, REGION_SPACING_MM)
    return np.clip(resample_cubic(volume, grid), 0, None)


def _standardise(regions: Sequence[np.ndarray], device: str):
    import torch

    stacked = torch.from_numpy(np.stack(regions)[:, None])
    return intensity.standardise_region(stacked, REGION_SPACING_MM).to(device)


def _softmax(logits):
    return logits.softmax(1)


def _fold_posteriors(
    regions: Sequence[np.ndarray],
    networks: Sequence[nn.Module],
    device: str,
    on_fold: Callable[[int], None],
):
    """Yield each fold's posteriors of all lattices, shape (lattices, 11, I, J, K)."""
    image = _standardise(regions, device)
    for fold in ensemble.posteriors(networks, image, _softmax, labels.MIRRORED_CHANNELS, on_fold):
        yield fold.cpu().numpy()


def _refinement(
    shape: tuple[int, int, int], offset_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spline matrices from a lattice shifted by ``offset_mm`` to the fine lattice."""
    matrices = []
    for count, offset in zip(shape, offset_mm, strict=True):
        fine_count = int(count * REGION_SPACING_MM / FINE_SPACING_MM)
        fine_mm = (np.arange(fine_count) - (fine_count - 1) / 2) * FINE_SPACING_MM
        positions = (fine_mm - offset) / REGION_SPACING_MM + (count - 1) / 2
        matrices.append(spline_matrix(count, positions))
    return tuple(matrices)
