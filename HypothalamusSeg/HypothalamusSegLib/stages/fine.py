"""Fine stage: the ten subunits in a region around the hypothalamus.

The region is given by the canonical frame (canonical_frame.py): a first pass finds position, pose
and size of the hypothalamus, and the scan is resampled so that all three match the template. The
result then depends on the anatomy, not on the position of the head or the storage of the scan, and
sizes are not biased toward the mean. Each network sees the region unmirrored and mirrored, on two
lattices half a voxel apart. Their posteriors are combined on one fine lattice and then resampled
to world space.

Examples
--------
>>> posterior = np.zeros((11, 2))
>>> posterior[[1, 2], 0] = 0.3, 0.4  # two left subunits
>>> posterior[0] = 0.3, 1.0
>>> side_labels(posterior).tolist()
[1, 0]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import labels
from ..geometry.canonical_frame import CanonicalFrame, Template, fit_frame, measure_moments
from ..geometry.masks import dilate, largest_component
from ..geometry.resampling import resample_cubic
from ..geometry.spline import refine, spline_matrix
from ..geometry.voxel_image import Grid, VoxelImage
from ..networks import ensemble
from . import intensity

if TYPE_CHECKING:
    from torch import nn

REGION_SPACING_MM = 1.0
FINE_SPACING_MM = 0.5
# Half a voxel apart, so together the two lattices contain every other point of the fine one.
LATTICE_OFFSETS_MM = (-0.25, 0.25)
# Posterior beyond this distance from the largest component of a side is something else; the
# training labels are cut at the same distance.
EDGE_MM = 3.0
# Rounds for finding the frame, and the largest movement in the last one for it to be settled.
FRAME_ROUNDS = 3
SETTLED_WITHIN_MM, SETTLED_LOG_ZOOM = 1.0, 0.01


@dataclass(frozen=True)
class FineResult:
    """Result of the fine stage.

    Attributes
    ----------
    grid : Grid
        0.5 mm, along the RAS axes, around the hypothalamus.
    posterior : ndarray, shape (11, *grid.shape)
        Background and ten subunits, mean of folds and views, largest component of each side.
    fold_posteriors : ndarray, shape (F, 11, *grid.shape)
        The same for each fold, not cleaned.
    frame : CanonicalFrame
        The frame in which the networks saw the hypothalamus.
    settled : bool
        Whether the rounds that found the frame agreed.
    """

    grid: Grid
    posterior: np.ndarray
    fold_posteriors: np.ndarray
    frame: CanonicalFrame
    settled: bool


def segment_region(
    volume: VoxelImage,
    place_mm: np.ndarray,
    networks: Sequence[nn.Module],
    template: Template | None,
    shape: tuple[int, int, int],
    device: str,
    on_fold: Callable[[int], None] = lambda fold: None,
    frame_network: nn.Module | None = None,
) -> FineResult:
    """Segment the subunits around a position.

    Parameters
    ----------
    volume : VoxelImage
    place_mm : ndarray, shape (3,)
        RAS position near the hypothalamus, accurate to about a centimeter.
    networks : sequence of Module
        The folds of the hypothalamus ensemble.
    template : Template or None
        Template that the networks were trained on; None: the region is upright and unscaled.
    shape : tuple of int
        Voxels of the network region.
    device : str
    on_fold : callable
        Told the index of each fold when it is done.
    frame_network : Module or None
        The network that finds the frame; None: the first of ``networks``.
    """
    first = frame_network if frame_network is not None else networks[0]
    frame, settled = find_frame(volume, place_mm, first, template, shape, device)
    regions = frame_regions(volume, frame, shape)
    return segment_in_frame(regions, frame, settled, networks, shape, device, on_fold)


def frame_regions(
    volume: VoxelImage, frame: CanonicalFrame, shape: tuple[int, int, int]
) -> list[np.ndarray]:
    """What the networks see of a scan: one region a lattice, float32, shape ``shape``."""
    return [_region(volume, _shift(frame, offset), shape) for offset in _lattice_offsets()]


def segment_in_frame(
    regions: Sequence[np.ndarray],
    frame: CanonicalFrame,
    settled: bool,
    networks: Sequence[nn.Module],
    shape: tuple[int, int, int],
    device: str,
    on_fold: Callable[[int], None] = lambda fold: None,
) -> FineResult:
    """Segment the subunits in regions of `frame_regions`; parameters as in `segment_region`."""
    matrices = [_refinement(shape, offset) for offset in _lattice_offsets()]
    fine_shape = tuple(int(n * REGION_SPACING_MM / FINE_SPACING_MM) for n in shape)
    grid = Grid.axis_aligned(frame.centre_mm, fine_shape, FINE_SPACING_MM)
    lookup = _lookup(frame.grid(fine_shape, FINE_SPACING_MM), grid)
    folds = []
    for fold in _fold_posteriors(regions, networks, device, on_fold):
        views = [refine(view[1:], matrix) for view, matrix in zip(fold, matrices, strict=True)]
        folds.append(_resample_to_world(np.clip(np.mean(views, axis=0), 0, 1), lookup))
    fold_posteriors = np.stack(folds)
    return FineResult(grid, clean(fold_posteriors.mean(0)), fold_posteriors, frame, settled)


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
    """Keep the largest component of each side and the posterior within `EDGE_MM` of it.

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


