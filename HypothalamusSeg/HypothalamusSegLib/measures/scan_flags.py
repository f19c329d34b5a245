"""Flags of the scan and the head in it: before the hypothalamus is looked at.

Limits come from the distribution in the validation scans (Docs/VALIDATION.md).

Examples
--------
>>> orientation_flag(np.diag([1.0, -1.0, -1.0])).code
'orientation_suspect'
"""

from __future__ import annotations

import numpy as np

from ..flags import Flag
from ..geometry.voxel_image import VoxelImage
from ..stages.coarse import CoarseResult
from ..stages.orientation import explain
from .scan_condition import (
    air_brightness,
    bright_vessels_mm3,
    cut_area_mm2,
    depth_ratio,
    ghost_brightness,
    noise_share,
    outside_share,
    sinus_brightness,
)

LOW_PLACE_CONFIDENCE = 0.30
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
# Largest area of the intracranial mask that may touch the edge of the scan.
CUT_AREA_MM2 = 300.0
# T1: deep white matter is brighter than the rim of cortex and fluid. Below this ratio it is not.
T1_DEPTH_RATIO = 1.05


def orientation_flag(rotation: np.ndarray) -> Flag:
    """Flag a head whose orientation contradicts the header; see `orientation`."""
    return Flag(
        "orientation_suspect",
        f"The head's orientation contradicts the header: {explain(rotation)}. The scan was "
        "segmented by its anatomy, but left and right may be swapped. Check how the file was "
        "converted.",
    )


def head_flags(scan: VoxelImage, coarse: CoarseResult) -> list[Flag]:
    """Flag problems of the whole head: stripped, cut off, not T1, not recognized."""
    flags = []
    if outside_share(coarse) < STRIPPED_OUTSIDE_SHARE:
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
    if depth_ratio(coarse) < T1_DEPTH_RATIO:
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
                "The position of the hypothalamus is uncertain. Check that the outline is "
                "in the right place.",
            )
        )
    return flags


def condition_flags(scan: VoxelImage, coarse: CoarseResult) -> list[Flag]:
    """Flag noise, motion and contrast agent."""
    flags = []
    noise = noise_share(scan, coarse)
    air, ghost = air_brightness(coarse), ghost_brightness(coarse)
    if noise > NOISY_SHARE or air > GHOSTED_AIR_SHARE or ghost > GHOST_SHARE:
        seen = f"ghosts in the air reach {100 * ghost:.0f} % of the brain's brightness"
        if noise > NOISY_SHARE:
            seen = f"noise is {100 * noise:.0f} % of the brain's brightness"
        elif air > GHOSTED_AIR_SHARE:
            seen = f"the air around the head reaches {100 * air:.0f} % of the brain's brightness"
        flags.append(
            Flag(
                "noisy",
                f"The scan is noisy or the head moved ({seen}). Volumes may be wrong. Check the "
                "outlines, or use a better scan.",
            )
        )
    sinus, vessels_mm3 = sinus_brightness(coarse), bright_vessels_mm3(coarse)
    if sinus > ENHANCED_SINUS_RATIO or vessels_mm3 > ENHANCED_VESSELS_MM3:
        flags.append(
            Flag(
                "contrast_enhanced",
                "Vessels are bright, so this scan was probably taken after contrast agent. Do "
                "not compare its volumes with those of scans without contrast agent.",
            )
        )
    return flags
