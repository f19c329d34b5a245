"""Clean-up and comparison of binary masks."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk


def largest_component(mask: np.ndarray) -> np.ndarray:
    """Keep the largest connected piece (face neighbours); an empty mask stays empty."""
    pieces = sitk.RelabelComponent(sitk.ConnectedComponent(_image(mask)))
    return sitk.GetArrayFromImage(pieces) == 1


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Fill the holes of a mask."""
    return sitk.GetArrayFromImage(sitk.BinaryFillhole(_image(mask))) == 1


def dilate(mask: np.ndarray, voxels: int) -> np.ndarray:
    """Grow a mask by a ball of some voxels."""
    grown = sitk.BinaryDilate(_image(mask), [voxels] * 3, sitk.sitkBall)
    return sitk.GetArrayFromImage(grown) == 1


def depth(mask: np.ndarray) -> np.ndarray:
    """Distance of each voxel to the mask's border in voxels: positive inside, negative outside."""
    outside = sitk.SignedMaurerDistanceMap(
        _image(mask), insideIsPositive=True, squaredDistance=False, useImageSpacing=False
    )
    return sitk.GetArrayFromImage(outside)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Dice overlap of two masks; 1 if both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2.0 * float((first & second).sum()) / total if total else 1.0


def _image(mask: np.ndarray) -> sitk.Image:
    return sitk.GetImageFromArray(np.ascontiguousarray(mask, dtype=np.uint8))
