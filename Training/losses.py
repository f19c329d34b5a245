"""Losses against soft labels."""

from __future__ import annotations

import torch
from HypothalamusSegLib import labels
from torch import Tensor
from torch.nn import functional

# The border of the hypothalamus, where the cross-entropy is, fills about this many voxels.
BORDER_VOXELS = 1000.0
VOLUME_WEIGHT = 0.5
# Of the difference between two versions of one subject; see `hypothalamus_loss`.
CHANGE_WEIGHT = 5.0
SMALLEST_VOLUME = 50.0  # voxels
# Relative to the Dice loss of the intracranial mask; see `hypothalamus_loss` for why it is high.
ICV_CROSS_ENTROPY_WEIGHT = 40.0
PLACE_WEIGHT = 0.3
BORDER_MEAN_WEIGHT = 2.0


def soft_dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    """1 − soft Dice a channel, mean over channels; (N, C, I, J, K) → (N,).

    Squares in the denominator, so that the optimum against soft labels is the label itself
    (Milletari et al. 2016), not a sharpened one.
    """
    axes = (2, 3, 4)
    overlap = 2 * (probability * target).sum(axes)
    size = (probability**2).sum(axes) + (target**2).sum(axes)
    return 1 - ((overlap + 1e-3) / (size + 1e-3)).mean(1)


def sides(posteriors: Tensor) -> Tensor:
    """Sum subunit channels to left and right; (N, 11, …) → (N, 2, …)."""
    left = posteriors[:, labels.LEFT_CHANNELS].sum(1)
    right = posteriors[:, labels.RIGHT_CHANNELS].sum(1)
    return torch.stack([left, right], 1)


def hypothalamus_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Unweighted cross-entropy, and each side's soft volume and how it changes.

    No Dice loss: at labels that are uncertain its optimum is larger than the label, the
    cross-entropy's is the label itself. (How much a small Dice term would cost was not measured:
    the averaged weights have a bias of their own until the learning rate has fallen.)

    What makes single volumes uncertain (how a rater or a teacher drew this subject) pulls them to
    the mean, and with them the share of a change that is seen. Two versions of one subject have it
    in common, so their difference can be learned in full. Versions of one subject stand in pairs: 0
    and 1, 2 and 3, …

    Parameters
    ----------
    logits : Tensor, shape (N, 11, I, J, K)
    target : Tensor, shape (N, 11, I, J, K)
        Posteriors.
    weight : Tensor, shape (N,)
    """
    log_probability = functional.log_softmax(logits, 1)
    cross_entropy = -(target * log_probability).sum((1, 2, 3, 4)) / BORDER_VOXELS
    axes = (2, 3, 4)
    predicted, wanted = (
        sides(posterior).sum(axes).clamp_min(SMALLEST_VOLUME).log()
        for posterior in (log_probability.exp(), target)
    )
    error = predicted - wanted
    loss = cross_entropy + VOLUME_WEIGHT * (error**2).clamp_max(1.0).mean(1)
    first, second = error[0 : len(error) // 2 * 2 : 2], error[1::2]
    change_error = ((first - second) ** 2).clamp_max(1.0).mean(1)
    in_pairs = CHANGE_WEIGHT / 2 * change_error.repeat_interleave(2)
    loss = loss + functional.pad(in_pairs, (0, len(loss) - len(in_pairs)))
    return (weight * loss).sum() / weight.sum()


def head_loss(logits: Tensor, icv: Tensor, icv_known: Tensor, place: Tensor) -> Tensor:
    """Binary cross-entropy and soft Dice for ICV, binary cross-entropy for the place.

    Parameters
    ----------
    logits : Tensor, shape (N, 2, I, J, K)
        ICV, place of the hypothalamus.
    icv, place : Tensor, shape (N, 1, I, J, K)
        Targets from 0 to 1.
    icv_known : Tensor, shape (N,)
        0 where a scan has no intracranial label.
    """
    icv_logits, place_logits = logits[:, :1], logits[:, 1:]
    cross_entropy = functional.binary_cross_entropy_with_logits(
        icv_logits, icv, reduction="none"
    ).mean((1, 2, 3, 4))
    dice = soft_dice_loss(icv_logits.sigmoid(), icv)
    intracranial = icv_known * (ICV_CROSS_ENTROPY_WEIGHT * cross_entropy + dice)
    where = functional.binary_cross_entropy_with_logits(place_logits, place, reduction="none")
    known_place = (place.amax((1, 2, 3, 4)) > 0).float()
    placed = known_place * where.sum((1, 2, 3, 4)) / place.sum((1, 2, 3, 4)).clamp_min(1.0)
    return (intracranial + PLACE_WEIGHT * placed).mean()


def border_loss(displacement_mm: Tensor, wanted_mm: Tensor) -> Tensor:
    """How far a surface's points (N,) end from the border, and their mean, which is volume."""
    missed = displacement_mm - wanted_mm
    distance = functional.smooth_l1_loss(displacement_mm, wanted_mm)
    return distance + BORDER_MEAN_WEIGHT * missed.mean() ** 2
