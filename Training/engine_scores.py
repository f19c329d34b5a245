"""Run the engine on labeled scans and on generated heads, and score what it finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib.geometry.resampling import resample_mask
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.measures.quality import hypothalamus_agreement
from HypothalamusSegLib.measures.volumes import measure_hypothalamus, measure_subunits
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import Scan
from HypothalamusSegLib.stages.orientation import turn

from .dataset import LabelHead, LabelledScan
from .evaluation_extent import FULL, Extent
from .head_generator import LabelHeadSource
from .prepare import load_volume, subunit_posteriors
from .scoring import (
    HypothalamusScore,
    IcvScore,
    labels_on,
    score_hypothalamus,
    score_icv,
    structure_volumes,
)

RENDER_SEED = 99


def score_part(
    segmenter: Segmenter,
    scans: list[LabelledScan],
    heads: list[LabelHead],
    prepared: Path,
    extent: Extent,
) -> dict[str, list[dict]]:
    """Scores of one part by kind: hypothalamus, icv (label heads), icv_scans (masks of scans)."""
    scores = {
        "hypothalamus": score_scans(segmenter, scans),
        "icv": score_heads(segmenter, heads, prepared, extent),
        "icv_scans": score_icv_masks(segmenter, scans),
    }
    return {kind: [asdict(score) for score in found] for kind, found in scores.items()}


def score_scans(segmenter: Segmenter, scans: Iterable[LabelledScan]) -> list[HypothalamusScore]:
    """Run the engine on labeled scans and compare with their subunit labels."""
    scores: list[HypothalamusScore] = []
    if "hypothalamus" not in segmenter.options.structures:
        return scores
    for scan in scans:
        if not (scan.soft_subunits or scan.hard_subunits):
            continue
        stages = segmenter.run_stages(load_volume(scan.t1w))
        fine = stages.fine
        posteriors, affine = subunit_posteriors(scan)
        if stages.rotation is not None:
            # The engine has laid the head upright; the labels go with it.
            affine = turn(VoxelImage(posteriors[0], affine), stages.rotation).affine
        found, found_subunits = labels_on(fine, Grid(posteriors.shape[1:], affine))
        volumes = measure_hypothalamus(fine, found.array, found.voxel_volume_mm3, None)
        fold_dice, confidence = hypothalamus_agreement(fine)
        quality = (float(np.mean(fold_dice)), confidence, stages.coarse.place_confidence)
        score = score_hypothalamus(
            scan.subject,
            found,
            found_subunits,
            volumes[2].volume_mm3,
            posteriors,
            affine,
            scan.label_stability,
            quality,
        )
        print(scan.subject, f"Dice {score.dice:.3f}", flush=True)
        subunits = measure_subunits(fine, found_subunits.array, found.voxel_volume_mm3, None)
        structures = structure_volumes([*volumes, *subunits], posteriors, affine)
        scores.append(replace(score, structures=structures))
    return scores


def render_heads(
    head: LabelHead, prepared: Path, count: int, spacing_mm: float
) -> list[tuple[Scan, np.ndarray]]:
    """Render T1-like whole heads with their exact masks; always the same ones."""
    source = LabelHeadSource(prepared / "heads" / f"{head.name}.npz")
    generator = torch.Generator().manual_seed(RENDER_SEED)
    rendered = []
    for index in range(count):
        image, icv = source.draw(generator, mild=True, spacing_mm=spacing_mm)
        grid = Grid.axis_aligned(np.zeros(3), tuple(image.shape[1:]), spacing_mm)
        volume = VoxelImage(image[0].clamp_min(0).numpy(), grid.affine)
        scan = Scan(volume, f"{head.name}-{index}", Path(head.name), "", ())
        rendered.append((scan, icv[0].numpy() > 0.5))
    return rendered


def score_heads(
    segmenter: Segmenter, heads: Iterable[LabelHead], prepared: Path, extent: Extent = FULL
) -> list[IcvScore]:
    """Run the engine on rendered label heads and compare with their exact masks."""
    scores = []
    for head in heads:
        count, spacing_mm = extent.renders_per_head, extent.render_spacing_mm
        for scan, mask in render_heads(head, prepared, count, spacing_mm):
            score = score_icv(scan.name, head.name, segmenter.segment(scan), mask)
            print(scan.name, f"Dice {score.dice:.4f}, {score.volume_percent:+.2f} %", flush=True)
            scores.append(score)
    return scores


def score_icv_masks(segmenter: Segmenter, scans: Iterable[LabelledScan]) -> list[IcvScore]:
    """Run the engine on the scans that have an intracranial mask and compare with it."""
    scores = []
    for labelled in scans:
        if labelled.icv_mask is None:
            continue
        volume = load_volume(labelled.t1w)
        mask = resample_mask(load_volume(labelled.icv_mask), volume.grid)
        scan = Scan(volume, labelled.subject, labelled.t1w, "", ())
        name = labelled.subject
        score = score_icv(name, name, segmenter.segment(scan), mask)
        print(scan.name, f"ICV Dice {score.dice:.4f}, {score.volume_percent:+.2f} %", flush=True)
        scores.append(score)
    return scores
