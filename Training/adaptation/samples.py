"""Samples for fine-tuning: cases with a rater's label, and scans with the parent's answers."""

from __future__ import annotations

import numpy as np
from HypothalamusSegLib.geometry.canonical_frame import CanonicalFrame
from HypothalamusSegLib.geometry.voxel_image import VoxelImage

from ..hypothalamus_samples import region_item
from ..regions import posterior_grid
from .looks import Look
from .protocol_map import shared_answer
from .targets import soft_masks, subunit_targets


def case_target(look: Look, label: VoxelImage, kind: str) -> np.ndarray:
    """What a rater's label (in the upright world) teaches; float32, (10, *POSTERIOR_SHAPE)."""
    soft = soft_masks(label, kind, posterior_grid(look.frame.centre_mm))
    return subunit_targets(soft, look.posterior)


def sample_item(look: Look, target: np.ndarray) -> dict:
    """A scan with its target, as `RegionSamples` wants it."""
    return region_item(
        look.image,
        (target * 255).round().astype(np.uint8),
        look.displacements,
        look.has_skull,
        1.0,
        CanonicalFrame(np.zeros(3), look.frame.rotation, look.frame.zoom),
    )


def memory_item(look: Look, differs: np.ndarray) -> dict:
    """A scan without label: the parent's answer where the protocols do not differ."""
    answer = look.posterior
    return sample_item(look, shared_answer(answer, look.frame, differs))
