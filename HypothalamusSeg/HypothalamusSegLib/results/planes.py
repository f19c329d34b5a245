"""Planes through a scan along the RAS axes of world space, and outlines on them.

Radiological convention: the right of the image is the patient's left, or posterior in sagittal
planes.

Examples
--------
>>> low, high = intensity_window(np.linspace(0, 100, 1000).reshape(10, 100))
>>> round(low), round(high)
(9, 100)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..geometry.resampling import interpolate
from ..geometry.voxel_image import Grid, VoxelImage, image_from_volume

WINDOW_PERCENTILES = (1.0, 99.5)
# Pixels below this share of the bright tissue are air and do not affect the window.
AIR_SHARE = 0.08


@dataclass(frozen=True)
class View:
    """A plane's orientation: ``across`` runs against its world axis, ``up`` along it."""

    name: str
    across: int
    up: int
    edges: str  # letters at the left, right, bottom and top of the image

    @property
    def normal(self) -> int:
        return 3 - self.across - self.up

    def grid(self, centre_mm: np.ndarray, field_mm: float, pixels: int) -> Grid:
        """Grid of one square slice, with image columns along i and rows along j."""
        spacing_mm = field_mm / pixels
        affine = np.zeros((4, 4))
        affine[self.across, 0], affine[self.up, 1] = -spacing_mm, spacing_mm
        affine[self.normal, 2] = spacing_mm
        middle = np.array([(pixels - 1) / 2, (pixels - 1) / 2, 0.0])
        affine[:3, 3] = centre_mm - affine[:3, :3] @ middle
        affine[3, 3] = 1.0
        return Grid((pixels, pixels, 1), affine)


CORONAL = View("Coronal", across=0, up=2, edges="RLIS")
AXIAL = View("Axial", across=0, up=1, edges="RLPA")
SAGITTAL = View("Sagittal", across=1, up=2, edges="APIS")


@dataclass(frozen=True)
class Outline:
    """A structure to be outlined; ``mask`` is a binary image in LPS world space."""

    name: str
    colour: str
    mask: sitk.Image
    centre_mm: np.ndarray
    voxels: int
    side: str = ""  # one of `labels.SIDES`, if the structure belongs to one

    def on_plane(self, grid: Grid) -> np.ndarray:
        """Interpolate the mask linearly; the outline is where the value is 0.5.

        Parameters
        ----------
        grid : Grid, shape (I, J, 1)

        Returns
        -------
        ndarray of float32, shape (J, I)
        """
        return interpolate(self.mask, grid)[:, :, 0].T


def outline_of(name: str, colour: str, volume: VoxelImage, label: int, side: str = "") -> Outline:
    """Prepare one label of a label map of shape (I, J, K) for drawing."""
    inside = volume.array == label
    counts = [inside.sum(axis=others) for others in ((1, 2), (0, 2), (0, 1))]
    voxels = int(counts[0].sum())
    middle = [np.arange(len(count)) @ count / max(voxels, 1) for count in counts]
    mask = image_from_volume(VoxelImage(inside.astype(np.uint8), volume.affine))
    centre_mm = volume.grid.points_at(np.array(middle))
    return Outline(name, colour, mask, centre_mm, voxels, side)


def intensity_window(plane: np.ndarray) -> tuple[float, float]:
    """Intensities shown as black and white, from the tissue (not the air) in a plane."""
    values = plane[np.isfinite(plane)]
    if not values.size:
        return 0.0, 1.0
    darkest, bright = float(values.min()), float(np.percentile(values, 99))
    tissue = values[values > darkest + AIR_SHARE * (bright - darkest)]
    low, high = np.percentile(tissue if tissue.size else values, WINDOW_PERCENTILES)
    return float(low), float(max(high, low + 1e-6))
