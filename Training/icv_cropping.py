"""ICV on real heads without a true value: what is not intracranial must not change it.

    python -m Training.icv_cropping SCAN [SCAN …] [--weights weights] [--docs Docs]

For each scan: ICV, how far the folds agree, how much of the mask lies below the foramen magnum,
the condition of the scan as the quality flags see it, and the change of ICV when neck, face, sides
and air are cropped. Keeps the figures of each scan in Docs/validation/icv_real_heads.json as soon
as they are known, beside those of other scans, writes the section of Docs/VALIDATION.md, and prints
it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.geometry.voxel_image import Grid, VoxelImage
from HypothalamusSegLib.measures.scan_condition import air_brightness, noise_share, sinus_brightness
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.stages.coarse import CoarseResult
from HypothalamusSegLib.stages.head_pose import pose_of
from HypothalamusSegLib.units import MM3_PER_ML

from .real_head_report import REAL_HEADS

# Distances from the box of the mask at which the field of view is made to end.
NECK_MM = (60.0, 40.0, 25.0, 12.0, 6.0)
FRONT_MM, SIDES_MM, ABOVE_MM, BELOW_MM = 15.0, 12.0, 15.0, 12.0
# The label heads' masks end where the axial section falls below this (README of the data set).
FORAMEN_MAGNUM_CM2 = 11.0
# The plane that cuts the face runs so far before the brain, this much lower the further behind.
FACE_MM, FACE_SLOPE = 6.0, 0.7


def crop(volume: VoxelImage, low_mm: np.ndarray, high_mm: np.ndarray) -> VoxelImage:
    """The rows, columns and slices of a scan whose middles lie between two RAS positions.

    Parameters
    ----------
    volume : VoxelImage
        In any orientation; each axis counts for the world axis that it is nearest to.
    low_mm, high_mm : ndarray, shape (3,)
        May be infinite.

    Raises
    ------
    ValueError
        If nothing lies between them.
    """
    nearest = np.abs(volume.affine[:3, :3] / volume.spacing_mm).argmax(0)
    middle = (np.array(volume.array.shape) - 1) / 2
    slices = []
    for axis, (world, count) in enumerate(zip(nearest, volume.array.shape, strict=True)):
        indices = np.tile(middle, (count, 1))
        indices[:, axis] = np.arange(count)
        at_mm = volume.grid.points_at(indices)[:, world]
        kept = np.flatnonzero((at_mm >= low_mm[world]) & (at_mm <= high_mm[world]))
        if not len(kept):
            raise ValueError("the scan has no voxel between these positions")
        slices.append(slice(kept[0], kept[-1] + 1))
    affine = volume.affine.copy()
    affine[:3, 3] = volume.grid.points_at(np.array([float(s.start) for s in slices]))
    return VoxelImage(np.ascontiguousarray(volume.array[tuple(slices)]), affine)


def deface(volume: VoxelImage, points_mm: np.ndarray) -> VoxelImage:
    """A scan that is 0 before and below a plane in front of the intracranial points (N, 3)."""
    normal = np.array([0.0, 1.0, -FACE_SLOPE]) / np.hypot(1, FACE_SLOPE)
    front_mm = (points_mm @ normal).max() + FACE_MM
    along = normal @ volume.affine[:3, :3]
    indices = np.ogrid[tuple(slice(n) for n in volume.array.shape)]
    height_mm = (
        sum(a * i for a, i in zip(along, indices, strict=True)) + normal @ volume.affine[:3, 3]
    )
    return VoxelImage(np.where(height_mm < front_mm, volume.array, 0), volume.affine)


def crops(volume: VoxelImage, mask: np.ndarray, grid: Grid) -> dict[str, VoxelImage]:
    """A scan without parts that are not intracranial; only those crops that take something away."""
    points_mm = grid.points_at(np.argwhere(mask).astype(float))
    low, high = points_mm.min(0), points_mm.max(0)
    far = np.full(3, np.inf)
    boxes = {
        f"neck {mm:.0f} mm below": (np.array([-np.inf, -np.inf, low[2] - mm]), far)
        for mm in NECK_MM
    }
    boxes["front"] = (-far, np.array([np.inf, high[1] + FRONT_MM, np.inf]))
    boxes["sides"] = (
        np.array([low[0] - SIDES_MM, -np.inf, -np.inf]),
        np.array([high[0] + SIDES_MM, np.inf, np.inf]),
    )
    boxes["above"] = (-far, np.array([np.inf, np.inf, high[2] + ABOVE_MM]))
    margins = np.array([SIDES_MM, FRONT_MM, BELOW_MM]), np.array([SIDES_MM, FRONT_MM, ABOVE_MM])
    boxes["all"] = (low - margins[0], high + margins[1])
    made = {name: crop(volume, *box) for name, box in boxes.items()}
    made = {name: crop for name, crop in made.items() if crop.array.shape != volume.array.shape}
    return {**made, "face": deface(volume, points_mm)}


def below_foramen_magnum_ml(coarse: CoarseResult) -> float:
    """What of the mask lies below the first axial section, from the middle down, under 11 cm²."""
    mask, voxel_mm = coarse.icv_mask, coarse.grid.spacing_mm
    areas_cm2 = mask.sum((0, 1)) * voxel_mm[0] * voxel_mm[1] / 100
    middle = int(np.argwhere(mask)[:, 2].mean())
    small = np.flatnonzero(areas_cm2[:middle] < FORAMEN_MAGNUM_CM2)
    if not len(small):
        return 0.0
    return float(areas_cm2[: small[-1]].sum() * voxel_mm[2] / 10)


def fold_sd_percent(coarse: CoarseResult) -> float:
    """Standard deviation of the folds' ICV in per cent of their mean."""
    folds = np.array(coarse.fold_icv_mm3)
    return float(100 * folds.std(ddof=1) / folds.mean())


