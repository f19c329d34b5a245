"""Turn a data set into the small arrays that training reads, and fix the split.

python -m Training.prepare --scans FOLDER --heads FOLDER [--output Training/prepared]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import nibabel
import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry import canonical_frame, resampling
from HypothalamusSegLib.geometry.head_box import COARSE_SPACING_MM, head_grid
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.results.atomic_files import atomic_files

from . import head_anatomy
from .dataset import DatasetError, LabelHead, LabelledScan, find_label_heads, find_scans
from .head_samples import FINE_SPACING_MM
from .regions import TEMPLATE_NAME, posterior_grid, region_image, unit_displacements
from .splits import TEST, assign_parts

PREPARED = Path("Training/prepared")
TEST_SHARE_SCANS, TEST_SHARE_HEADS = 0.2, 0.2
# The generator keeps the intracranial mask in the eighth bit of a label.
LARGEST_LABEL_COUNT = 128


def load_volume(path: Path) -> VoxelImage:
    """Read a NIfTI file of three dimensions as it is, in RAS world space."""
    image = nibabel.load(path)
    return VoxelImage(np.asarray(image.dataobj, np.float32), image.affine.astype(float))


def subunit_posteriors(scan: LabelledScan) -> tuple[np.ndarray, np.ndarray]:
    """Read the ten subunit posteriors of a scan, soft or from a label map.

    Returns
    -------
    posteriors : ndarray of float32, shape (10, I, J, K)
        Left subunits first.
    affine : ndarray, shape (4, 4)
    """
    if scan.soft_subunits:
        image = nibabel.load(scan.soft_subunits)
        soft = np.asarray(image.dataobj, np.float32) / 255.0
        return np.moveaxis(soft, -1, 0), image.affine
    image = nibabel.load(scan.hard_subunits)
    hard = np.asarray(image.dataobj)
    return np.stack([hard == n for n in labels.SUBUNIT_LABELS]).astype(np.float32), image.affine


def hypothalamus_centre(posteriors: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """RAS center of mass of all subunits together."""
    weight = posteriors.sum(0)
    indices = np.argwhere(weight > 0.1)
    masses = weight[tuple(indices.T)]
    middle = (indices * masses[:, None]).sum(0) / masses.sum()
    return Grid(weight.shape, affine).points_at(middle)


def prepare_region(scan: LabelledScan, output: Path) -> None:
    """Store the image and the posteriors around the hypothalamus, and how it could change."""
    posteriors, affine = subunit_posteriors(scan)
    centre = hypothalamus_centre(posteriors, affine)
    t1w = load_volume(scan.t1w)
    fine = posterior_grid(centre)
    # Splines keep soft posteriors from shrinking but ring at the edges of hard labels.
    resample = resampling.resample_cubic if scan.soft_subunits else resampling.resample_linear
    soft = np.clip([resample(VoxelImage(p, affine), fine) for p in posteriors], 0, 1)
    # Measured from the region's center, as everything that training samples.
    around_zero = posterior_grid(np.zeros(3))
    moments = canonical_frame.measure_moments(soft, around_zero)
    _save(
        output,
        image=region_image(t1w, centre),
        posteriors=(soft * 255).round().astype(np.uint8),
        displacements=unit_displacements(soft, fine, t1w),
        subunit_volumes_mm3=moments.volumes_mm3,
        subunit_centres_mm=moments.centres_mm,
        centre=centre,
        skull=scan.skull,
        stability=np.nan if scan.label_stability is None else scan.label_stability,
    )


def write_template(regions: Path, subjects: list[str], output: Path) -> None:
    """Write the mean hypothalamus of some subjects: the frame in which networks see each one."""
    population = []
    for subject in subjects:
        with np.load(regions / f"{subject}.npz") as arrays:
            volumes, centres = arrays["subunit_volumes_mm3"], arrays["subunit_centres_mm"]
            population.append(canonical_frame.Moments(volumes, centres))
    template = canonical_frame.mean_template(population)
    output.write_text(json.dumps(template.as_json(), indent=1) + "\n", encoding="utf-8")


def prepare_whole_scan(scan: LabelledScan, output: Path) -> None:
    """Store the whole head on the coarse grid with the place of the hypothalamus and any mask."""
    t1w = load_volume(scan.t1w)
    grid = head_grid(t1w)
    arrays = {"image": _to_half_precision(resampling.resample_linear(t1w, grid))}
    if scan.soft_subunits or scan.hard_subunits:
        arrays["place_mm"] = hypothalamus_centre(*subunit_posteriors(scan)) - grid.centre_mm
    if scan.icv_mask:
        mask = resampling.resample_linear(load_volume(scan.icv_mask), grid)
        arrays["icv"] = mask.clip(0, 1).astype(np.float16)
        arrays |= _fine_arrays(t1w, load_volume(scan.icv_mask), grid)
    _save(output, **arrays)


def _fine_arrays(t1w: VoxelImage, mask: VoxelImage, grid: Grid) -> dict[str, np.ndarray]:
    """Image and mask at the voxel size at which the intracranial border is corrected."""
    factor = round(COARSE_SPACING_MM / FINE_SPACING_MM)
    shape = tuple(factor * n for n in grid.shape)
    fine = Grid.axis_aligned(grid.centre_mm, shape, FINE_SPACING_MM)
    icv = resampling.resample_linear(mask, fine).clip(0, 1)
    return {
        "fine_image": _to_half_precision(resampling.resample_linear(t1w, fine)),
        "fine_icv": icv.astype(np.float16),
    }


def _to_half_precision(image: np.ndarray) -> np.ndarray:
    """Half precision, which ends at 65504; only relative intensities count."""
    return (image / max(1.0, np.abs(image).max() / 1000)).astype(np.float16)


def prepare_head(head: LabelHead, output: Path) -> None:
    """Store a label head: labels numbered from 0, intracranial mask, distances from its borders."""
    image = nibabel.as_closest_canonical(nibabel.load(head.labels))
    mask = nibabel.as_closest_canonical(nibabel.load(head.icv_mask))
    labelled = np.asarray(image.dataobj)
    numbers, indices = _numbered(labelled.astype(np.int32))
    if len(numbers) > LARGEST_LABEL_COUNT:
        raise DatasetError(f"{head.labels} has {len(numbers)} labels; {LARGEST_LABEL_COUNT} fit.")
    spacing_mm = np.asarray(image.header.get_zooms()[:3], float)
    icv = np.asarray(mask.dataobj) > 0
    _save(
        output,
        labels=indices.astype(np.uint8),
        numbers=numbers.astype(np.int32),
        icv=icv.astype(np.uint8),
        skull_steps=head_anatomy.skull_distance_steps(icv, spacing_mm),
        depth_steps=head_anatomy.brain_depth_steps(labelled, spacing_mm),
        spacing_mm=spacing_mm,
    )


def _numbered(labelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels of an array, ascending, and each voxel's place among them.

    `numpy.unique` would sort all voxels, which takes a second or more.
    """
    lowest = labelled.min()
    is_there = np.zeros(int(labelled.max()) - int(lowest) + 1, bool)
    is_there[labelled - lowest] = True
    return np.flatnonzero(is_there) + lowest, (is_there.cumsum() - 1)[labelled - lowest]


