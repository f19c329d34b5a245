"""Rigid registration of all visits to their midspace.

No visit is the reference. Each is registered to the mean of the others, goes its share of the way,
and is resampled from its own voxels again, until nothing moves. At the end, all images have been
interpolated once and in the same way, so that none looks smoother than another (Reuter and Fischl
2011). What does not fit, such as a tumor or a ventricle that has grown, loses its weight (Tukey's
biweight; Reuter, Rosas and Fischl 2010), and differences of brightness, linear in place, are fitted
along with the six parameters.

SimpleITK's registration with correlation as its metric ended 0.004 mm and 0.006° from the truth
after 14 s, on a scan and its rotated and noisier copy. This ends 0.001 mm and 0.003° from it after
3 s, because a step is exact once the scans lie within a few millimeters of each other.

Examples
--------
>>> registered = register(visits)  # doctest: +SKIP
>>> registered.settled  # doctest: +SKIP
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry import rigid
from ..geometry.resampling import resample_cubic, resample_mask
from ..geometry.voxel_image import VoxelImage
from .brightness import smooth_log_ratios
from .midspace import REACH_MM, SPACING_MM, in_midspace, midspace_grid, midspace_points
from .robust_fit import tukey_least_squares

# Blur of each round; the last one is repeated until nothing moves.
BLURS_MM = (6.0, 3.0, 2.0, 1.0)
MOST_ROUNDS = 14
SETTLED_WITHIN_MM, SETTLED_WITHIN_DEG = 0.003, 0.003
REWEIGHTINGS = 3
FEWEST_VOXELS = 2_000


class RegistrationError(Exception):
    """The scans have too little of the head in common to be registered."""


@dataclass(frozen=True)
class VisitImage:
    """What registration needs of one visit.

    Attributes
    ----------
    volume : VoxelImage
    icv : VoxelImage
        Intracranial posterior, 0–1, in the same world space.
    from_frame : ndarray, shape (4, 4)
        Rigid; from the pose of the template to the world of the visit, found in this visit alone.
    """

    volume: VoxelImage
    icv: VoxelImage
    from_frame: np.ndarray


@dataclass(frozen=True)
class Registration:
    """The midspace of some visits. Its origin is the center of the hypothalamus.

    Attributes
    ----------
    from_midspace : tuple of ndarray, shape (4, 4)
        Rigid, from the midspace to the world of each visit.
    similarity : tuple of float
        Correlation of each visit with the mean of the others in the brain they share, −1 to 1.
    mirrored_similarity : tuple of float
        The same for the visit's mirror image.
    log_ratios : tuple of ndarray
        Smooth differences of brightness (brightness.py).
    settled : bool
        Whether the last round moved nothing.
    """

    from_midspace: tuple[np.ndarray, ...]
    similarity: tuple[float, ...]
    mirrored_similarity: tuple[float, ...]
    log_ratios: tuple[np.ndarray, ...]
    settled: bool


def register(visits: Sequence[VisitImage]) -> Registration:
    """Find the midspace of two or more visits.

    The poses that the fine stage found are where it begins, and their mean is the pose of the
    midspace.

    Raises
    ------
    RegistrationError
        If the visits have too little of the brain in common.
    """
    starts = [visit.from_frame for visit in visits]
    transforms, settled = _settle(visits, starts)
    blurred = _images(visits, transforms, BLURS_MM[-1])
    inside = _shared_brain(visits, transforms)
    similarity = tuple(
        _correlation(image, _mean_of_others(blurred, index), inside)
        for index, image in enumerate(blurred)
    )
    mirrored = tuple(
        _mirrored_similarity(image, _mean_of_others(blurred, index), inside)
        for index, image in enumerate(blurred)
    )
    ratios = smooth_log_ratios(
        [image.ravel()[inside] for image in blurred], midspace_points()[:, inside]
    )
    return Registration(tuple(transforms), similarity, mirrored, tuple(ratios), settled)


def _settle(
    visits: Sequence[VisitImage], starts: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], bool]:
    """Register in rounds; returns the transforms and whether the last round moved nothing."""
    transforms, settled = list(starts), False
    inside = np.zeros(0, bool)
    share = (len(visits) - 1) / len(visits)
    for round_index in range(MOST_ROUNDS):
        blur_mm = BLURS_MM[min(round_index, len(BLURS_MM) - 1)]
        images = _images(visits, transforms, blur_mm)
        if round_index < len(BLURS_MM):  # later, the transforms hardly change
            inside = _shared_brain(visits, transforms)
        steps = [
            _step(image, _mean_of_others(images, index), inside)
            for index, image in enumerate(images)
        ]
        moved = [t @ rigid.part_of(s, share) for t, s in zip(transforms, steps, strict=True)]
        before, transforms = transforms, _centre(moved, starts)
        if round_index >= len(BLURS_MM) - 1:
            # Not the steps: they share a part, which centering takes off again.
            settled = all(
                _is_small(rigid.inverse(old) @ new)
                for old, new in zip(before, transforms, strict=True)
            )
            if settled:
                break
    return transforms, settled


def _is_small(step: np.ndarray) -> bool:
    return (
        rigid.distance_mm(step) < SETTLED_WITHIN_MM and rigid.angle_deg(step) < SETTLED_WITHIN_DEG
    )


def _centre(transforms: Sequence[np.ndarray], starts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Move the midspace to the mean of the poses that the visits had on their own."""
    drift = rigid.mean([rigid.inverse(s) @ t for s, t in zip(starts, transforms, strict=True)])
    back = rigid.inverse(drift)
    return [transform @ back for transform in transforms]