def measure(segmenter: Segmenter, volume: VoxelImage) -> dict:
    """All figures of one scan, JSON-able; the changes by cropping in per cent."""
    coarse = segmenter.run_stages(volume).coarse
    mask = coarse.icv_mask
    pose = pose_of(mask, coarse.grid, coarse.place_mm)
    changes = {
        name: 100 * (segmenter.run_stages(crop).coarse.icv_mm3 / coarse.icv_mm3 - 1)
        for name, crop in crops(volume, mask, coarse.grid).items()
    }
    return {
        "icv_ml": coarse.icv_mm3 / MM3_PER_ML,
        "fold_sd_percent": fold_sd_percent(coarse),
        "below_foramen_magnum_ml": below_foramen_magnum_ml(coarse),
        "pitch_deg": pose.pitch_deg if pose else None,
        "noise_share": noise_share(volume, coarse),
        "air_brightness": air_brightness(coarse),
        "sinus_brightness": sinus_brightness(coarse),
        "change_percent": changes,
        "largest_change_percent": max(changes.values(), key=abs),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.icv_cropping", description=__doc__)
    parser.add_argument("scans", nargs="+", type=Path, help="whole heads, any readable format")
    parser.add_argument("--weights", type=Path, default=weight_files.default_weights_folder())
    parser.add_argument("--docs", type=Path, default=Path("Docs"))
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(arguments)
    engine = Options(structures=("icv",), device="cpu", threads=options.threads)
    segmenter = Segmenter(engine, options.weights)
    figures, failed = {}, False
    for path in options.scans:
        try:
            figures[path.name] = measure(segmenter, read_scan(path).volume)
            REAL_HEADS.keep(options.docs, {path.name: figures[path.name]})
        except HypothalamusSegError as error:
            print(f"{path}: {error}", flush=True)
            failed = True
    if figures:
        print("\n".join(REAL_HEADS.section(figures)))
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
