"""Where a rater's protocol differs from the parent's, in the canonical frame.

On scans without labels the parent's answers keep what both protocols share. Where the cases show
that the rater draws otherwise, they would teach the parent's protocol back; there they are unknown.
(Answers that were moved to the rater's protocol by the mean difference at each place were tried:
the mean blurs the border, and Dice was lower than without them, see Docs/ADAPT.md.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.canonical_frame import CanonicalFrame
from HypothalamusSegLib.geometry.voxel_image import Grid
from HypothalamusSegLib.networks.ensemble import LEFT_RIGHT_AXIS
from scipy import ndimage
from torch.nn import functional

from ..regions import posterior_grid

MAP_SHAPE, MAP_SPACING_MM = (56, 56, 48), 0.5
# Mean differences of posteriors up to the first are noise of a few labels; from the second on, a
# place is drawn otherwise.
NO_DIFFERENCE, SURE_DIFFERENCE = 0.1, 0.3
SMOOTHING_MM = 0.75


def difference_in_frame(
    target: np.ndarray, answer: np.ndarray, frame: CanonicalFrame
) -> np.ndarray:
    """What a rater draws minus what the parent answers, in the canonical frame.

    Parameters
    ----------
    target, answer : ndarray, shape (10, *POSTERIOR_SHAPE)
        Of a case, 0–1, around the frame's center.
    frame : CanonicalFrame

    Returns
    -------
    ndarray of float32, shape (10, *MAP_SHAPE)
    """
    return _sample(target - answer, posterior_grid(frame.centre_mm), _map_grid(frame))


def disagreement_map(differences: Sequence[np.ndarray]) -> np.ndarray:
    """How sure it is that rater and parent draw a place otherwise; the same left and right.

    The signed difference is averaged first: what differs now one way and now the other is the
    noise of single labels, not the protocol.

    Parameters
    ----------
    differences : sequence of ndarray, shape (10, *MAP_SHAPE)
        Of `difference_in_frame`, one for each case.

    Returns
    -------
    ndarray of float32, shape MAP_SHAPE
        0: they agree; 1: they do not.
    """
    mean = np.mean(differences, 0)
    subunits = [channel - 1 for channel in labels.MIRRORED_CHANNELS[1:]]
    mean = (mean + np.flip(mean[subunits], LEFT_RIGHT_AXIS - 1)) / 2
    # A voxel that changes its subunit differs in two of them.
    size = np.maximum(np.abs(mean.sum(0)), np.abs(mean).sum(0) / 2)
    smooth = ndimage.gaussian_filter(size, SMOOTHING_MM / MAP_SPACING_MM)
    share = (smooth - NO_DIFFERENCE) / (SURE_DIFFERENCE - NO_DIFFERENCE)
    return np.clip(share, 0, 1).astype(np.float32)


def shared_answer(answer: np.ndarray, frame: CanonicalFrame, differs: np.ndarray) -> np.ndarray:
    """A parent's answer with a further channel for what is unknown in it.

    Parameters
    ----------
    answer : ndarray, shape (10, *POSTERIOR_SHAPE)
        0–1, around the frame's center.
    frame : CanonicalFrame
    differs : ndarray, shape MAP_SHAPE
        Of `disagreement_map`.

    Returns
    -------
    ndarray of float32, shape (11, *POSTERIOR_SHAPE)
        Ten subunits and the unknown; what is left to 1 is background.
    """
    unknown = _sample(differs[None], _map_grid(frame), posterior_grid(frame.centre_mm))
    return np.concatenate([(1 - unknown) * answer, unknown]).astype(np.float32)


def _map_grid(frame: CanonicalFrame) -> Grid:
    return frame.grid(MAP_SHAPE, MAP_SPACING_MM)


def _sample(channels: np.ndarray, source: Grid, wanted: Grid) -> np.ndarray:
    """Interpolate channels (C, *source.shape) linearly on another grid; 0 outside."""
    indices = np.moveaxis(np.indices(wanted.shape, dtype=np.float64), 0, -1)
    at = source.indices_of(wanted.points_at(indices))
    unit = 2 * at / (np.array(source.shape) - 1) - 1
    lookup = torch.from_numpy(unit[..., ::-1].astype(np.float32).copy())[None]
    values = torch.from_numpy(np.ascontiguousarray(channels, np.float32))[None]
    return functional.grid_sample(values, lookup, align_corners=True)[0].numpy()
