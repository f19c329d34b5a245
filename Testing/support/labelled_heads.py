"""A tiny training data set: labelled scans and label heads, made of ellipsoids."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from HypothalamusSegLib import labels
from HypothalamusSegLib.geometry.voxel_image import Grid
from scipy.ndimage import gaussian_filter

SCAN_SHAPE, SCAN_SPACING_MM = (56, 66, 60), 3.0
REGION_SHAPE, REGION_SPACING_MM = (40, 40, 40), 1.0
HEAD_RADII_MM, SKULL_MM = np.array([70.0, 88.0, 78.0]), 9.0
FLUID, WHITE, SCALP = 24, 2, 507
# Six of the first scanner: enough for a test subject; two of the other are all trained on.
SCANNERS = {f"sub-{n:02d}": "Ulm 3 T" if n <= 6 else "other" for n in range(1, 9)}
SOFT, WITH_ICV = ("sub-01", "sub-03", "sub-05", "sub-07"), ("sub-01", "sub-02", "sub-03", "sub-08")
HEADS = tuple(f"head{n:02d}" for n in range(1, 7))


def write_scans(folder: Path) -> Path:
    """Eight subjects in a BIDS-like folder; soft and hard subunits, four ICV masks."""
    raters = folder / "derivatives" / "raters"
    for number, subject in enumerate(SCANNERS):
        head, centre_mm = Head(number), np.array([0.0, 5.0 + number % 3, -4.0])
        anat, derived = folder / subject / "anat", raters / subject / "anat"
        grid = Grid.axis_aligned(np.zeros(3), SCAN_SHAPE, SCAN_SPACING_MM)
        intensity = head.intensity(grid)
        intensity[_subunits(grid, centre_mm) > 0] = 60
        _save(anat / f"{subject}_T1w.nii.gz", intensity.astype(np.uint8), grid.affine)
        region = Grid.axis_aligned(centre_mm, REGION_SHAPE, REGION_SPACING_MM)
        subunits = _subunits(region, centre_mm)
        if subject in SOFT:
            each = [gaussian_filter(250.0 * (subunits == n), 0.8) for n in labels.SUBUNIT_LABELS]
            soft = np.stack(each, -1).round()
            path = derived / f"{subject}_seg-hypothalamus_probseg.nii.gz"
            _save(path, soft.astype(np.uint8), region.affine)
        else:
            _save(derived / f"{subject}_subunits_dseg.nii.gz", subunits, region.affine)
        if subject in WITH_ICV:
            mask = head.inside(grid, SKULL_MM).astype(np.uint8)
            _save(derived / f"{subject}_icv_mask.nii.gz", mask, grid.affine)
    rows = [f"{subject}\t{scanner}" for subject, scanner in SCANNERS.items()]
    (folder / "participants.tsv").write_text("\n".join(["participant_id\tscanner", *rows]) + "\n")
    return folder


def write_label_heads(folder: Path) -> Path:
    """Six label maps of whole heads with their intracranial masks."""
    for number, name in enumerate(HEADS):
        head, grid = Head(number), Grid.axis_aligned(np.zeros(3), SCAN_SHAPE, SCAN_SPACING_MM)
        inner = head.inside(grid, SKULL_MM)
        labelled = np.where(head.inside(grid, 0.0), SCALP, 0)
        labelled[inner] = FLUID
        labelled[head.inside(grid, SKULL_MM + 4)] = WHITE
        _save(folder / f"{name}_dseg.nii.gz", labelled.astype(np.int16), grid.affine)
        _save(folder / f"{name}_icv_mask.nii.gz", inner.astype(np.uint8), grid.affine)
    return folder


class Head:
    """An ellipsoidal head; each number gives another size and noise."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.radii_mm = HEAD_RADII_MM * (0.94 + 0.02 * (number % 5))

    def inside(self, grid: Grid, depth_mm: float) -> np.ndarray:
        """What lies deeper than ``depth_mm`` below the skin."""
        scaled = _points(grid) / (self.radii_mm - depth_mm)
        return (scaled**2).sum(-1) < 1

    def intensity(self, grid: Grid) -> np.ndarray:
        """White matter, dark fluid and skull, bright scalp, noise."""
        image = np.where(self.inside(grid, 0.0), 120.0, 2.0)
        image[self.inside(grid, 4.0)] = 25
        image[self.inside(grid, SKULL_MM + 4)] = 150
        return image + np.random.default_rng(self.number).uniform(0, 8, grid.shape)


def _subunits(grid: Grid, centre_mm: np.ndarray) -> np.ndarray:
    """Labels 801–810: an ellipsoid a side, cut into five slabs from behind to the front."""
    offset = _points(grid) - centre_mm
    found = np.zeros(grid.shape, np.int16)
    for side, x_mm in enumerate((-4.5, 4.5)):
        body = (((offset - [x_mm, 0, 0]) / [4.0, 8.0, 6.0]) ** 2).sum(-1) < 1
        slab = np.clip((offset[..., 1] + 8.0) / 3.2, 0, 4).astype(int)
        found[body] = labels.FIRST_SUBUNIT_LABEL + 5 * side + slab[body]
    return found


def _points(grid: Grid) -> np.ndarray:
    """RAS position of every voxel, shape (I, J, K, 3)."""
    axes = np.meshgrid(*map(np.arange, grid.shape), indexing="ij")
    return grid.points_at(np.stack(axes, -1).astype(float))


def _save(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
