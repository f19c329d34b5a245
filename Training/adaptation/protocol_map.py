"""How a rater's protocol differs from the parent's, place by place in the canonical frame.

On scans without labels the parent's answers would teach the parent's protocol. So they are moved to
the rater's first: each subunit's posterior is multiplied by the mean ratio, at the same place of
the frame, of the rater's targets to the parent's answers. Where both draw alike the ratio is 1 and
the answer stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.canonical_frame import CanonicalFrame
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.networks.ensemble import LEFT_RIGHT_AXIS
from scipy import ndimage

from ..regions import posterior_grid

MAP_SHAPE, MAP_SPACING_MM = (56, 56, 48), 0.5
# Posteriors below this do not count as differences.
FLOOR = 0.01
SMOOTHING_MM = 0.5


def protocol_map(
    targets: Sequence[np.ndarray], answers: Sequence[np.ndarray], frames: Sequence[CanonicalFrame]
) -> np.ndarray:
    """Mean logarithm of rater over parent, in the frame, the same left and right.

    Parameters
    ----------
    targets, answers : sequence of ndarray, shape (10, *POSTERIOR_SHAPE)
        Of each case, 0–1.
    frames : sequence of CanonicalFrame

    Returns
    -------
    ndarray of float32, shape (11, *MAP_SHAPE)
    """
    differences = []
    for target, answer, frame in zip(targets, answers, frames, strict=True):
        drawn, seen = (_log_in_frame(posteriors, frame) for posteriors in (target, answer))
        differences.append(drawn - seen)
    mean = np.mean(differences, 0)
    mirrored = np.flip(mean[list(labels.MIRRORED_CHANNELS)], LEFT_RIGHT_AXIS - 1)
    sigma = SMOOTHING_MM / MAP_SPACING_MM
    smooth = ndimage.gaussian_filter((mean + mirrored) / 2, (0, sigma, sigma, sigma))
    return smooth.astype(np.float32)


def in_protocol(answer: np.ndarray, frame: CanonicalFrame, log_ratio: np.ndarray) -> np.ndarray:
    """A parent's answer moved to the rater's protocol.

    Parameters
    ----------
    answer : ndarray, shape (10, *POSTERIOR_SHAPE)
        0–1, around the frame's centre.
    frame : CanonicalFrame
    log_ratio : ndarray
        Of `protocol_map`.

    Returns
    -------
    ndarray of float32, shape (10, *POSTERIOR_SHAPE)
    """
    grid = posterior_grid(frame.centre_mm)
    canonical = frame.grid(MAP_SHAPE, MAP_SPACING_MM)
    indices = np.moveaxis(np.indices(grid.shape, dtype=np.float64), 0, -1)
    at = np.moveaxis(canonical.indices_of(grid.points_at(indices)), -1, 0)
    here = np.stack([ndimage.map_coordinates(part, at, order=1) for part in log_ratio])
    everything = np.concatenate([1 - answer.sum(0, keepdims=True).clip(0, 1), answer])
    # What is not there cannot be multiplied: a floor lets a rater draw more than the parent, and
    # is taken off again.
    moved = (everything + FLOOR) * np.exp(here) - FLOOR
    moved = moved.clip(0)
    return (moved / moved.sum(0, keepdims=True).clip(1e-6))[1:].astype(np.float32)


def _log_in_frame(posteriors: np.ndarray, frame: CanonicalFrame) -> np.ndarray:
    grid = frame.grid(MAP_SHAPE, MAP_SPACING_MM)
    source = posterior_grid(frame.centre_mm)
    found = np.stack([_sampled(VoxelImage(part, source.affine), grid) for part in posteriors])
    background = 1 - found.sum(0, keepdims=True).clip(0, 1)
    return np.log(np.concatenate([background, found]) + FLOOR)


def _sampled(volume: VoxelImage, grid: Grid) -> np.ndarray:
    indices = np.moveaxis(np.indices(grid.shape, dtype=np.float64), 0, -1)
    at = np.moveaxis(volume.grid.indices_of(grid.points_at(indices)), -1, 0)
    return ndimage.map_coordinates(volume.array, at, order=1)
