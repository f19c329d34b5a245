"""A scan or a grid in world space.

World space is RAS everywhere in this package (x to the patient's right, y to anterior, z to
superior, in millimeters), as in NIfTI and in Slicer. Arrays are indexed i, j, k as in NIfTI.
SimpleITK's k, j, i arrays and LPS world are converted in this module only.

Examples
--------
>>> grid = Grid.axis_aligned(np.zeros(3), (3, 3, 3), 2.0)
>>> round(grid.voxel_volume_mm3)
8
>>> grid.points_at(np.array([2.0, 1.0, 1.0])).tolist()
[2.0, 0.0, 0.0]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Grid:
    """Voxel grid in RAS world space.

    Attributes
    ----------
    shape : tuple of int
        Voxels along i, j, k.
    affine : ndarray, shape (4, 4)
        From voxel indices to RAS millimeters.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray

    @property
    def spacing_mm(self) -> np.ndarray:
        """Voxel size along i, j, k."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def voxel_volume_mm3(self) -> float:
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def centre_mm(self) -> np.ndarray:
        """RAS position of the center of the grid."""
        middle = (np.asarray(self.shape) - 1) / 2
        return self.affine[:3, :3] @ middle + self.affine[:3, 3]

    def indices_of(self, points_mm: np.ndarray) -> np.ndarray:
        """Convert RAS points, shape (..., 3), to continuous voxel indices."""
        inverse = np.linalg.inv(self.affine)
        return points_mm @ inverse[:3, :3].T + inverse[:3, 3]

    def points_at(self, indices: np.ndarray) -> np.ndarray:
        """Convert voxel indices, shape (..., 3), to RAS points."""
        return indices @ self.affine[:3, :3].T + self.affine[:3, 3]

    def box_around(self, other: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Find the index range (start, stop) of own voxels that contains another grid."""
        ends = [[0, n - 1] for n in other.shape]
        corners = np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T
        indices = self.indices_of(other.points_at(corners))
        low = np.clip(np.floor(indices.min(0)).astype(int), 0, self.shape)
        high = np.clip(np.ceil(indices.max(0)).astype(int) + 1, low, self.shape)
        return low, high

    @staticmethod
    def axis_aligned(centre_mm: np.ndarray, shape: tuple[int, int, int], spacing_mm: float) -> Grid:
        """Create an isotropic grid along the RAS axes, centered at ``centre_mm``."""
        affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
        affine[:3, 3] = np.asarray(centre_mm) - spacing_mm * (np.asarray(shape) - 1) / 2
        return Grid(shape, affine)


@dataclass(frozen=True)
class VoxelImage:
    """An array of voxels on a grid.

    Attributes
    ----------
    array : ndarray, shape (I, J, K)
    affine : ndarray, shape (4, 4)
        From voxel indices to RAS millimeters.
    """

    array: np.ndarray
    affine: np.ndarray

    @property
    def grid(self) -> Grid:
        return Grid(tuple(self.array.shape), self.affine)

    @property
    def spacing_mm(self) -> np.ndarray:
        return self.grid.spacing_mm

    @property
    def voxel_volume_mm3(self) -> float:
        return self.grid.voxel_volume_mm3


def image_from_volume(volume: VoxelImage) -> sitk.Image:
    """Convert a volume (RAS) to a SimpleITK image (LPS)."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.array.T))
    affine = LPS_FROM_RAS @ volume.affine
    spacing = volume.spacing_mm
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    # Rounding changes nothing visible, but ITK cannot invert matrices with subnormal numbers (from
    # headers with uninitialized fields) and then silently samples only zeros.
    image.SetDirection(np.round(affine[:3, :3] / spacing, 14).ravel().tolist())
    return image


def volume_from_image(image: sitk.Image) -> VoxelImage:
    """Convert a three-dimensional scalar SimpleITK image (LPS) to a volume (RAS)."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return VoxelImage(sitk.GetArrayFromImage(image).T, LPS_FROM_RAS @ affine)
