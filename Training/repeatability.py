"""Volumes of the same head under perturbations that change nothing in the patient."""

from __future__ import annotations

from pathlib import Path

from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.measures.segmentation import Segmentation
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import Scan

from .dataset import LabelHead, LabelledScan
from .engine_scores import render_heads
from .evaluation_extent import FULL, Extent
from .perturbations import all_perturbations
from .prepare import load_volume
from .report_tables import coefficients_of_variation


def measure_repeatability_of_heads(
    segmenter: Segmenter,
    scans: list[LabelledScan],
    heads: list[LabelHead],
    prepared: Path,
    extent: Extent = FULL,
) -> dict:
    """Volumes of some heads under every perturbation, in mm³, by head and perturbation."""
    # Both scanners, in the order of the names: nothing is picked by its result.
    by_scanner = sorted(scans, key=lambda s: (s.scanner != scans[-1].scanner, s.subject))
    volumes = {s.subject: load_volume(s.t1w) for s in by_scanner[: extent.repeatability_scans]}
    for head in heads[: extent.repeatability_heads]:
        rendered = render_heads(head, prepared, 1, extent.render_spacing_mm)
        volumes[head.name] = rendered[0][0].volume
    return {n: measure_repeatability(segmenter, v, n, extent) for n, v in volumes.items()}


def measure_repeatability(
    segmenter: Segmenter, volume: VoxelImage, name: str, extent: Extent = FULL
) -> dict:
    """Hypothalamic and intracranial volume of one head, unchanged and under each perturbation."""
    scan = Scan(volume, name, Path(name), "", ())
    first = segmenter.segment(scan)
    rows = {"unchanged": _volumes(first)}
    for label, perturb in all_perturbations(first.icv.array > 0).items():
        if extent.perturbations is None or label in extent.perturbations:
            changed = Scan(perturb(volume), name, Path(name), "", ())
            rows[label] = _volumes(segmenter.segment(changed))
    print(name, "repeatability", coefficients_of_variation(rows), flush=True)
    return rows


def _volumes(result: Segmentation) -> dict[str, float]:
    totals = ("hypothalamus_total", "icv")
    return {v.structure: v.volume_mm3 for v in result.volumes if v.structure in totals}
