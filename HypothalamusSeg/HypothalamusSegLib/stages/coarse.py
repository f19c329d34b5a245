"""Coarse stage: segment the intracranial volume and locate the hypothalamus.

The networks see the whole head at 2 mm. Intracranial space and the inner table of the skull are
both dark on T1, so the boundary depends on shape and needs the whole head as context. A head bent
forward is first rotated upright (head_pose.py). Smaller networks then correct the exact boundary
(border.py).

Examples
--------
>>> head = find_head(scan, networks, "cpu")  # doctest: +SKIP
>>> head.icv_mask.sum() * head.grid.voxel_volume_mm3  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import HeadNotFoundError
from ..geometry.head_box import head_grid
from ..geometry.masks import depth, dice, dilate, fill_holes, largest_component
from ..geometry.resampling import resample_linear
from ..geometry.voxel_image import Grid, VoxelImage
from ..machine.devices import convolution_arithmetic
from ..networks import ensemble
from ..units import MM3_PER_ML
from . import border, head_pose, intensity

if TYPE_CHECKING:
    from torch import nn

ICV_CHANNEL, PLACE_CHANNEL = 0, 1
MIRRORED_CHANNELS = (ICV_CHANNEL, PLACE_CHANNEL)
# Radius around the peak of the place map for the center of mass.
PLACE_WINDOW_MM = 12.0
# Distance beyond the mask within which the posterior still counts toward the volume.
EDGE_VOXELS = 2
# Adult ICV is 1.0–1.9 L; a twentieth of that is not a head.
SMALLEST_ICV_MM3 = 50_000.0


@dataclass(frozen=True)
class CoarseResult:
    """Result of the coarse stage.

    Attributes
    ----------
    grid : Grid
        2 mm, along the RAS axes. For a bent head, rotated in the sagittal plane and rescaled.
    image : ndarray, shape ``grid.shape``
        The head on that grid, before standardization.
    icv_posterior : ndarray, shape ``grid.shape``
        Mean of the folds; largest component, holes filled.
    fold_icv_mm3 : list of float
        Posterior volume of each fold inside the largest component.
    fold_dice : list of float
        Dice of the mask of each fold with that of the mean.
    place_mm : ndarray, shape (3,)
        RAS position of the hypothalamus.
    place_confidence : float
        Peak of the place map, 0–1.
    place_spread_mm : float
        Largest distance between the place of a fold and that of the mean.
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

    @cached_property
    def icv_mask(self) -> np.ndarray:
        """Intracranial voxels, bool, shape ``grid.shape``."""
        return self.icv_posterior > 0.5

    @cached_property
    def icv_depth_voxels(self) -> np.ndarray:
        """Distance of each voxel to the border of the mask: positive inside, negative outside."""
        return depth(self.icv_mask)


def find_head(
    volume: VoxelImage,
    networks: Sequence[nn.Module],
    device: str,
    on_fold: Callable[[int], None] = lambda fold: None,
    border_networks: Sequence[nn.Module] = (),
    as_it_lies: bool = False,
) -> CoarseResult:
    """Segment the intracranial volume and locate the hypothalamus.

    Parameters
    ----------
    volume : VoxelImage
        Any orientation, spacing and intensity unit.
    networks : sequence of Module
        The folds of the ICV ensemble.
    device : str
    on_fold : callable
        Called with the index of each finished fold.
    border_networks : sequence of Module
        The folds that correct the intracranial border; if empty, it is not corrected.
    as_it_lies : bool
        Do not rotate a bent head upright, so that the grid is always along the RAS axes.

    Raises
    ------
    HeadNotFoundError
        If nothing like a head is found.
    """
    look = _first_look(volume, networks[0], device)
    upright = None if as_it_lies else _upright_from_world(look)
    if upright is not None:
        volume, look = _lay_upright(volume, look, upright)
    grid, image = look.grid, look.image
    seen = image if upright is None else head_pose.remove_neck(image)
    folds = _fold_posteriors(seen, look.icv_logit, networks, device, on_fold)
    icv, place = folds[:, ICV_CHANNEL], folds[:, PLACE_CHANNEL]
    if border_networks:
        icv = border.refine(border_networks, volume, grid, seen, icv, device)
    if upright is not None:
        grid = Grid(grid.shape, np.linalg.inv(upright) @ grid.affine)
    kept = fill_holes(largest_component(icv.mean(0) > 0.5))
    voxel_mm3 = grid.voxel_volume_mm3
    if kept.sum() * voxel_mm3 < SMALLEST_ICV_MM3:
        raise HeadNotFoundError(
            "No head was found: the intracranial volume would be only "
            f"{kept.sum() * voxel_mm3 / MM3_PER_ML:.0f} mL. Check that this is a T1-weighted "
            "scan of a head."
        )
    near = dilate(kept, EDGE_VOXELS)
    mean = icv.mean(0)
    # Enclosed voxels are certainly intracranial; a value of one half would be cut out again.
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


