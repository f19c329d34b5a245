"""Quality flags: what to check before using the numbers.

A flag never stops a run. Limits come from the distribution in the validation scans
(Docs/VALIDATION.md) or, where noted, from the literature.

Examples
--------
>>> [flag.code for flag in icv_flags(2_100_000.0, [2_100_000.0])]
['icv_out_of_range']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import labels
from ..flags import Flag
from ..geometry.masks import dice
from ..geometry.voxel_image import VoxelImage
from ..stages.coarse import CoarseResult
from ..stages.fine import FineResult, side_labels
from ..units import MM3_PER_ML
from .protocol import PUBLISHED, Protocol
from .scan_flags import condition_flags, head_flags
from .volumes import StructureVolume, asymmetry_index

LOW_FOLD_DICE = 0.93
LOW_CONFIDENCE = 0.72
# Left-right difference as a share of the mean.
LARGE_ASYMMETRY = 0.25
# Usual limits for adults.
ICV_RANGE_MM3 = (1_000_000.0, 1_900_000.0)
# Standard deviation of the folds' ICV, as a share of their mean: 0.004–0.012 in 35 scans, 0.015 in
# a bent child.
LARGE_ICV_SPREAD = 0.013


@dataclass(frozen=True)
class Quality:
    """Agreement, confidence and flags of one scan."""

    fold_dice: tuple[float, ...] | None
    confidence: float | None
    icv_fold_dice: tuple[float, ...]
    place_confidence: float
    flags: tuple[Flag, ...]


def hypothalamus_agreement(fine: FineResult) -> tuple[tuple[float, ...], float]:
    """Measure the agreement of the folds and the confidence of their mean.

    Returns
    -------
    fold_dice : tuple of float
        Dice of each fold with the mean, averaged over left and right.
    confidence : float
        Mean posterior of the labeled side inside the label, 0–1.
    """
    mean = side_labels(fine.posterior)
    near = fine.posterior[0] < 1
    agreement = []
    for fold in fine.fold_posteriors:
        found = side_labels(fold) * near
        sides = [dice(found == side, mean == side) for side in (labels.LEFT, labels.RIGHT)]
        agreement.append(sum(sides) / 2)
    inside = mean > 0
    certain = 1 - fine.posterior[0][inside]
    return tuple(agreement), float(certain.mean()) if certain.size else 0.0


def assess(
    scan: VoxelImage,
    reading_flags: Sequence[Flag],
    coarse: CoarseResult,
    fine: FineResult | None,
    volumes: Sequence[StructureVolume],
    protocol: Protocol = PUBLISHED,
) -> Quality:
    """Collect all flags of a finished segmentation."""
    flags = list(reading_flags)
    flags += head_flags(scan, coarse)
    flags += condition_flags(scan, coarse)
    by_name = {volume.structure: volume for volume in volumes}
    if "icv" in by_name:
        flags += icv_flags(by_name["icv"].volume_mm3, coarse.fold_icv_mm3)
    fold_dice, confidence = None, None
    if fine is not None:
        fold_dice, confidence = hypothalamus_agreement(fine)
        left = by_name["hypothalamus_left"].volume_mm3
        right = by_name["hypothalamus_right"].volume_mm3
        flags += hypothalamus_flags(fold_dice, confidence, left, right, protocol)
        if not fine.settled:
            flags.append(_size_flag())
    return Quality(
        fold_dice=fold_dice,
        confidence=confidence,
        icv_fold_dice=tuple(coarse.fold_dice),
        place_confidence=coarse.place_confidence,
        flags=tuple(flags),
    )


def hypothalamus_flags(
    fold_dice: Sequence[float],
    confidence: float,
    left_mm3: float,
    right_mm3: float,
    protocol: Protocol = PUBLISHED,
) -> list[Flag]:
    """Flag agreement, confidence, size and symmetry of the hypothalamus."""
    flags = []
    if len(fold_dice) > 1 and np.mean(fold_dice) < LOW_FOLD_DICE:
        flags.append(
            Flag(
                "low_fold_agreement",
                "The five networks disagree about the hypothalamus (mean Dice "
                f"{np.mean(fold_dice):.2f}, usually above {LOW_FOLD_DICE}). Check its outline.",
            )
        )
    if confidence < LOW_CONFIDENCE:
        flags.append(
            Flag(
                "low_confidence",
                "The networks are unsure about the hypothalamus (mean posterior "
                f"{confidence:.2f}, usually above {LOW_CONFIDENCE}). Check its outline.",
            )
        )
    total = left_mm3 + right_mm3
    low, high = protocol.usual_range_mm3
    if not low <= total <= high:
        flags.append(
            Flag(
                "hypothalamus_out_of_range",
                f"The hypothalamus measures {total:.0f} mm³. The usual range with this protocol "
                f"is {low:.0f}–{high:.0f} mm³. Check that the outline is in the right place.",
            )
        )
    index = asymmetry_index(left_mm3, right_mm3)
    if index is None or abs(index) > LARGE_ASYMMETRY:
        size = "one side is empty" if index is None else f"{100 * abs(index):.0f} % of their mean"
        flags.append(
            Flag(
                "asymmetry",
                f"The left and right hypothalamus differ greatly in size ({size}). Check "
                "both outlines.",
            )
        )
    return flags


def _size_flag() -> Flag:
    """Flag a hypothalamus on whose size or position the first passes did not agree."""
    return Flag(
        "size_unsettled",
        "Repeated measurements of the hypothalamus did not agree on its size or position. "
        "Check its outline before you use its volume.",
    )


def icv_flags(icv_mm3: float, fold_icv_mm3: Sequence[float]) -> list[Flag]:
    """Flag an unusual ICV and disagreement of the folds about it."""
    flags = []
    low, high = ICV_RANGE_MM3
    if not low <= icv_mm3 <= high:
        flags.append(
            Flag(
                "icv_out_of_range",
                f"The ICV is {icv_mm3 / MM3_PER_ML:.0f} mL. The usual range in adults is "
                f"{low / MM3_PER_ML:.0f}–{high / MM3_PER_ML:.0f} mL. Check the mask and the voxel "
                "size.",
            )
        )
    if len(fold_icv_mm3) > 1:
        spread = float(np.std(fold_icv_mm3, ddof=1) / np.mean(fold_icv_mm3))
        if spread > LARGE_ICV_SPREAD:
            flags.append(
                Flag(
                    "low_icv_agreement",
                    f"The networks disagree about the ICV by {100 * spread:.1f} %. Check the "
                    "mask, especially at the skull base.",
                )
            )
    return flags
