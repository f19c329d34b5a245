"""Quality flags: what to check before using the numbers.

A flag never stops a run. Limits come from the distribution in the validation scans
(Docs/VALIDATION.md) or, where noted, from the literature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import labels
from ..flags import Flag
from ..geometry.masks import depth, dice, dilate
from ..geometry.voxel_image import VoxelImage
from ..stages.coarse import CoarseResult
from ..stages.fine import FineResult, side_labels
from ..stages.orientation import explain
from .scan_condition import (
    air_brightness,
    bright_vessels_mm3,
    ghost_brightness,
    noise_share,
    sinus_brightness,
)
from .volumes import StructureVolume, asymmetry_index

LOW_FOLD_DICE = 0.93
LOW_CONFIDENCE = 0.72
# Left-right difference as a share of the mean.
LARGE_ASYMMETRY = 0.25
# Usual limits for adults.
ICV_RANGE_MM3 = (1_000_000.0, 1_900_000.0)
# The teacher's protocol (Billot et al. 2020), both sides; wider than any validation scan.
HYPOTHALAMUS_RANGE_MM3 = (450.0, 1_100.0)
LOW_PLACE_CONFIDENCE = 0.30
# Standard deviation of the folds' ICV, as a share of their mean: 0.004–0.012 in 35 scans, 0.015 in
# a bent child.
LARGE_ICV_SPREAD = 0.013
# Noise over tissue deep in the brain: 0.01–0.062 in 36 scans.
NOISY_SHARE = 0.075
# Air beside the head over tissue: at most 0.062 in scans whose air was not zeroed.
GHOSTED_AIR_SHARE = 0.08
# Air in front of and behind the head minus air at its sides: at most 0.005 in 36 scans. A head
# nodding by 1.5 mm gives 0.010 (volumes change by 1 %), by 2 mm 0.020, by 2.5 mm 0.031 (12 %).
GHOST_SHARE = 0.012
# Sagittal sinus over the rim beside it: 0.68–1.07 in 35 scans (the highest has gadolinium,
# according to its file name), 1.40 in a clear case.
ENHANCED_SINUS_RATIO = 1.2
# Bright vessels: 2300 and 2430 mm³ in the two scans with gadolinium, at most 320 in 34 others.
ENHANCED_VESSELS_MM3 = 1_000.0
# Mean intensity just outside the intracranial mask as a share of that inside.
STRIPPED_OUTSIDE_SHARE = 0.10
SHELL_VOXELS = (2, 6)
# Largest area of the intracranial mask that may touch the edge of the scan.
CUT_AREA_MM2 = 300.0
# A voxel on a face of the scan counts as cut if it is within this many coarse voxels of the mask
# and brighter than this share of the mean inside.
FACE_REACH_VOXELS, TISSUE_SHARE = 2, 0.3
# T1: deep white matter is brighter than the rim of cortex and fluid. Below this ratio it is not.
T1_DEPTH_RATIO = 1.05
DEEP_VOXELS, RIM_VOXELS = 10, 4


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
        flags += hypothalamus_flags(fold_dice, confidence, left, right)
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
    fold_dice: Sequence[float], confidence: float, left_mm3: float, right_mm3: float
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
    low, high = HYPOTHALAMUS_RANGE_MM3
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


def orientation_flag(rotation: np.ndarray) -> Flag:
    """Flag a head whose orientation contradicts the header; see `orientation`."""
    return Flag(
        "orientation_suspect",
        f"The head's orientation contradicts the header: {explain(rotation)}. The scan was "
        "segmented by the anatomy, but left and right may be swapped. Check how the file was "
        "converted.",
    )


def head_flags(scan: VoxelImage, coarse: CoarseResult) -> list[Flag]:
    """Flag problems of the whole head: stripped, cut off, not T1, not recognized."""
    flags = []
    mask = coarse.icv_posterior > 0.5
    voxels_deep = depth(mask)
    if _outside_share(voxels_deep, coarse.image) < STRIPPED_OUTSIDE_SHARE:
        flags.append(
            Flag(
                "skull_stripped",
                "The skull was removed from this scan. The ICV covers only what is left "
                "(roughly the brain) and is too small. Use the scan before brain extraction.",
            )
        )
    area = cut_area_mm2(scan, coarse)
    if area > CUT_AREA_MM2:
        flags.append(
            Flag(
                "fov_cut",
                f"The scan cuts off part of the head ({area / 100:.0f} cm²). The ICV is too small.",
            )
        )
    if _depth_ratio(voxels_deep, coarse.image) < T1_DEPTH_RATIO:
        flags.append(
            Flag(
                "not_t1_like",
                "White matter is not brighter than the rim of the brain, so this does not look "
                "like a T1-weighted scan. The networks were trained on T1 only.",
            )
        )
    if coarse.place_confidence < LOW_PLACE_CONFIDENCE:
        flags.append(
            Flag(
                "low_confidence",
                "The hypothalamus was not located with confidence. Check that the outline is "
                "in the right place.",
            )
        )
    return flags


def condition_flags(scan: VoxelImage, coarse: CoarseResult) -> list[Flag]:
    """Flag noise, motion and contrast agent."""
    flags = []
    mask = coarse.icv_posterior > 0.5
    noise = noise_share(scan, mask, coarse.grid)
    air = air_brightness(coarse.image, mask, coarse.grid)
    ghost = ghost_brightness(coarse.image, mask, coarse.grid)
    if noise > NOISY_SHARE or air > GHOSTED_AIR_SHARE or ghost > GHOST_SHARE:
        seen = f"ghosts in the air reach {100 * ghost:.0f} % of the brain's brightness"
        if noise > NOISY_SHARE:
            seen = f"noise is {100 * noise:.0f} % of the brain's brightness"
        elif air > GHOSTED_AIR_SHARE:
            seen = f"the air beside the head reaches {100 * air:.0f} % of the brain's brightness"
        flags.append(
            Flag(
                "noisy",
                f"The scan is noisy or the head moved ({seen}). Volumes may be wrong. Check the "
                "outlines, or use a better scan.",
            )
        )
    sinus = sinus_brightness(coarse.image, mask, coarse.grid)
    vessels_mm3 = bright_vessels_mm3(coarse.image, mask, coarse.grid)
    if sinus > ENHANCED_SINUS_RATIO or vessels_mm3 > ENHANCED_VESSELS_MM3:
        flags.append(
            Flag(
                "contrast_enhanced",
                "Vessels are bright, so this scan was probably taken after contrast. Do not "
                "compare its volumes with those of scans without contrast.",
            )
        )
    return flags


def icv_flags(icv_mm3: float, fold_icv_mm3: Sequence[float]) -> list[Flag]:
    """Flag an unusual ICV and disagreement of the folds about it."""
    flags = []
    low, high = ICV_RANGE_MM3
    if not low <= icv_mm3 <= high:
        flags.append(
            Flag(
                "icv_out_of_range",
                f"The ICV is {icv_mm3 / 1000:.0f} mL. The usual range in adults is "
                f"{low / 1000:.0f}–{high / 1000:.0f} mL. Check the mask and the voxel size.",
            )
        )
    if len(fold_icv_mm3) > 1:
        spread = float(np.std(fold_icv_mm3, ddof=1) / np.mean(fold_icv_mm3))
        if spread > LARGE_ICV_SPREAD:
            flags.append(
                Flag(
                    "low_icv_agreement",
                    f"The networks disagree about the ICV by {100 * spread:.1f} %. Check the "
                    "mask, above all at the base of the skull.",
                )
            )
    return flags


def cut_area_mm2(scan: VoxelImage, coarse: CoarseResult) -> float:
    """Measure the intracranial tissue that touches the edge of the field of view, in mm².

    Only bright voxels count, so a tight crop around the whole head is not flagged.
    """
    mask = coarse.icv_posterior > 0.5
    near = dilate(mask, FACE_REACH_VOXELS)
    threshold = TISSUE_SHARE * float(coarse.image[mask].mean())
    area_mm2 = 0.0
    for axis, count in enumerate(scan.array.shape):
        face_voxel_mm2 = scan.voxel_volume_mm3 / scan.spacing_mm[axis]
        for position in (0, count - 1):
            # A view; np.take would copy the whole scan first.
            face = np.moveaxis(scan.array, axis, 0)[position]
            bright = np.argwhere(face > threshold)
            indices = np.insert(bright, axis, position, axis=1).astype(float)
            at = np.rint(coarse.grid.indices_of(scan.grid.points_at(indices))).astype(int)
            at = at[((at >= 0) & (at < near.shape)).all(1)]
            area_mm2 += float(near[tuple(at.T)].sum()) * face_voxel_mm2
    return area_mm2


def _outside_share(voxels_deep: np.ndarray, image: np.ndarray) -> float:
    """Mean intensity in a shell around the mask as a share of that inside."""
    near, far = SHELL_VOXELS
    shell = (voxels_deep < -near) & (voxels_deep > -far)
    # The field of view may end below the skull base, so use the upper two thirds only.
    rows = np.flatnonzero((voxels_deep > 0).any((0, 1)))
    shell[:, :, : rows[0] + len(rows) // 3] = False
    inside = float(image[voxels_deep > 0].mean())
    return float(image[shell].mean()) / inside if shell.any() and inside > 0 else 0.0


def _depth_ratio(voxels_deep: np.ndarray, image: np.ndarray) -> float:
    """Ratio of the median intensity deep in the mask to that of its rim."""
    deep = voxels_deep > DEEP_VOXELS
    rim = (voxels_deep > 0) & (voxels_deep < RIM_VOXELS)
    if not deep.any() or not rim.any():
        return 0.0
    return float(np.median(image[deep])) / max(1e-6, float(np.median(image[rim])))