def place_confidence(volume: VoxelImage, network: nn.Module, device: str) -> float:
    """Peak of the place map of one network, 0–1: how clearly it finds a hypothalamus."""
    return float(_first_look(volume, network, device, is_rough=True).place.max())


class FirstLook(NamedTuple):
    """A head on the coarse grid and the output of one network, before fluid is measured."""

    grid: Grid
    image: np.ndarray
    icv_logit: np.ndarray
    place: np.ndarray


def _first_look(
    volume: VoxelImage, network: nn.Module, device: str, is_rough: bool = False
) -> FirstLook:
    """See a head with one network; roughly where no volume depends on it, as the folds do."""
    import torch

    grid = head_grid(volume)
    image = resample_linear(volume, grid)
    with torch.inference_mode():
        head = intensity.standardise_head(torch.from_numpy(image)[None, None].to(device))
        with convolution_arithmetic(device) if is_rough else nullcontext():
            logits = network(head.contiguous(memory_format=torch.channels_last_3d)).float()[0]
        place = logits[PLACE_CHANNEL].sigmoid()
        return FirstLook(grid, image, logits[ICV_CHANNEL].cpu().numpy(), place.cpu().numpy())


def _upright_from_world(look: FirstLook) -> np.ndarray | None:
    """Transform that rotates a bent head upright; None if the head is not bent."""
    mask = largest_component(look.icv_logit > 0)
    pose = head_pose.pose_of(mask, look.grid, _centre_of_peak(look.place, look.grid))
    return pose.upright_from_world() if pose is not None and pose.is_bent else None


def _lay_upright(
    volume: VoxelImage, look: FirstLook, pose: np.ndarray
) -> tuple[VoxelImage, FirstLook]:
    """Transform a scan and its first look to the world of the upright head."""
    grid = head_pose.upright_grid()
    upright = VoxelImage(volume.array, pose @ volume.affine)

    def to_upright(seen: np.ndarray) -> np.ndarray:
        return resample_linear(VoxelImage(seen, pose @ look.grid.affine), grid)

    # Outside the first grid the logit is 0, and nothing is intracranial.
    seen = FirstLook(
        grid, resample_linear(upright, grid), to_upright(look.icv_logit), to_upright(look.place)
    )
    return upright, seen


def _fold_posteriors(
    image: np.ndarray,
    first_logit: np.ndarray,
    networks: Sequence[nn.Module],
    device: str,
    on_fold: Callable[[int], None],
) -> np.ndarray:
    """ICV and place posteriors of each fold, shape (F, 2, I, J, K)."""
    import torch

    head, first = (torch.from_numpy(part)[None, None].to(device) for part in (image, first_logit))
    with torch.inference_mode():
        # One network is enough to measure the fluid level.
        head = intensity.standardise_head(intensity.set_usual_fluid(head, first))
    folds = ensemble.posteriors(
        networks, head, torch.sigmoid, MIRRORED_CHANNELS, on_fold, alternate=True
    )
    return np.stack([fold[0].cpu().numpy() for fold in folds])


def _centre_of_peak(place: np.ndarray, grid: Grid) -> np.ndarray:
    """RAS center of mass of a map in a window around its maximum."""
    peak = np.array(np.unravel_index(place.argmax(), place.shape))
    reach = int(round(PLACE_WINDOW_MM / grid.spacing_mm[0]))
    low = np.clip(peak - reach, 0, None)
    window = place[tuple(slice(a, p + reach + 1) for a, p in zip(low, peak, strict=True))]
    indices = np.indices(window.shape).reshape(3, -1)
    centre = (indices * window.ravel()).sum(1) / max(1e-6, float(window.sum()))
    return grid.points_at(low + centre)