def find_frame(
    volume: VoxelImage,
    place_mm: np.ndarray,
    network: nn.Module,
    template: Template | None,
    shape: tuple[int, int, int],
    device: str,
) -> tuple[CanonicalFrame, bool]:
    """Find position, pose and size of the hypothalamus with one network.

    Returns
    -------
    frame : CanonicalFrame
        The upright frame at the given position if nothing is found.
    settled : bool
        Whether the last round moved it only slightly.
    """
    import torch

    frame, settled = CanonicalFrame.upright(place_mm), False
    for _ in range(FRAME_ROUNDS):
        region = _region(volume, frame, shape)
        views = ensemble.posteriors(
            [network], _standardise([region], device), _softmax, labels.MIRRORED_CHANNELS
        )
        with torch.inference_mode():
            found = next(views)[0].cpu().numpy()
        moments = measure_moments(found, frame.grid(shape, REGION_SPACING_MM))
        if moments is None:
            return frame, False
        before = frame
        if template is None:
            frame = CanonicalFrame.upright(moments.centre_mm)
        else:
            frame = fit_frame(moments, template)
        moved_mm = float(np.linalg.norm(frame.centre_mm - before.centre_mm))
        zoomed = abs(float(np.log(frame.zoom / before.zoom)))
        settled = moved_mm < SETTLED_WITHIN_MM and zoomed < SETTLED_LOG_ZOOM
    return frame, settled


def _lattice_offsets() -> list[np.ndarray]:
    return [np.full(3, offset) for offset in LATTICE_OFFSETS_MM]


def _shift(frame: CanonicalFrame, offset_mm: np.ndarray) -> CanonicalFrame:
    """Shift a frame by an offset in its own coordinates."""
    centre = frame.centre_mm + frame.zoom * frame.rotation @ offset_mm
    return CanonicalFrame(centre, frame.rotation, frame.zoom)


def _lookup(canonical: Grid, world: Grid) -> np.ndarray:
    """Position of world-grid voxels in a canonical grid, −1 to 1 along k, j, i; (I, J, K, 3)."""
    indices = np.moveaxis(np.indices(world.shape, dtype=np.float64), 0, -1)
    at = canonical.indices_of(world.points_at(indices))
    unit = 2 * at / (np.array(canonical.shape) - 1) - 1
    return np.ascontiguousarray(unit[..., ::-1], np.float32)


def _resample_to_world(subunits: np.ndarray, lookup: np.ndarray) -> np.ndarray:
    """Resample subunit posteriors (10, …) to the world grid and add the background; (11, …)."""
    import torch
    from torch.nn import functional

    source = torch.from_numpy(subunits)[None]
    brought = functional.grid_sample(source, torch.from_numpy(lookup)[None], align_corners=True)
    found = brought[0].numpy()
    total = found.sum(0, keepdims=True)
    found /= np.maximum(total, 1)
    return np.concatenate([np.clip(1 - total, 0, None), found])


def _region(volume: VoxelImage, frame: CanonicalFrame, shape: tuple[int, int, int]) -> np.ndarray:
    return np.clip(resample_cubic(volume, frame.grid(shape, REGION_SPACING_MM)), 0, None)


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
    """Yield the posteriors of each fold on all lattices, shape (lattices, 11, I, J, K)."""
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