def _images(
    visits: Sequence[VisitImage], transforms: Sequence[np.ndarray], blur_mm: float
) -> list[np.ndarray]:
    """All visits on the lattice, blurred, each with a mean of 1."""
    from scipy import ndimage

    grid, images = midspace_grid(), []
    for visit, transform in zip(visits, transforms, strict=True):
        image = resample_cubic(in_midspace(visit.volume, transform), grid)
        image = ndimage.gaussian_filter(image, blur_mm / SPACING_MM)
        images.append(image / max(float(image.mean()), 1e-6))
    return images


def _shared_brain(visits: Sequence[VisitImage], transforms: Sequence[np.ndarray]) -> np.ndarray:
    """Voxels of the lattice that are intracranial in all visits and within reach; bool, flat."""
    grid = midspace_grid()
    inside = np.linalg.norm(midspace_points(), axis=0) < REACH_MM
    for visit, transform in zip(visits, transforms, strict=True):
        inside &= resample_mask(in_midspace(visit.icv, transform), grid).ravel() > 0
    if np.count_nonzero(inside) < FEWEST_VOXELS:
        raise RegistrationError("The scans share too little of the brain.")
    return inside


def _mean_of_others(images: Sequence[np.ndarray], index: int) -> np.ndarray:
    return np.mean([image for other, image in enumerate(images) if other != index], axis=0)


def _step(moving: np.ndarray, fixed: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """One Gauss–Newton step: the transform of the lattice after which ``moving`` fits ``fixed``."""
    points = midspace_points()[:, inside]
    # The gradient of the mean of both makes the step exact to second order (Malis 2004).
    gradients = np.gradient((moving + fixed) / 2, SPACING_MM)
    slope = np.stack([part.ravel()[inside] for part in gradients])
    seen, wanted = moving.ravel()[inside], fixed.ravel()[inside]
    brightness = np.stack([seen, np.ones_like(seen), *(seen * points / REACH_MM)])
    derivatives = np.concatenate([slope, np.cross(points.T, slope.T).T, brightness])
    found = tukey_least_squares(derivatives, wanted - seen, REWEIGHTINGS)
    return rigid.from_parameters(found[:6])


def _correlation(image: np.ndarray, other: np.ndarray, inside: np.ndarray) -> float:
    """Correlation after the linear part of a difference in brightness is taken off."""
    points = midspace_points()[:, inside] / REACH_MM
    seen, wanted = image.ravel()[inside], other.ravel()[inside]
    regressors = np.stack([seen, np.ones_like(seen), *(seen * points)])
    fitted = np.linalg.lstsq(regressors.T, wanted, rcond=None)[0] @ regressors
    if fitted.std() == 0 or wanted.std() == 0:
        return 0.0
    return float(np.corrcoef(fitted, wanted)[0, 1])


def _mirrored_similarity(image: np.ndarray, fixed: np.ndarray, inside: np.ndarray) -> float:
    """Register the mirror image of one visit to the mean of the others and correlate them.

    The lattice is symmetric about the midsagittal plane of the template, so mirroring is a flip.
    """
    from scipy import ndimage

    grid = midspace_grid()
    inside = inside & inside.reshape(fixed.shape)[::-1].ravel()
    mirrored = moved = image[::-1]
    at = np.eye(4)
    for _ in BLURS_MM:
        at = at @ _step(moved, fixed, inside)
        to_voxels = np.linalg.inv(grid.affine) @ at @ grid.affine
        moved = ndimage.affine_transform(mirrored, to_voxels, order=1, mode="nearest")
    return _correlation(moved, fixed, inside)