def prepare(scans_folder: Path | None, heads_folder: Path | None, output: Path) -> None:
    """Write all arrays and ``splits.json`` under ``output``; existing arrays are kept."""
    scans = find_scans(scans_folder) if scans_folder else []
    heads = find_label_heads(heads_folder) if heads_folder else []
    parts = {
        "scans": assign_parts({s.subject: s.scanner for s in scans}, TEST_SHARE_SCANS),
        "heads": assign_parts({h.name: "label heads" for h in heads}, TEST_SHARE_HEADS),
    }
    for kind in ("regions", "scans", "heads"):
        (output / kind).mkdir(parents=True, exist_ok=True)
    for scan in scans:
        if (scan.soft_subunits or scan.hard_subunits) and not _has(output, "regions", scan.subject):
            prepare_region(scan, output / "regions" / f"{scan.subject}.npz")
        if not _has(output, "scans", scan.subject):
            prepare_whole_scan(scan, output / "scans" / f"{scan.subject}.npz")
        print(scan.subject, parts["scans"][scan.subject], flush=True)
    # The test split has no say in the mean.
    shown = [
        name
        for name, part in parts["scans"].items()
        if part != TEST and _has(output, "regions", name)
    ]
    if shown:
        write_template(output / "regions", shown, output / TEMPLATE_NAME)
    for head in heads:
        if not _has(output, "heads", head.name):
            prepare_head(head, output / "heads" / f"{head.name}.npz")
        print(head.name, parts["heads"][head.name], flush=True)
    (output / "splits.json").write_text(json.dumps(parts, indent=1) + "\n", encoding="utf-8")


def _save(path: Path, **arrays: object) -> None:
    """Write arrays whole or not at all: existing files are taken as finished."""
    with atomic_files(path.parent) as stage:
        np.savez(stage / path.name, **arrays)


def _has(output: Path, kind: str, name: str) -> bool:
    return (output / kind / f"{name}.npz").exists()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.prepare", description=__doc__)
    parser.add_argument("--scans", type=Path, help="BIDS-like folder of labelled T1w scans")
    parser.add_argument("--heads", type=Path, help="folder of label heads")
    parser.add_argument("--output", type=Path, default=PREPARED)
    options = parser.parse_args(arguments)
    if not (options.scans or options.heads):
        parser.error("give --scans, --heads or both")
    try:
        prepare(options.scans, options.heads, options.output)
    except DatasetError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
